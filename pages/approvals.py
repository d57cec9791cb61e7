"""Approvals: what somebody wants to change about prices, what it will do, and who says yes."""

import streamlit as st

from phantom_core.control.roles import Permission
from phantom_core.workflows.change_requests import all_requests, review
from ui.account import may
from ui.approvals_inbox import inbox
from ui.approvals_propose import propose_form, watch_submission
from ui.approvals_request import request_detail
from ui.empty import missing
from ui.errors import friendly_errors
from ui.frame import require_frame
from ui.handles import settings
from ui.linked import begin, end

require_frame()
begin()
with friendly_errors():
    st.title("Approvals")
    st.caption("Rules that change prices go live only after another person has seen what they will do.")
    found = all_requests(settings())
    propose_form(settings())
    watch_submission()
    if found:
        chosen = inbox(settings(), found)
        if chosen is not None:
            with friendly_errors():
                request_detail(settings(), review(settings(), chosen))
    elif may(Permission.PROPOSE):
        missing(
            "Nobody has proposed a change yet.",
            "Propose a rule set above; checks, replay and simulator are run for it. Or write one first.",
            "pages/rules.py",
            "Write rules",
        )
    else:
        missing(
            "Nobody has proposed a change yet.",
            "An analyst or a pricing manager proposes rules here.",
            "pages/rules.py",
            "Look at the rules",
        )
end()
