"""Tune tab: a search over hyperparameters with a time budget, and its history."""

from typing import Final

import streamlit as st

from phantom_core.core.settings import Settings
from phantom_core.use_cases.models.job_tune_multitask import TuneMultitaskRequest
from phantom_core.views.demand.multitask import tuning_table
from ui.accounts.account import start_job
from ui.charts.demand import tuning_chart
from ui.charts.frame import show_chart
from ui.frame.handles import open_jobs
from ui.frame.job_watch import watch_job
from ui.frame.tables import csv_button

KIND: Final = TuneMultitaskRequest.kind
_MINUTES: Final = round(TuneMultitaskRequest().seconds / 60)


def tune_tab(settings: Settings) -> None:
    """Start or go on with a search, and show what it found."""
    st.markdown(
        "A search tries widths, rates and weights on folds of the same data, the defaults first. "
        "It may be stopped, and goes on later where it was."
    )
    busy = any(job.kind == KIND for job in open_jobs().active())
    with st.container(horizontal=True, vertical_alignment="bottom"):
        minutes = st.number_input("Minutes", 1, 600, _MINUTES, key="tune_minutes", width=150)
        if st.button("Search", type="primary", icon=":material/tune:", disabled=busy, key="tune"):
            start_job(TuneMultitaskRequest(seconds=60 * int(minutes)))
            st.rerun()
    watch_job(KIND, "Tuning", "what was tried so far is kept")
    table = tuning_table(settings)
    if table.empty:
        st.caption("Nothing was tried yet.")
        return
    gain = 100 * (1 - float(table["best"].iloc[-1]) / float(table["loss"].iloc[0]))
    said = (
        f"Of {len(table)} tried, the best loses {gain:.1f} % less than the defaults"
        if gain > 0.05
        else f"{len(table)} tried; the defaults are best so far"
    )
    reading = (
        "Held-out surprise of both tasks in units of the base rates': 1 is no better than "
        "promising everybody the average."
    )
    show_chart(tuning_chart(table), said, reading, key="tuning", download="tuning")
    st.dataframe(table, hide_index=True, placeholder="–")
    csv_button("History as CSV", table, "tuning.csv", "tuning_csv")
