"""Train form: how to train a classifier, and where a training stands."""

from typing import Final

import streamlit as st

from phantom_core.core.settings import Settings
from phantom_core.features.catalogue import FAMILIES
from phantom_core.models.splits import MIN_FOLDS
from phantom_core.use_cases.models.job_train_classifier import TrainClassifierRequest
from ui.accounts.account import start_job
from ui.frame.handles import open_jobs

KIND: Final = TrainClassifierRequest.kind
_FOLDS_HELP: Final = (
    "Actors are dealt into so many parts; each part is judged by a model that met only the others."
)


def train_form(settings: Settings, *, can_train: bool) -> None:
    """Ask for folds, features and seed, and start a training."""
    busy = any(job.kind == KIND for job in open_jobs().active())
    with st.form("train", border=False):
        with st.grid(3, min_column_width=220, gap="medium"):
            folds = st.slider(
                "Folds",
                MIN_FOLDS,
                10,
                TrainClassifierRequest().folds,
                help=_FOLDS_HELP,
            )
            without = st.multiselect(
                "Leave out features",
                FAMILIES,
                format_func=lambda name: name.replace("_", " "),
                placeholder="none",
                help="To see how good the classifier is without them.",
            )
            seed = st.number_input(
                "Seed",
                0,
                2**31 - 1,
                settings.seed,
                help="The same data, choices and seed give the same model.",
            )
        started = st.form_submit_button(
            "Train the classifier",
            type="primary",
            icon=":material/model_training:",
            disabled=busy or not can_train,
            help="A training is running."
            if busy
            else None
            if can_train
            else "Load labels of humans and of agents first.",
        )
    if started:
        start_job(TrainClassifierRequest(folds=int(folds), without=tuple(without), seed=int(seed)))
        st.rerun()
