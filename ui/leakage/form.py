"""Leakage form: days and recovery rule set of the ledger."""

from typing import Final

import streamlit as st

from phantom_core.core.settings import Settings
from phantom_core.use_cases.rules.job_measure_leakage import MeasureLeakageRequest
from ui.accounts.account import start_job
from ui.frame.day_range import choose_days, iso_days
from ui.frame.handles import current_snapshot, open_jobs
from ui.rules.draft import rule_set_choices

KIND: Final = MeasureLeakageRequest.kind
_USUAL: Final = MeasureLeakageRequest()


def leakage_form(settings: Settings) -> None:
    """Draw the form, and start the job."""
    busy, choices = (
        any(job.kind == KIND for job in open_jobs().active()),
        rule_set_choices(settings),
    )
    with (
        st.container(border=True, key="leakage_form"),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        days = choose_days(current_snapshot(), "leakage_from", "leakage_to")
        rules = st.selectbox(
            "Recovery rule set",
            choices,
            index=choices.index(_USUAL.rules),
            key="leakage_rules",
            bind="query-params",
            width=240,
            help="Used for the breakdown by rule, and for the share of humans marked up.",
        )
        why = "A measurement is running." if busy else None
        if st.button(
            "Measure leakage",
            type="primary",
            icon=":material/water_drop:",
            disabled=busy,
            help=why,
            key="measure_leakage",
        ):
            first_day, last_day = iso_days(days)
            start_job(
                MeasureLeakageRequest(rules=str(rules), first_day=first_day, last_day=last_day)
            )
            st.rerun()
