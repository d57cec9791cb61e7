"""Train form of the network: choices, a start button, and the losses of a training on its way."""

from typing import Final

import streamlit as st

from phantom_core.core.settings import Settings
from phantom_core.models.splits import MIN_FOLDS
from phantom_core.use_cases.models.job_train_multitask import TrainMultitaskRequest
from phantom_core.views.demand.multitask import recorded_losses, was_tuned
from ui.accounts.account import start_job
from ui.charts.demand import losses_chart
from ui.charts.frame import show_chart
from ui.frame.handles import open_jobs
from ui.frame.job_watch import LOOK_EVERY_S

KIND: Final = TrainMultitaskRequest.kind
_USUAL: Final = TrainMultitaskRequest()
_AUTO: Final = "what the logs allow"
_MOMENTS: Final = {
    _AUTO: "",
    "first quote of each product": "first_quote",
    "each session before its first cart": "before_cart",
}


def train_form(settings: Settings) -> None:
    """Ask for choices, and start a training."""
    busy = any(job.kind == KIND for job in open_jobs().active())
    is_tuned = was_tuned(settings)
    with st.form("train_network", border=False):
        with st.grid(3, min_column_width=220, gap="medium"):
            folds = st.slider(
                "Folds",
                MIN_FOLDS,
                10,
                _USUAL.folds,
                help="Actors are dealt into so many parts; each is judged by a network that met "
                "only the others.",
            )
            moments = st.selectbox(
                "Asked at",
                list(_MOMENTS),
                help="Where no quotes are logged, a whole session is asked before its first cart.",
            )
            seed = st.number_input(
                "Seed",
                0,
                2**31 - 1,
                settings.seed,
                help="The same data, choices and seed give the same network.",
            )
        with st.container(horizontal=True):
            learns = st.checkbox(
                "Learn the weights of both tasks",
                help="By their noise, in place of 1 for agents and 2 for purchases.",
            )
            tuned = st.checkbox(
                "Use tuned hyperparameters",
                value=is_tuned,
                disabled=not is_tuned,
                help="The best that tuning found."
                if is_tuned
                else "Nothing was tuned yet: see the tab Tune.",
            )
        started = st.form_submit_button(
            "Train the network",
            type="primary",
            icon=":material/model_training:",
            disabled=busy,
            help="A training is running." if busy else None,
        )
    if started:
        start_job(
            TrainMultitaskRequest(
                folds=int(folds),
                moments=_MOMENTS[str(moments)],
                seed=int(seed),
                learns_weights=bool(learns),
                tuned=bool(tuned),
            )
        )
        st.rerun()


@st.fragment(run_every=LOOK_EVERY_S)
def live_losses(settings: Settings) -> None:
    """Losses of a training on its way, fold by fold."""
    told = recorded_losses(settings)
    if told.empty:
        st.caption("Looking up what was known at every quote; the first losses come in a moment.")
        return
    reading = (
        "Mean surprise on actors kept aside, one line a fold; a fold ends where it gets no better."
    )
    with st.grid(2, min_column_width=380, gap="medium") as grid:
        for task, title in (("agent", "Who is an agent"), ("purchase", "Who buys")):
            if told[task].notna().any():
                with grid.cell():
                    show_chart(losses_chart(told, task), title, reading, key=f"live_{task}")
