"""Offer tab: SHAP values of the network for a session and a product."""

import streamlit as st

from phantom_core.core.settings import Settings
from phantom_core.explain.explanation import Output
from phantom_core.explain.one_offer import OfferExplanation
from phantom_core.views.explain.explanation import ExplanationView
from phantom_core.views.explain.offer_explanation import (
    example_offers,
    offer_explanation,
    offer_table,
    shown_products,
)
from phantom_core.views.sessions.session import session_view
from phantom_core.views.workspace.snapshot import Snapshot, Stamp
from ui.charts.explain import waterfall_chart
from ui.charts.frame import show_chart
from ui.charts.session import timeline_chart
from ui.explain.session_tab import SESSION, offer_examples
from ui.explain.subject import Subject
from ui.frame.tables import csv_button
from ui.frame.wording import escape, feature_name, format_moment, format_percent
from ui.sessions.session_detail import COLOUR_NAMES


def offer_tab(
    settings: Settings,
    snapshot: Snapshot,
    session_id: str,
    subject: Subject,
    general: ExplanationView | None,
) -> None:
    """Choose a quoted product of a session; show the SHAP values of the network's output.

    Raises:
        NotFoundError: no such session, or it has no quotes.
        DataError: the network is damaged, or was trained on features of another meaning.
    """
    if not session_id:
        offer_examples(example_offers(general), "with a quote")
        return
    products = shown_products(snapshot, session_id)
    product = (
        st.selectbox("Product", products, key=f"offer_{session_id}", width=320)
        if len(products) > 1
        else None
    )
    found = _explained(
        settings, snapshot.stamp, session_id, product, subject.output, subject.version
    )
    session = session_view(snapshot, session_id)
    badge = f":{COLOUR_NAMES[session.label]}-badge[{escape(session.label)}]"
    output = (
        "P(agent)"
        if found.output == "agent"
        else f"P(purchase of {escape(found.product_id) or 'anything'})"
    )
    st.markdown(
        f"{badge} Network output **{output} {format_percent(found.probability, 1)}**, features as "
        "of "
        f"{format_moment(found.quote_ms)} UTC."
    )
    show_chart(
        waterfall_chart(found, found.output),
        _finding(found),
        "SHAP waterfall from the base value, the mean over other real offers, to the output f(x); "
        "log-odds of 0 is a probability of one half before calibration.",
        key="waterfall",
        download=f"why_{session_id}_{found.output}",
    )
    show_chart(
        timeline_chart(session, found.quote_ms),
        "Session timeline with prices",
        "The network used the events left of the dotted line.",
        key="explain_timeline",
    )
    with st.container(horizontal=True):
        csv_button(
            "Download SHAP values as CSV",
            offer_table(found),
            f"why_{session_id}_{found.output}.csv",
            "offer_csv",
        )
        st.page_link(
            "pages/sessions.py",
            label="Open session",
            icon=":material/timeline:",
            query_params={SESSION: session_id},
        )


@st.cache_data(
    show_spinner="Computing SHAP values …",
    max_entries=50,
    hash_funcs={Settings: Settings.model_dump_json},
)
def _explained(
    settings: Settings,
    stamp: Stamp,
    session_id: str,
    product: str | None,
    output: Output,
    version: str,
) -> OfferExplanation:
    del stamp
    return offer_explanation(settings, session_id, product, output, version)


def _finding(found: OfferExplanation) -> str:
    up, down = (
        max(found.contributions, key=lambda row: row.log_odds),
        min(found.contributions, key=lambda row: row.log_odds),
    )
    sides = (
        ("towards agent", "towards human")
        if found.output == "agent"
        else ("for a purchase", "against it")
    )
    return f"Strongest {sides[0]}: {feature_name(up.name)}, {sides[1]}: {feature_name(down.name)}"
