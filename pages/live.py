"""Live: what prices sessions now, where, since when; the way back, and the switch for emergencies."""

import streamlit as st

from ui.errors import friendly_errors
from ui.frame import require_frame
from ui.handles import settings
from ui.live_history import history
from ui.live_now import live_now
from ui.live_switches import switches

require_frame()
with friendly_errors():
    st.title("Live")
    st.caption("What price servers read, held against what was approved; it is looked at every few seconds.")
    live_now(settings())
    switches(settings())
    history(settings())
