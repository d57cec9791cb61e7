"""Given tab: labels so far, agreement of people, use and export."""

import pandas as pd
import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.core.csv_file import csv_of_table
from phantom_core.core.settings import Settings
from phantom_core.use_cases.labels.apply_labels import apply_labels
from phantom_core.use_cases.labels.export_labels import export_labels
from phantom_core.views.labels.label_state import LabelState, label_state
from ui.accounts.account import current_login, current_person, is_allowed
from ui.frame.handles import now_ms
from ui.frame.wording import format_count, format_number_of, format_percent


def given_tab(settings: Settings) -> None:
    """Show what people labelled, and make labels of what they agree on."""
    state = label_state(settings)
    if not state.by_person:
        st.info("No labels were given here yet.", icon=":material/label_off:")
        return
    with st.grid(4, min_column_width=150, gap="small"):
        st.metric("Agents", format_count(state.n_agent))
        st.metric("Humans", format_count(state.n_human))
        st.metric("Disputed", format_count(state.n_disputed), help="These have no label.")
        st.metric("Cannot tell", format_count(state.n_skipped))
    _use(settings, state)
    _agreement(state)
    if state.disputed:
        st.markdown("**Disputed**: talk about them, then label them again.")
        st.dataframe(pd.DataFrame({"session": state.disputed}), hide_index=True)


def _use(settings: Settings, state: LabelState) -> None:
    with st.container(horizontal=True):
        can_use = is_allowed(Permission.WORK) and current_person() is not None
        if st.button(
            f"Use {format_number_of(state.n_agent + state.n_human, 'label')}",
            type="primary",
            icon=":material/check:",
            disabled=not can_use,
            key="labels_apply",
            help="Writes what people agree on to the data; models learn from it, and disputed "
            "sessions lose their label.",
        ):
            done = apply_labels(settings, current_login(Permission.WORK), now_ms=now_ms())
            st.toast(
                f"{format_number_of(done.changed, 'label')} changed, "
                f"{format_count(done.withdrawn)} withdrawn."
            )
        st.download_button(
            "Download labels as CSV",
            lambda: csv_of_table(export_labels(settings)),
            "labels.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )


def _agreement(state: LabelState) -> None:
    if not state.agreement:
        st.caption(
            "Agreement is measured once two people labelled the same sessions: switch on "
            "“Check what other people labelled” at the desk."
        )
        return
    st.dataframe(
        pd.DataFrame(
            {
                "people": f"{one.one}, {one.other}",
                "sessions": one.n_sessions,
                "agreed": format_percent(one.n_agreed / one.n_sessions, 0),
                "kappa": f"{one.kappa.value:.2f} [{one.kappa.low:.2f}, {one.kappa.high:.2f}]",
            }
            for one in state.agreement
        ),
        hide_index=True,
        column_config={
            "kappa": st.column_config.TextColumn(
                "Cohen's κ", help="1: full agreement, 0: as by chance; with its 95 % interval."
            )
        },
    )
