"""Label desk: label the sessions where it is worth most, and audit the labels there are."""

import streamlit as st

from ui.frame.empty import nothing_loaded
from ui.frame.errors import friendly_errors
from ui.frame.frame import require_frame
from ui.frame.handles import current_settings, current_snapshot
from ui.frame.page_spec import PageSpec
from ui.labels.audit_tab import audit_tab
from ui.labels.desk_tab import desk_tab
from ui.labels.given_tab import given_tab

PAGE = PageSpec(title="Label desk", icon=":material/label:", section="Events", order=45)

require_frame()
with friendly_errors():
    st.title(PAGE.title)
    data = current_snapshot()
    if not data.n_sessions:
        nothing_loaded()
        st.stop()
    desk, given, audit = st.tabs(
        ["Desk", "Labels and agreement", "Label audit"], key="labels_tab", bind="query-params"
    )
    if desk.open:
        with desk:
            desk_tab(current_settings(), data)
    if given.open:
        with given:
            given_tab(current_settings())
    if audit.open:
        with audit:
            audit_tab(current_settings(), data)
