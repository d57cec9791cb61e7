"""Feature tab: the distribution of one feature among humans and agents."""

import streamlit as st

from phantom_core.features.catalogue import FEATURES
from phantom_core.views.features.distribution import Distribution, feature_distribution
from phantom_core.views.features.features import FeatureFigures, feature_view
from phantom_core.views.workspace.snapshot import Snapshot
from ui.charts.features import distribution_chart
from ui.charts.frame import AGENT, HUMAN, MODEL, show_chart
from ui.frame.linked import follow_old_link
from ui.frame.wording import (
    OLD_FEATURE_NAMES,
    capitalise,
    feature_name,
    format_count,
    format_percent,
)


def feature_tab(data: Snapshot, figures: tuple[FeatureFigures, ...]) -> None:
    """The distribution of the chosen feature."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        follow_old_link("feature", OLD_FEATURE_NAMES)
        name = st.selectbox(
            "Feature",
            [item.name for item in FEATURES],
            index=5,
            format_func=feature_name,
            key="feature",
            bind="query-params",
            width=320,
        )
        is_log = st.toggle("Logarithmic scale", key="log", bind="query-params")
    chosen = feature_view(name or FEATURES[0].name)
    own = next(item for item in figures if item.feature == chosen)
    groups, colours = _groups(data)
    view = feature_distribution(data, chosen, groups, is_log=is_log)
    st.caption(f"{chosen.meaning[0].upper()}{chosen.meaning[1:]}. Undefined: {chosen.null_when}.")
    left, right = st.columns([3, 1], gap="medium")
    with left:
        show_chart(
            distribution_chart(view, chosen, colours, is_log=is_log),
            _finding(own),
            explain_distribution(view, is_log),
            key="distribution",
        )
    with right:
        separation = own.separation
        if separation.auc is not None:
            st.metric(
                "Univariate AUC",
                f"{separation.auc:.3f}",
                f"95 %: {separation.auc_low:.3f}–{separation.auc_high:.3f}",
                delta_color="off",
                delta_arrow="off",
                help="Probability that an agent's value is above a human's. 0.5 is random; below "
                "it, agents have lower values.",
            )
        if separation.ks is not None:
            st.metric(
                "KS",
                f"{separation.ks:.3f}",
                help="Largest distance between the two distribution functions: 0 identical, 1 "
                "fully separated.",
            )
        for label, share in own.null_shares.items():
            st.metric(
                f"Undefined, {label}",
                format_percent(share, 1),
                help=f"Undefined: {chosen.null_when}.",
            )


def _groups(data: Snapshot) -> tuple[dict[str, str], dict[str, str]]:
    """Groups to compare, and their colours: humans and agents, or all without labels."""
    labels = {row[0] for row in data.rows("SELECT DISTINCT label FROM sessions")}
    found = {
        label: colour
        for label, colour in {"human": HUMAN, "agent": AGENT}.items()
        if label in labels
    }
    return (
        ({label: f"label = '{label}'" for label in found}, found)
        if found
        else ({"all sessions": "TRUE"}, {"all sessions": MODEL})
    )


def _finding(own: FeatureFigures) -> str:
    """Finding of the distribution."""
    name, auc = capitalise(feature_name(own.feature.name)), own.separation.auc
    if auc is None or own.separation.auc_low is None or own.separation.auc_high is None:
        return f"{name}, by group" if own.separation.ks is not None else name
    if own.separation.auc_low <= 0.5 <= own.separation.auc_high:
        return f"{name} alone does not separate agents from humans"
    more = "higher" if auc > 0.5 else "lower"
    strength = (
        "clearly" if abs(auc - 0.5) > 0.2 else "somewhat" if abs(auc - 0.5) > 0.08 else "slightly"
    )
    return f"{name} is {strength} {more} for agents"


def explain_distribution(view: Distribution, is_log: bool) -> str:
    """Caption of the distribution."""
    hidden = (
        f" {format_count(view.n_above)} sessions are above the last bin." if view.n_above else ""
    )
    hidden += (
        f" {format_count(view.n_not_positive)} sessions have the value 0, which is not on the "
        "logarithmic scale."
        if view.n_not_positive
        else ""
    )
    scale = (
        "" if view.is_category or not is_log else " Bins are equally wide on the logarithmic scale."
    )
    return f"Shares of each group's sessions where the feature is defined.{scale}{hidden}"
