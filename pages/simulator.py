"""Simulator: try prices in a simulated market before anybody real meets them."""

from typing import Final

import streamlit as st

from ui.frame.errors import friendly_errors
from ui.frame.frame import require_frame
from ui.frame.handles import current_settings
from ui.frame.job_watch import watch_job
from ui.frame.linked import begin_linked_page, end_linked_page
from ui.frame.page_spec import PageSpec
from ui.simulator.calibration import calibration_tab
from ui.simulator.results import draw_results, follow_job
from ui.simulator.sessions import sessions_tab
from ui.simulator.setup import KIND, draw_setup
from ui.simulator.training import training_tab

PAGE = PageSpec(
    title="Simulator", icon=":material/candlestick_chart:", section="Pricing", order=100
)

TABS: Final = ["Try prices", "Train a policy", "Calibrate from your data", "Sessions meet rules"]


require_frame()
begin_linked_page()
with friendly_errors():
    st.title(PAGE.title)
    st.caption("What a price policy would bring, next to the best that is possible at all.")
    try_prices, train, calibrate, sessions = st.tabs(TABS, key="simulator_tab", bind="query-params")
    if try_prices.open:
        with try_prices, friendly_errors():
            draw_setup(current_settings())
            follow_job(watch_job(KIND, "Trying prices"))
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
