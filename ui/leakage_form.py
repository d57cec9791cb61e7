"""Leakage form: of which days, and with which rules in mind, the ledger is made."""

from typing import Final

import streamlit as st

from phantom_core.market.session_market import BANDS
from phantom_core.settings import Settings
from ui.account import start_job
from ui.handles import jobs
from ui.rules_draft import rule_set_choices
from ui.rules_replay import days_of

KIND: Final = "measure_leakage"


def leakage_form(settings: Settings) -> None:
    """Ask, and start the work."""
    busy, choices = any(job.kind == KIND for job in jobs().active()), rule_set_choices(settings)
    with st.container(border=True, key="leakage_form"), st.container(horizontal=True, vertical_alignment="bottom"):
        days = st.date_input("Days (UTC)", value=[], key="leakage_days", bind="query-params", width=240, help="None means all days.")
        rules = st.selectbox(
            "Rules that would correct it", choices, index=choices.index(BANDS.name), key="leakage_rules", bind="query-params", width=240,
            help="For the parts by rule, and for how many humans these rules would mark up.",
        )  # fmt: skip
        why = "The leakage is being measured." if busy else None
        if st.button("Measure the leakage", type="primary", icon=":material/water_drop:", disabled=busy, help=why, key="measure_leakage"):
            start_job(KIND, {"rules": str(rules), **days_of(days)})
            st.rerun()
