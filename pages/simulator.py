"""Simulator: test price policies in a simulated market before real shoppers see them."""

from typing import Final

import streamlit as st

from ui.frame.errors import friendly_errors
from ui.frame.frame import require_frame
from ui.frame.handles import current_settings
from ui.frame.job_watch import watch_job
from ui.frame.linked import begin_linked_page, end_linked_page, follow_old_link
from ui.frame.page_spec import PageSpec
from ui.simulator.calibration import calibration_tab
from ui.simulator.results import draw_results, follow_job
from ui.simulator.sessions import sessions_tab
from ui.simulator.setup import KIND, SCENARIOS, draw_setup
from ui.simulator.training import training_tab

PAGE = PageSpec(
    title="Simulator", icon=":material/candlestick_chart:", section="Pricing", order=100
)

RULE_REPLAY: Final = "Rule replay on simulated sessions"
TABS: Final = [SCENARIOS, "Train a policy", "Calibrate from your data", RULE_REPLAY]
RENAMED: Final = {"Sessions meet rules": RULE_REPLAY}


require_frame()
begin_linked_page()
with friendly_errors():
    st.title(PAGE.title)
    st.caption("Expected result of a price policy, compared with the optimum.")
    follow_old_link("simulator_tab", RENAMED)
    scenarios, train, calibrate, sessions = st.tabs(TABS, key="simulator_tab", bind="query-params")
    if scenarios.open:
        with scenarios, friendly_errors():
            draw_setup(current_settings())
            follow_job(watch_job(KIND, "Simulation"))
            draw_results(current_settings())
    if train.open:
        with train, friendly_errors():
            training_tab(current_settings())
    if calibrate.open:
        with calibrate, friendly_errors():
            calibration_tab(current_settings())
    if sessions.open:
        with sessions, friendly_errors():
            sessions_tab(current_settings())
end_linked_page()
