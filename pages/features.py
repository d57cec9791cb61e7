"""Features: how well each separates humans from agents, and how far it drifts."""

import streamlit as st

from phantom_core.views.features.features import FeatureFigures, feature_figures
from phantom_core.views.workspace.snapshot import Snapshot
from ui.features.catalogue_tab import catalogue_tab
from ui.features.drift_tab import drift_tab
from ui.features.feature_tab import feature_tab
from ui.frame.empty import nothing_loaded, show_missing
from ui.frame.errors import friendly_errors
from ui.frame.frame import require_frame
from ui.frame.handles import current_snapshot
from ui.frame.page_spec import PageSpec

PAGE = PageSpec(title="Features", icon=":material/equalizer:", section="Events", order=40)


@st.cache_data(
    show_spinner="Measuring the features …",
    max_entries=4,
    hash_funcs={Snapshot: lambda data: data.stamp},
)
def figures_of(data: Snapshot) -> tuple[FeatureFigures, ...]:
    """Every feature's figures, cached until the data changes."""
    return feature_figures(data)


require_frame()
with friendly_errors():
    st.title(PAGE.title)
    data = current_snapshot()
    if not data.n_sessions:
        nothing_loaded()
        st.stop()
    figures = figures_of(data)
    if not any(item.separation.ks is not None for item in figures):
        what = (
            "Labels of humans, of agents or of both are missing. Distributions and drift are "
            "still shown."
        )
        show_missing(
            "Humans and agents cannot be compared yet",
            what,
            "pages/data.py",
            "Load labels",
            ":material/database:",
        )
    one, every, drift = st.tabs(
        ["One feature", f"All {len(figures)}", "Drift"], key="features_tab", bind="query-params"
    )
    if one.open:
        with one, friendly_errors():
            feature_tab(data, figures)
    if every.open:
        with every, friendly_errors():
            catalogue_tab(figures)
    if drift.open:
        with drift, friendly_errors():
            drift_tab(data)
