"""Live: the release that prices sessions now, its rollout, rollback and kill switch."""

import streamlit as st

from ui.approvals.audit_note import audit_note
from ui.frame.errors import friendly_errors
from ui.frame.frame import require_frame
from ui.frame.handles import current_settings
from ui.frame.page_spec import PageSpec
from ui.live.history import draw_history
from ui.live.now import live_now
from ui.live.switches import draw_switches
from ui.live.ways import draw_ways

PAGE = PageSpec(title="Live", icon=":material/podium:", section="Production", order=120)

require_frame()
with friendly_errors():
    st.title(PAGE.title)
    audit_note(current_settings())
    live_now(current_settings())
    draw_ways(current_settings())
    draw_switches(current_settings())
    draw_history(current_settings())
