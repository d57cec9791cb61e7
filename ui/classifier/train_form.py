"""Train form: options of a training, and its start."""

from typing import Final

import streamlit as st

from phantom_core.core.settings import Settings
from phantom_core.features.catalogue import FAMILIES
from phantom_core.models.splits import MIN_FOLDS
from phantom_core.use_cases.models.banned_features import banned_features
from phantom_core.use_cases.models.job_train_classifier import TrainClassifierRequest
from ui.accounts.account import start_job
from ui.frame.handles import open_jobs
from ui.frame.wording import feature_name

KIND: Final = TrainClassifierRequest.kind
_FOLDS_HELP: Final = (
    "Actors are split into this many folds; each is scored by a model trained on the others."
)


def train_form(settings: Settings) -> None:
    """Choose folds, features and seed, and start a training."""
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
                "Exclude features",
                FAMILIES,
                format_func=lambda name: name.replace("_", " "),
                placeholder="none",
                help="To measure the classifier without them.",
            )
            for_pricing = st.checkbox(
                "For pricing: without banned features",
                value=True,
                help="Prices may not depend on "
                f"{', '.join(feature_name(name) for name in banned_features(settings))}. With "
                "them a classifier is for analysis only. The cost of the ban is measured.",
            )
            seed = st.number_input(
                "Seed",
                0,
                2**31 - 1,
                settings.seed,
                help="The same data, options and seed give the same model.",
            )
        started = st.form_submit_button(
            "Train classifier",
            type="primary",
            icon=":material/model_training:",
            disabled=busy,
            help="A training is running." if busy else None,
        )
    if started:
        start_job(
            TrainClassifierRequest(
                folds=int(folds),
                without=tuple(without),
                for_pricing=for_pricing,
                seed=int(seed),
            )
        )
        st.rerun()
