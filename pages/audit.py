"""Audit: who did what and why, in a hash chain that reveals tampering."""

from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from phantom_core.database import audit
from phantom_core.use_cases.approvals.audit_pack import verify_chain
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.audit.verify_audit import AuditAnswer, AuditVerification
from ui.frame.empty import show_missing
from ui.frame.errors import friendly_errors
from ui.frame.frame import require_frame
from ui.frame.handles import current_settings
from ui.frame.page_spec import PageSpec
from ui.frame.tables import csv_button
from ui.frame.wording import code_span, escape, format_count

PAGE = PageSpec(title="Audit", icon=":material/history_edu:", section="Control", order=150)

NEWEST = 2_000


def entries_table() -> pd.DataFrame:
    """The newest entries."""
    with control_database(current_settings()).connect() as connection:
        found = audit.list_entries(connection, newest=NEWEST)[::-1]
    return pd.DataFrame(
        {
            "entry": [one.seq for one in found],
            "when": [datetime.fromtimestamp(one.at_ms / 1_000, UTC) for one in found],
            "who": [one.who for one in found],
            "what": [one.action for one in found],
            "about": [one.about for one in found],
            "details": [one.details for one in found],
            "hash": [one.hash for one in found],
        }
    )


def draw_verification(chain: AuditVerification) -> None:
    """The answer, and what it rests on."""
    lines = "\n".join(f"- {escape(one)}" for one in (*chain.problems, *chain.unknown))
    if chain.answer is AuditAnswer.HOLDS:
        st.success(
            f"The chain of {format_count(chain.n_entries)} entries holds; its head is "
            f"{code_span(chain.head[:24])}. Anchored up to entry {format_count(chain.anchored)}.",
            icon=":material/verified:",
        )
    elif chain.answer is AuditAnswer.UNKNOWN:
        st.warning(
            f"**Cannot tell whether the chain holds.** What vouches for it is missing.\n\n{lines}",
            icon=":material/gpp_maybe:",
        )
    else:
        st.error(
            f"**The audit chain does not hold.** The database was changed outside PHANTOM.\n\n"
            f"{lines}",
            icon=":material/gpp_bad:",
        )
    if chain.notes:
        with st.expander(f"{format_count(len(chain.notes))} notes", icon=":material/info:"):
            st.markdown("\n".join(f"- {escape(one)}" for one in chain.notes))


require_frame()
with friendly_errors():
    st.title(PAGE.title)
    st.caption(
        "Each entry contains the hash of the previous one, and signed heads are anchored outside "
        "the database, so any later change, removal or re-ordering is detected."
    )
    chain = verify_chain(current_settings())
    if not chain.n_entries and chain.holds:
        show_missing(
            "No entries yet",
            "Sign-ins, change requests, releases and changes to accounts are recorded here.",
        )
        st.stop()
    draw_verification(chain)
    table = entries_table()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        about = st.selectbox(
            "About",
            ["all entries", *dict.fromkeys(table["about"])],
            key="about",
            bind="query-params",
            width=240,
        )
        who = st.selectbox(
            "Who",
            ["all people", *dict.fromkeys(table["who"])],
            key="who",
            bind="query-params",
            width=220,
        )
        csv_button("Download entries as CSV", table, "audit.csv", key="audit_csv")
    chosen = table[
        ((table["about"] == about) | (about == "all entries"))
        & ((table["who"] == who) | (who == "all people"))
    ]
    st.dataframe(
        chosen,
        hide_index=True,
        height=520 if len(chosen) > 14 else "content",
        column_config={
            "entry": st.column_config.NumberColumn("Entry", width=60),
            "when": st.column_config.DatetimeColumn(
                "When, UTC", format="YYYY-MM-DD HH:mm:ss", width=160
            ),
            "who": "Who",
            "what": "What",
            "about": "About",
            "details": st.column_config.TextColumn("Details", width="large"),
            "hash": st.column_config.TextColumn("Hash", width=120),
        },
    )
    st.caption(
        f"Shows the newest {NEWEST:,} entries. `python -m phantom_core audit export N` exports "
        "the full record of one request for a regulator."
    )
