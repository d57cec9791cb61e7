"""Other changes: what else waits for a second person: base prices, models, policies."""

from typing import Final

import streamlit as st

from phantom_core.approvals.governed_changes import GovernedChange, waiting_changes
from phantom_core.approvals.governed_kinds import (
    CATALOGUE,
    GLOBAL_PRICES,
    MODEL,
    PROMOTION_POLICY,
)
from phantom_core.core.settings import Settings
from phantom_core.model_kinds.classifier import CLASSIFIER
from phantom_core.use_cases.approvals.change_requests import control_database
from ui.frame.wording import escape, format_number_of

_TRAIN: Final = "Train and versions"


def other_changes(settings: Settings) -> None:
    """List what waits beside change requests, with a link to where it is decided."""
    with control_database(settings).connect() as connection:
        found = [
            change
            for kind in (CATALOGUE, GLOBAL_PRICES, MODEL, PROMOTION_POLICY)
            for change in waiting_changes(connection, kind)
        ]
    for change in found:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f":material/pending: Waiting for a second person: **{escape(_what(change))}**, "
                f"proposed by {escape(change.author)}",
                width="content",
            )
            if change.kind == GLOBAL_PRICES.name:
                st.caption(f"Review: `prices status`, then `prices approve {change.change_id}`")
                continue
            page, query = _where(change)
            st.page_link(page, label="Review", icon=":material/rate_review:", query_params=query)


def _what(change: GovernedChange) -> str:
    content = change.content()
    if change.kind == CATALOGUE.name:
        return format_number_of(int(str(content["products"])), "base price")
    if change.kind == GLOBAL_PRICES.name:
        prices = content.get("prices")
        return (
            format_number_of(len(prices), "global price")
            if isinstance(prices, dict)
            else "prices of single sessions"
        )
    if change.kind == MODEL.name:
        return f"{change.subject} {content['version']}"
    return f"{change.kind} of the {change.subject}"


def _where(change: GovernedChange) -> tuple[str, dict[str, str]]:
    if change.kind == CATALOGUE.name:
        return "pages/data.py", {"data_tab": "Catalogue"}
    if change.subject == CLASSIFIER.name:
        return "pages/classifier.py", {"classifier_tab": _TRAIN}
    return "pages/demand.py", {"demand_tab": _TRAIN}
