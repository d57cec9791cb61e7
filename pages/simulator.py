"""Simulator: try prices in a simulated market before anybody real meets them."""

from typing import Final

import streamlit as st

from ui.errors import friendly_errors
from ui.frame import require_frame
from ui.handles import settings
from ui.job_watch import watch_job
from ui.linked import begin, end
from ui.simulator_calibration import calibration_tab
from ui.simulator_results import follow, results
from ui.simulator_sessions import sessions_tab
from ui.simulator_setup import KIND, setup
from ui.simulator_training import training_tab

TABS: Final = ["Try prices", "Train a policy", "Calibrate from your data", "Sessions meet rules"]


require_frame()
begin()
with friendly_errors():
    st.title("Simulator")
    st.caption("What a price policy would bring, next to the best that is possible at all.")
    try_prices, train, calibrate, sessions = st.tabs(TABS, key="simulator_tab", bind="query-params")
    if try_prices.open:
        with try_prices, friendly_errors():
            setup(settings())
            follow(watch_job(KIND, "Trying prices"))
            results(settings())
    if train.open:
        with train, friendly_errors():
            training_tab(settings())
    if calibrate.open:
        with calibrate, friendly_errors():
            calibration_tab(settings())
    if sessions.open:
        with sessions, friendly_errors():
            sessions_tab(settings())
end()
