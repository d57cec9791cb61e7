"""Compare tab: differences of two rule sets, in lines, quotes and sessions."""

from typing import Final

import streamlit as st

from phantom_core.core.settings import Settings
from phantom_core.views.rules.replays import changed_lines, changed_sessions_table, moved_table
from ui.frame.empty import show_missing
from ui.frame.tables import csv_button
from ui.frame.wording import escape, format_number_of, format_percent
from ui.rules.replay import choose_replay, saved_replay

_SHOWN: Final = 500
_MOVED: Final = {
    "before": st.column_config.TextColumn("Rule before"),
    "after": st.column_config.TextColumn("Rule after"),
    "quotes": st.column_config.NumberColumn("Quotes", format="localized", width=80),
    "human": st.column_config.NumberColumn("By humans", format="%.0f", help="Expected number."),
    "agent": st.column_config.NumberColumn("By agents", format="%.0f", help="Expected number."),
}


def compare_tab(settings: Settings) -> None:
    """Compare the two rule sets of a replay."""
    chosen = choose_replay(settings)
    found = saved_replay(settings, chosen)
    if found is None or chosen is None:
        show_missing(
            "Nothing to compare yet",
            "First replay the rules against another rule set in the tab Replay.",
        )
        return
    rules, against = found.rules, found.against
    with st.grid(2, min_column_width=420, gap="medium") as grid:
        with grid.cell():
            st.markdown(f"**Diff: {escape(rules.name)} vs {escape(against.name)}**")
            st.code(
                changed_lines(against.text, rules.text) or "No differences.",
                language="diff",
                wrap_lines=True,
            )
        with grid.cell():
            st.markdown("**Rule migration**")
            st.dataframe(
                moved_table(found), hide_index=True, height="content", column_config=_MOVED
            )
    share = format_percent(found.share_changed.value, 1)
    st.markdown(
        f"**{format_number_of(found.changed, 'session')} ({share}) would have seen a different "
        "price**"
    )
    if found.changed:
        _sessions(settings, chosen.name)


def _sessions(settings: Settings, name: str) -> None:
    rows = changed_sessions_table(settings, name, _SHOWN)
    st.dataframe(
        rows.assign(session=[f"/sessions?session={name}" for name in rows["session_id"]]),
        hide_index=True,
        placeholder="–",
        height=360,
        column_order=[
            "session",
            "start",
            "label",
            "family",
            "agent_probability",
            "quotes_changed",
            "markup_before",
            "markup_after",
            "rule_before",
            "rule_after",
        ],
        column_config={
            "session": st.column_config.LinkColumn(
                "Session", display_text=r"session=(.*)$", help="Opens the page Sessions."
            ),
            "start": st.column_config.DatetimeColumn(
                "Start (UTC)", format="YYYY-MM-DD HH:mm", width=135
            ),
            "label": st.column_config.TextColumn("Label", width=80),
            "family": st.column_config.TextColumn("Family", width=130),
            "agent_probability": st.column_config.ProgressColumn(
                "P(agent)", format="%.2f", min_value=0, max_value=1, color="orange"
            ),
            "quotes_changed": st.column_config.NumberColumn(
                "Prices", width=65, help="Quotes whose price differs."
            ),
            "markup_before": st.column_config.NumberColumn("Before", format="×%.2f", width=75),
            "markup_after": st.column_config.NumberColumn("After", format="×%.2f", width=75),
            "rule_before": st.column_config.TextColumn("Rule before"),
            "rule_after": st.column_config.TextColumn("Rule after"),
        },
    )
    st.caption(f"Largest changes first, at most {_SHOWN}; the CSV has all sessions.")
    csv_button(
        "Download all sessions as CSV",
        changed_sessions_table(settings, name),
        "changed_sessions.csv",
        "changed_csv",
    )
