"""Agent classifier: train it, and evaluate it on held-out actors."""

from collections.abc import Callable

import streamlit as st

from phantom_core.core.csv_file import csv_of_table
from phantom_core.evaluation.report import ClassifierReport
from phantom_core.model_kinds.classifier import CLASSIFIER
from phantom_core.use_cases.models.score import score_sessions
from phantom_core.views.workspace.loaded import read_loaded
from phantom_core.views.workspace.saved_models import model_view, saved_versions
from ui.classifier.at_quote_tab import at_quote_tab
from ui.classifier.quality_tab import auc_by_fold, quality_tab, training_facts
from ui.classifier.robustness_tab import robustness_tab
from ui.classifier.threshold_tab import threshold_tab
from ui.classifier.train_form import KIND, train_form
from ui.frame.empty import nothing_loaded, show_missing
from ui.frame.errors import friendly_errors, show_error
from ui.frame.frame import require_frame
from ui.frame.handles import current_settings, current_snapshot, workspace_lake
from ui.frame.job_watch import watch_job
from ui.frame.model_choice import card_tab, choose_model, versions_tab
from ui.frame.page_spec import PageSpec
from ui.frame.wording import format_count, format_moment

PAGE = PageSpec(title="Agent classifier", icon=":material/target:", section="Models", order=50)

TABS = [
    "Quality",
    "At the quote",
    "Threshold and money",
    "Robustness",
    "Model card",
    "Train and versions",
]


def scores_csv(version: str) -> Callable[[], bytes]:
    """Scores of all sessions, computed on download."""
    chosen, events = current_settings(), workspace_lake()

    def write() -> bytes:
        return csv_of_table(score_sessions(chosen, events, version=version))

    return write


require_frame()
with friendly_errors():
    st.title(PAGE.title)
    data = current_snapshot()
    if not data.n_sessions:
        nothing_loaded()
        st.stop()
    job = watch_job(KIND, "Training")
    loaded = read_loaded(data)
    has_labels = bool(loaded.humans and loaded.agents)
    if not has_labels:
        show_missing(
            "There are few labels",
            f"There are {format_count(loaded.humans)} human and {format_count(loaded.agents)} "
            "agent labels. Training then learns from weak rules and says what that can and cannot "
            "show; the model stays a candidate until a person uses it. Label the sessions that "
            "are worth most, or load labels.",
            "pages/labels.py",
            "Open the label desk",
            ":material/label:",
        )
    if not saved_versions(current_settings(), CLASSIFIER):
        st.markdown(
            "No classifier has been trained in this workspace yet. Training takes a few minutes: "
            "it learns from the labelled sessions and is evaluated on held-out actors; then, "
            "while it can be used already, it is studied on unseen agent families, short sessions "
            "and random delays."
        )
        train_form(current_settings())
        st.stop()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        version = choose_model(current_settings(), CLASSIFIER, "model")
        st.download_button(
            "Download scores",
            scores_csv(version),
            f"scores_{version}.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            help="A probability for every session, as CSV.",
        )
    if data.scoring_problem:
        show_error(data.scoring_problem)
    quality, at_quote, threshold, robustness, card, train = st.tabs(
        TABS, key="classifier_tab", bind="query-params"
    )
    if train.open:
        with train:
            train_form(current_settings())
            versions_tab(current_settings(), CLASSIFIER)
        st.stop()
    view = model_view(current_settings(), CLASSIFIER, ClassifierReport, version)
    with (
        quality
        if quality.open
        else at_quote
        if at_quote.open
        else threshold
        if threshold.open
        else robustness
        if robustness.open
        else card
    ):
        st.caption(
            f"Trained {format_moment(view.report.created_ms)} UTC on {training_facts(view.report)}"
        )
    if quality.open:
        with quality:
            if view.report.weak:
                st.warning(" ".join(view.report.weak.sentences()), icon=":material/rule:")
            quality_tab(view.report)
            st.caption(auc_by_fold(view.report))
    if at_quote.open:
        with at_quote:
            at_quote_tab(view.report)
    if threshold.open:
        with threshold:
            threshold_tab(view.report)
    if robustness.open:
        with robustness:
            robustness_tab(view.report, can_study=has_labels)
    if card.open:
        with card:
            card_tab(view.card, version)
