"""Form of the frontier: the target, and the job that traces what is reachable."""

from typing import Final, Literal

import streamlit as st

from phantom_core.core.settings import Settings
from phantom_core.use_cases.rules.job_trace_frontier import TraceFrontierRequest
from phantom_core.use_cases.rules.learn_policy import usual_constraints
from ui.accounts.account import start_job
from ui.frame.handles import open_jobs

KIND: Final = TraceFrontierRequest.kind
_DEFAULT: Final = TraceFrontierRequest()
_SOURCES: Final[dict[Literal["auto", "log", "market"], str]] = {
    "auto": "Recorded, else simulated",
    "log": "Recorded shoppers",
    "market": "Simulated shoppers",
}


def frontier_form(settings: Settings) -> None:
    """Ask for the target and start the job."""
    usual = usual_constraints(settings)
    busy = any(job.kind == KIND for job in open_jobs().active())
    with st.grid(3, min_column_width=220, gap="medium"):
        cut = st.number_input(
            "Target: leakage recovered, %",
            0,
            99,
            round(100 * _DEFAULT.leakage_cut),
            key="frontier_cut",
        )
        gain = st.number_input(
            "Target: revenue gained, %",
            -50,
            100,
            round(100 * _DEFAULT.revenue_gain),
            key="frontier_gain",
        )
        loss = st.number_input(
            "Target: human purchases lost at most, %",
            0.0,
            99.0,
            100 * _DEFAULT.human_conversion_loss,
            0.5,
            key="frontier_loss",
        )
        lowest = st.number_input(
            "Lowest mark-up of learned rules",
            0.5,
            1.0,
            usual.lowest_markup,
            0.05,
            key="frontier_lowest",
        )
        highest = st.number_input(
            "Highest mark-up of learned rules",
            1.0,
            2.0,
            usual.highest_markup,
            0.05,
            key="frontier_highest",
        )
        source = st.selectbox(
            "Shoppers",
            list(_SOURCES),
            format_func=lambda name: _SOURCES[name],
            key="frontier_source",
        )
    if st.button(
        "Trace the frontier",
        type="primary",
        icon=":material/show_chart:",
        disabled=busy,
        help="A frontier is being traced." if busy else None,
        key="frontier_trace",
    ):
        start_job(
            TraceFrontierRequest(
                leakage_cut=cut / 100,
                revenue_gain=gain / 100,
                human_conversion_loss=loss / 100,
                lowest_markup=lowest,
                highest_markup=highest,
                source=source,
            )
        )
        st.rerun()
