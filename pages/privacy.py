"""Privacy: export and erase what is stored about a session or person, and how long data is kept."""

import streamlit as st

from phantom_core.accounts.roles import Permission, roles_with
from ui.accounts.account import is_allowed
from ui.frame.errors import friendly_errors
from ui.frame.frame import require_frame
from ui.frame.handles import current_settings
from ui.frame.page_spec import PageSpec
from ui.privacy.request import draw_request
from ui.privacy.retention import draw_retention

PAGE = PageSpec(title="Privacy", icon=":material/policy:", section="Control", order=165)

require_frame()
with friendly_errors():
    st.title(PAGE.title)
    st.caption(
        "Everything about a session, an experiment subject or an account can be exported, and "
        "erased for good. What is erased is not loaded again."
    )
    if is_allowed(Permission.PRIVACY):
        draw_request(current_settings())
    else:
        st.info(
            f"Only {roles_with(Permission.PRIVACY)} can {Permission.PRIVACY}.",
            icon=":material/lock:",
        )
    draw_retention(current_settings())
