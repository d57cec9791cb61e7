"""People: who has an account, what they may do, and the limits that changes are held to."""

import streamlit as st

from phantom_core.control.roles import PERMISSIONS, Permission, Role
from ui.account import is_open, may, person, require
from ui.errors import friendly_errors
from ui.frame import require_frame
from ui.handles import settings
from ui.people_accounts import accounts
from ui.people_limits import limits_form

require_frame()
with friendly_errors():
    st.title("People")
    st.caption("Nobody approves their own change, and nobody both manages people and approves.")
    if is_open():
        st.info(
            "This installation has no accounts, and only this machine is served: anybody here may enter as a demo person. "
            "Add an administrator with `python -m phantom_core user add LOGIN --role administrator`; the demo entry ends with that.",
            icon=":material/group_add:",
        )
    if is_open() or may(Permission.PEOPLE):
        accounts(settings())
        limits_form(settings())
    else:
        with friendly_errors():
            require(Permission.PEOPLE)
    with st.expander("What each role may do", icon=":material/badge:", expanded=person() is None or not may(Permission.PEOPLE)):
        lines = [
            f"| {permission.value} | " + " | ".join("✓" if permission in PERMISSIONS[role] else "" for role in Role) + " |"
            for permission in Permission
        ]
        st.markdown("\n".join([f"| | {' | '.join(Role)} |", "|---|" + ":-:|" * len(Role), *lines]))
