"""Features: what each of the 29 says about humans and agents, and how far it moves in time."""

import streamlit as st

from phantom_core.views.features import FeatureFigures, feature_figures
from phantom_core.views.snapshot import Snapshot
from ui.catalogue_tab import catalogue_tab
from ui.drift_tab import drift_tab
from ui.empty import missing, nothing_loaded
from ui.errors import friendly_errors
from ui.feature_tab import feature_tab
from ui.frame import require_frame
from ui.handles import snapshot


@st.cache_data(show_spinner="Measuring the features …", max_entries=4, hash_funcs={Snapshot: lambda data: data.stamp})
def figures_of(data: Snapshot) -> tuple[FeatureFigures, ...]:
    """Every feature's figures, kept until the data changes."""
    return feature_figures(data)


require_frame()
with friendly_errors():
    st.title("Features")
    data = snapshot()
    if not data.n_sessions:
        nothing_loaded()
        st.stop()
    figures = figures_of(data)
    if not any(item.separation.ks is not None for item in figures):
        what = "The labels name no session of one kind or of both; distributions and drift are shown all the same."
        missing("Humans and agents cannot be compared yet.", what, "pages/data.py", "Load labels", ":material/database:")
    one, every, drift = st.tabs(["One feature", "All 29", "Drift"], key="features_tab", bind="query-params")
    if one.open:
        with one, friendly_errors():
            feature_tab(data, figures)
    if every.open:
        with every, friendly_errors():
            catalogue_tab(figures)
    if drift.open:
        with drift, friendly_errors():
            drift_tab(data)
