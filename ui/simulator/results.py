"""Results: the chosen run, or two runs side by side."""

from typing import Final

import streamlit as st

from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.jobs.jobs import Job
from phantom_core.market.policies.kind import plain_policies
from phantom_core.market.scenario import load_scenario
from phantom_core.use_cases.markets.job_simulate import TrialPair
from phantom_core.use_cases.markets.simulate import SavedTrial, open_trial
from phantom_core.views.simulator.scenario_choice import FIRST
from phantom_core.views.simulator.trial_list import trial_titles
from ui.frame.errors import show_error
from ui.frame.linked import set_widgets
from ui.simulator.sections import CHARTS, WIDE, Shown
from ui.simulator.setup import NOTHING, is_busy, start_trial

NEWEST: Final = "newest"
_WAITED: Final = "waited_for_trial"


def offer_first_run(settings: Settings) -> None:
    """Explain the simulator, and offer a first run."""
    with st.container(border=True, key="no_trial"):
        st.markdown("**No runs yet**")
        st.markdown(
            "A run compares policies on the same simulated shoppers, with the optimum and the best "
            "fixed price as references. The first one takes a few seconds."
        )
        if st.button(
            "Run the default policies in Tight stock",
            icon=":material/play_arrow:",
            disabled=is_busy(),
            key="first_trial",
        ):
            start_trial(settings, load_scenario(FIRST), list(plain_policies()))


def follow_job(job: Job | None) -> None:
    """Show a run when the job that the reader waited for is done."""
    if job is None:
        return
    if job.is_active:
        st.session_state[_WAITED] = job.job_id
    elif st.session_state.get(_WAITED) == job.job_id:
        del st.session_state[_WAITED]
        if job.state == "done":
            found = job.report_as(TrialPair)
            set_widgets({"trial": found.trial, "beside": found.beside or NOTHING})


def draw_results(settings: Settings) -> None:
    """Choose one saved run or two, and show them."""
    titles = trial_titles(settings)
    if not titles:
        if not is_busy():
            offer_first_run(settings)
        return
    st.subheader("Results")
    newest = next(iter(titles))
    with st.grid(2, min_column_width=330, gap="medium"):
        shown = st.selectbox(
            "Run",
            [NEWEST, *titles],
            format_func=lambda name: titles.get(name, f"newest: {titles[newest]}"),
            key="trial",
            bind="query-params",
        )
        other = st.selectbox(
            "Compare with",
            [NOTHING, *titles],
            format_func=lambda name: titles.get(name, name),
            key="beside",
            bind="query-params",
        )
    first = _opened(settings, newest if shown not in titles else str(shown))
    second = _opened(settings, str(other)) if other in titles else None
    if first and second:
        _pair(Shown.of(first, "a", is_paired=True), Shown.of(second, "b", is_paired=True))
    elif first:
        _alone(Shown.of(first, "a", is_paired=False))


def _opened(settings: Settings, trial_id: str) -> SavedTrial | None:
    try:
        return open_trial(settings, trial_id)
    except (DataError, NotFoundError) as error:
        show_error(error.message, error.hint)
        return None


def _alone(shown: Shown) -> None:
    for draw in WIDE:
        draw(shown)
    with st.grid(2, min_column_width=400, gap="medium") as grid:
        for draw in CHARTS:
            with grid.cell():
                draw(shown)


def _pair(first: Shown, second: Shown) -> None:
    """The same section of both in one row, or stacked where the window is narrow."""
    with st.grid(2, min_column_width=480, gap="medium") as grid:
        for draw in (*WIDE, *CHARTS):
            for shown in (first, second):
                with grid.cell():
                    draw(shown)
