"""Demand and price: purchase probability by price, its calibration, and the optimal price."""

import streamlit as st

from phantom_core.evaluation.multitask_report import MultitaskReport
from phantom_core.model_kinds.multitask import NETWORK
from phantom_core.views.workspace.saved_models import model_view, saved_versions
from ui.demand.curve_tab import curve_tab
from ui.demand.quality import quality_tab
from ui.demand.train import KIND, live_losses, train_form
from ui.demand.tune import tune_tab
from ui.frame.empty import nothing_loaded
from ui.frame.errors import friendly_errors
from ui.frame.frame import require_frame
from ui.frame.handles import current_settings, current_snapshot
from ui.frame.job_watch import watch_job
from ui.frame.model_choice import card_tab, choose_model, versions_tab
from ui.frame.page_spec import PageSpec
from ui.frame.wording import format_count, format_moment

PAGE = PageSpec(title="Demand and price", icon=":material/sell:", section="Models", order=60)

TABS = ["Quality", "Demand curve", "Train and versions", "Tune", "Model card"]


require_frame()
with friendly_errors():
    st.title(PAGE.title)
    st.caption(
        "One network predicts P(agent) and P(purchase) at each price; the optimal price follows, "
        "within guard rails."
    )
    if not current_snapshot().n_sessions:
        nothing_loaded()
        st.stop()
    job = watch_job(KIND, "Training the network")
    if job and job.is_active:
        live_losses(current_settings())
    if not saved_versions(current_settings(), NETWORK):
        st.markdown(
            "No network has been trained in this workspace yet. It learns from every product that "
            "a session was shown, with the features at that moment, and is evaluated on "
            "held-out shoppers. 5,000 sessions take about a minute."
        )
        train_form(current_settings())
        st.stop()
    version = choose_model(current_settings(), NETWORK, "network")
    quality, curve, train, tune, card = st.tabs(TABS, key="demand_tab", bind="query-params")
    if train.open:
        with train:
            train_form(current_settings())
            versions_tab(current_settings(), NETWORK)
        st.stop()
    if tune.open:
        with tune:
            tune_tab(current_settings())
        st.stop()
    view = model_view(current_settings(), NETWORK, MultitaskReport, version)
    if quality.open:
        with quality:
            data = view.report.data
            st.caption(
                f"Trained {format_moment(view.report.created_ms)} UTC on "
                f"{format_count(data.offers)} offers, {format_count(data.bought)} of them bought, "
                f"by {format_count(data.actors)} actors. All figures are from held-out shoppers; "
                "intervals are 95 %."
            )
            quality_tab(view.report)
    if curve.open:
        with curve:
            curve_tab(current_settings(), view)
    if card.open:
        with card:
            card_tab(view.card, version)
