"""Leakage form: of which days, and with which rules in mind, the ledger is made."""

from typing import Final

import streamlit as st

from phantom_core.core.settings import Settings
from phantom_core.use_cases.rules.job_measure_leakage import MeasureLeakageRequest
from ui.accounts.account import start_job
from ui.frame.handles import open_jobs
from ui.rules.draft import rule_set_choices
from ui.rules.replay import days_of

KIND: Final = MeasureLeakageRequest.kind
_USUAL: Final = MeasureLeakageRequest()


def leakage_form(settings: Settings) -> None:
    """Ask, and start the work."""
    busy, choices = (
        any(job.kind == KIND for job in open_jobs().active()),
        rule_set_choices(settings),
    )
    with (
        st.container(border=True, key="leakage_form"),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        days = st.date_input(
            "Days (UTC)",
            value=[],
            key="leakage_days",
            bind="query-params",
            width=240,
            help="None means all days.",
        )
        rules = st.selectbox(
            "Rules that would correct it", choices, index=choices.index(_USUAL.rules), key="leakage_rules", bind="query-params", width=240,
            help="For the parts by rule, and for how many humans these rules would mark up.",
        )  # fmt: skip
        why = "The leakage is being measured." if busy else None
        if st.button(
            "Measure the leakage",
            type="primary",
            icon=":material/water_drop:",
            disabled=busy,
            help=why,
            key="measure_leakage",
        ):
            first_day, last_day = days_of(days)
            start_job(
                MeasureLeakageRequest(rules=str(rules), first_day=first_day, last_day=last_day)
            )
            st.rerun()
