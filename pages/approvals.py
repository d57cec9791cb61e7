"""Approvals: proposed price changes, their expected effect, and the review of them."""

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.use_cases.approvals.change_requests import list_requests, review_request
from ui.accounts.account import is_allowed
from ui.approvals.audit_note import audit_note
from ui.approvals.inbox import draw_inbox
from ui.approvals.other_changes import other_changes
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
    audit_note(current_settings())
    st.caption("Price rules go live only after a second person has reviewed their expected effect.")
    other_changes(current_settings())
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
            "No changes proposed yet",
            "Propose a rule set above; the checks, a replay and a simulation are run for it. Or "
            "write one first.",
            "pages/rules.py",
            "Write rules",
        )
    else:
        show_missing(
            "No changes proposed yet",
            "An analyst or a pricing manager proposes rules here.",
            "pages/rules.py",
            "View the rules",
        )
end_linked_page()
