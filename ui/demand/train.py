"""Train form of the network: options, start, and the losses of a running training."""

from typing import Final

import streamlit as st

from phantom_core.core.settings import Settings
from phantom_core.models.splits import MIN_FOLDS
from phantom_core.use_cases.models.job_train_multitask import TrainMultitaskRequest
from phantom_core.views.demand.multitask import recorded_losses, was_tuned
from ui.accounts.account import start_job
from ui.charts.demand import losses_chart
from ui.charts.frame import show_chart
from ui.frame.fragments import fragment
from ui.frame.handles import open_jobs
from ui.frame.job_watch import LOOK_EVERY_S

KIND: Final = TrainMultitaskRequest.kind
_USUAL: Final = TrainMultitaskRequest()
_AUTO: Final = "automatic, by the logs"
_MOMENTS: Final = {
    _AUTO: "",
    "first quote of each product": "first_quote",
    "each session before its first cart": "before_cart",
}


def train_form(settings: Settings) -> None:
    """Choose options, and start a training."""
    busy = any(job.kind == KIND for job in open_jobs().active())
    is_tuned = was_tuned(settings)
    with st.form("train_network", border=False):
        with st.grid(3, min_column_width=220, gap="medium"):
            folds = st.slider(
                "Folds",
                MIN_FOLDS,
                10,
                _USUAL.folds,
                help="Actors are split into this many folds; each is scored by a network trained "
                "on "
                "the others.",
            )
            moments = st.selectbox(
                "Prediction time",
                list(_MOMENTS),
                help="Without logged quotes, each session is predicted before its first cart "
                "event.",
            )
            seed = st.number_input(
                "Seed",
                0,
                2**31 - 1,
                settings.seed,
                help="The same data, options and seed give the same network.",
            )
        with st.container(horizontal=True):
            learns = st.checkbox(
                "Learn the weights of both tasks",
                help="By their uncertainty, instead of 1 for agents and 2 for purchases.",
            )
            tuned = st.checkbox(
                "Use tuned hyperparameters",
                value=is_tuned,
                disabled=not is_tuned,
                help="The best result of tuning."
                if is_tuned
                else "Not tuned yet: see the tab Tune.",
            )
            for_pricing = st.checkbox(
                "For pricing: without banned features",
                value=True,
                help="With the features that prices may not depend on, a network is for analysis "
                "only. The cost of the ban is measured.",
            )
        started = st.form_submit_button(
            "Train network",
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
                for_pricing=bool(for_pricing),
            )
        )
        st.rerun()


@fragment(run_every=LOOK_EVERY_S)
def live_losses(settings: Settings) -> None:
    """Losses of a running training, fold by fold."""
    losses = recorded_losses(settings)
    if losses.empty:
        st.caption("Computing the features at each quote; the first losses appear soon.")
        return
    reading = (
        "Validation log loss on held-out actors, by epoch and fold; a fold stops when it no longer "
        "improves."
    )
    with st.grid(2, min_column_width=380, gap="medium") as grid:
        for task, title in (("agent", "Agents"), ("purchase", "Purchases")):
            if losses[task].notna().any():
                with grid.cell():
                    finding = f"{title}: validation log loss {losses[task].min():.4f}"
                    show_chart(losses_chart(losses, task), finding, reading, key=f"live_{task}")
