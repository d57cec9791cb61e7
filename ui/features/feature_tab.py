"""Feature tab: the distribution of one feature among humans and agents."""

import streamlit as st

from phantom_core.features.catalogue import FEATURES
from phantom_core.views.features.distribution import Distribution, feature_distribution
from phantom_core.views.features.features import FeatureFigures, feature_view
from phantom_core.views.workspace.snapshot import Snapshot
from ui.charts.features import distribution_chart
from ui.charts.frame import AGENT, HUMAN, MODEL, show_chart
from ui.frame.wording import feature_name, format_count, format_percent


def feature_tab(data: Snapshot, figures: tuple[FeatureFigures, ...]) -> None:
    """The distribution of the chosen feature."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
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
            _statement(own),
            explain_distribution(view, is_log),
            key="distribution",
        )
    with right:
        separation = own.separation
        if separation.auc is not None:
            st.metric(
                "AUC alone",
                f"{separation.auc:.3f}",
                f"95 %: {separation.auc_low:.3f}–{separation.auc_high:.3f}",
                delta_color="off",
                delta_arrow="off",
                help="Probability that an agent's value is above a human's. 0.5 is guessing; "
                "below it, agents have smaller values.",
            )
        if separation.ks is not None:
            st.metric(
                "KS",
                f"{separation.ks:.3f}",
                help="Largest distance between the two distribution functions: 0 the same, 1 "
                "apart.",
            )
        for label, share in own.null_shares.items():
            st.metric(
                f"Undefined, {label}",
                format_percent(share, 1),
                help=f"Undefined: {chosen.null_when}.",
            )


def _groups(data: Snapshot) -> tuple[dict[str, str], dict[str, str]]:
    """Groups to compare, and their colours: humans and agents, or everybody where there are no
    labels.
    """
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


def _statement(own: FeatureFigures) -> str:
    """What the distribution says."""
    name, auc = feature_name(own.feature.name), own.separation.auc
    name = name[0].upper() + name[1:]
    if auc is None or own.separation.auc_low is None or own.separation.auc_high is None:
        return f"{name}, by group" if own.separation.ks is not None else name
    if own.separation.auc_low <= 0.5 <= own.separation.auc_high:
        return f"{name} alone does not tell agents from humans"
    more = "larger" if auc > 0.5 else "smaller"
    strength = (
        "clearly" if abs(auc - 0.5) > 0.2 else "somewhat" if abs(auc - 0.5) > 0.08 else "slightly"
    )
    return f"{name} is {strength} {more} for agents"


def explain_distribution(view: Distribution, is_log: bool) -> str:
    """How to read the distribution."""
    hidden = (
        f" {format_count(view.n_above)} sessions lie above the last bar." if view.n_above else ""
    )
    hidden += (
        f" {format_count(view.n_not_positive)} sessions have the value 0, which a logarithmic "
        "scale cannot show."
        if view.n_not_positive
        else ""
    )
    scale = (
        "" if view.is_category or not is_log else " Bars are equally wide on the logarithmic scale."
    )
    return (
        f"Each group adds up to 100 % of its sessions where the feature is defined.{scale}{hidden}"
    )
