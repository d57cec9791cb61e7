"""Offer tab: why the network says what it says of a session and a product."""

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
from ui.frame.wording import feature_name, format_moment, format_percent
from ui.sessions.session_detail import COLOUR_NAMES


def offer_tab(
    settings: Settings,
    snapshot: Snapshot,
    session_id: str,
    subject: Subject,
    general: ExplanationView | None,
) -> None:
    """Choose one of the products a session was shown; see what moved the network's answer.

    Raises:
        NotFoundError: no such session, or it was shown nothing at a price.
        DataError: the network is damaged, or knows features of another meaning.
    """
    if not session_id:
        offer_examples(example_offers(general), "that was shown a price")
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
    badge = f":{COLOUR_NAMES[session.label]}-badge[{session.label}]"
    answer = (
        "P(agent)"
        if found.output == "agent"
        else f"P(purchase of {found.product_id or 'anything'})"
    )
    st.markdown(
        f"{badge} The network says **{answer} {format_percent(found.probability, 1)}**, as known "
        f"at {format_moment(found.quote_ms)} UTC."
    )
    show_chart(
        waterfall_chart(found, found.output),
        _statement(found),
        "From the base value, the mean over other real offers, at the bottom to f(x) at the top, "
        "each feature moves the network's log-odds; 0 is a probability of one half before "
        "calibration.",
        key="waterfall",
        download=f"why_{session_id}_{found.output}",
    )
    show_chart(
        timeline_chart(session, found.quote_ms),
        "What happened, and at which prices; the network saw what is left of the dotted line",
        key="explain_timeline",
    )
    with st.container(horizontal=True):
        csv_button(
            "Contributions as CSV",
            offer_table(found),
            f"why_{session_id}_{found.output}.csv",
            "offer_csv",
        )
        st.page_link(
            "pages/sessions.py",
            label="Everything known about it",
            icon=":material/timeline:",
            query_params={SESSION: session_id},
        )


@st.cache_data(
    show_spinner="Taking the network's answer apart …",
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


def _statement(found: OfferExplanation) -> str:
    up, down = (
        max(found.contributions, key=lambda row: row.log_odds),
        min(found.contributions, key=lambda row: row.log_odds),
    )
    sides = (
        ("for an agent", "for a human")
        if found.output == "agent"
        else ("for a purchase", "against it")
    )
    return (
        f"{feature_name(up.name).capitalize()} speaks most {sides[0]}, "
        f"{feature_name(down.name)} most {sides[1]}"
    )
