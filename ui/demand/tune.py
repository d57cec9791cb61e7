"""Tune tab: a hyperparameter search with a time budget, and its history."""

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
    """Start or resume a search, and show its results."""
    st.markdown(
        "Searches layer widths, learning rates and task weights by cross-validation, starting "
        "with the defaults. You can stop and resume it."
    )
    busy = any(job.kind == KIND for job in open_jobs().active())
    with st.container(horizontal=True, vertical_alignment="bottom"):
        minutes = st.number_input(
            "Time budget, min", 1, 600, _MINUTES, key="tune_minutes", width=150
        )
        if st.button(
            "Start search", type="primary", icon=":material/tune:", disabled=busy, key="tune"
        ):
            start_job(TuneMultitaskRequest(seconds=60 * int(minutes)))
            st.rerun()
    watch_job(KIND, "Tuning", "finished trials are saved")
    table = tuning_table(settings)
    if table.empty:
        st.caption("No trials yet.")
        return
    gain = 100 * (1 - float(table["best"].iloc[-1]) / float(table["loss"].iloc[0]))
    finding = (
        f"The best of {len(table)} trials has {gain:.1f} % lower loss than the defaults"
        if gain > 0.05
        else f"The defaults are the best of {len(table)} trials so far"
    )
    reading = (
        "Validation log loss of both tasks relative to predicting the base rates (1: no better)."
    )
    show_chart(tuning_chart(table), finding, reading, key="tuning", download="tuning")
    st.dataframe(table, hide_index=True, placeholder="–")
    csv_button("Download history as CSV", table, "tuning.csv", "tuning_csv")
