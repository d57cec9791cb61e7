"""Audit tab: how many labels are wrong, which ones, and their relabelling."""

from typing import Final
from urllib.parse import quote

import pandas as pd
import streamlit as st

from phantom_core.core.errors import NotFoundError
from phantom_core.core.estimate import Estimate
from phantom_core.core.settings import Settings
from phantom_core.labelling.audit_report import AuditReport
from phantom_core.use_cases.labels.audit_labels import newest_audit
from phantom_core.use_cases.labels.job_audit_labels import AuditLabelsRequest
from phantom_core.views.workspace.snapshot import Snapshot
from ui.accounts.account import start_job
from ui.frame.handles import open_jobs
from ui.frame.job_watch import watch_job
from ui.frame.wording import format_count, format_moment

KIND: Final = AuditLabelsRequest.kind


def audit_tab(settings: Settings, snapshot: Snapshot) -> None:
    """Start an audit, show the newest one."""
    st.markdown(
        "Compares each label with the score of models that did not see its actor. Among the actors "
        "that these are surest of, a contradicting label is nearly always a wrong one."
    )
    busy = any(job.kind == KIND for job in open_jobs().active())
    if st.button(
        "Audit the labels",
        type="primary",
        icon=":material/fact_check:",
        disabled=busy,
        key="audit_labels",
    ):
        start_job(AuditLabelsRequest())
        st.rerun()
    watch_job(KIND, "The audit")
    try:
        found = newest_audit(settings)
    except NotFoundError:
        st.info("The labels of this workspace were not audited yet.", icon=":material/info:")
        return
    _report(found, snapshot)


def _report(found: AuditReport, snapshot: Snapshot) -> None:
    older = "" if found.lake_version == snapshot.stamp.versions[0] else " · older than the data"
    st.caption(f"Audited {format_moment(found.created_ms)} UTC{older}")
    for sentence in found.sentences():
        st.markdown(f"- {sentence}")
    st.dataframe(
        pd.DataFrame(
            {
                "source": one.source,
                "actors": one.n_actors,
                "wrong": _share(one.wrong),
                "of those that say human": _share(one.wrong_of_human),
                "of those that say agent": _share(one.wrong_of_agent),
            }
            for one in found.sources
        ),
        hide_index=True,
    )
    st.subheader(f"Suspected labels ({format_count(found.n_suspect)})")
    st.dataframe(
        pd.DataFrame(
            {
                "session": one.session_id,
                "label": one.label,
                "source": one.source,
                "p_agent": one.p_agent,
                "open": f"/sessions?session={quote(one.session_id)}",
            }
            for one in found.suspects
        ),
        hide_index=True,
        height=300,
        column_config={
            "p_agent": st.column_config.NumberColumn(
                "P(agent), out of fold", format="%.2f", help="Of a model without its actor."
            ),
            "open": st.column_config.LinkColumn("", display_text=":material/open_in_new:"),
        },
    )
    st.caption(
        "A label from the desk overrides that of an experiment or a file: open a suspect, and "
        "label it with `labels give`, or at the desk."
    )


def _share(found: Estimate | None) -> str:
    return "too few" if found is None else f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}]"
