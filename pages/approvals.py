"""Approvals: what somebody wants to change about prices, what it will do, and who says yes."""

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.use_cases.approvals.change_requests import list_requests, review_request
from ui.accounts.account import is_allowed
from ui.approvals.inbox import draw_inbox
from ui.approvals.propose import propose_form, watch_submission
from ui.approvals.request import request_detail
from ui.frame.empty import show_missing
from ui.frame.errors import friendly_errors
from ui.frame.frame import require_frame
from ui.frame.handles import current_settings
from ui.frame.linked import begin_linked_page, end_linked_page
from ui.frame.page_spec import PageSpec

PAGE = PageSpec(title="Approvals", icon=":material/fact_check:", section="Production", order=110)

require_frame()
begin_linked_page()
with friendly_errors():
    st.title(PAGE.title)
    st.caption(
        "Rules that change prices go live only after another person has seen what they will do."
    )
    found = list_requests(current_settings())
    propose_form(current_settings())
    watch_submission()
    if found:
        chosen = draw_inbox(current_settings(), found)
        if chosen is not None:
            with friendly_errors():
                request_detail(current_settings(), review_request(current_settings(), chosen))
    elif is_allowed(Permission.PROPOSE):
        show_missing(
            "Nobody has proposed a change yet.",
            "Propose a rule set above; checks, replay and simulator are run for it. Or write one "
            "first.",
            "pages/rules.py",
            "Write rules",
        )
    else:
        show_missing(
            "Nobody has proposed a change yet.",
            "An analyst or a pricing manager proposes rules here.",
            "pages/rules.py",
            "Look at the rules",
        )
end_linked_page()
