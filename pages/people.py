"""People: accounts, their permissions, and the guard rails of price changes."""

import streamlit as st

from phantom_core.accounts.roles import PERMISSIONS, Permission, Role
from ui.accounts.account import current_person, is_allowed, is_open, require_allowed
from ui.accounts.limits import limits_form
from ui.accounts.people import draw_accounts
from ui.frame.errors import friendly_errors
from ui.frame.frame import require_frame
from ui.frame.handles import current_settings
from ui.frame.page_spec import PageSpec

PAGE = PageSpec(title="People", icon=":material/group:", section="Control", order=170)

require_frame()
with friendly_errors():
    st.title(PAGE.title)
    st.caption(
        "Four-eyes principle: an author cannot approve their own change, and an administrator of "
        "accounts cannot approve changes."
    )
    if is_open():
        st.info(
            "This installation has no accounts and serves only this machine, so anyone here can "
            "sign in as a demo user. Add an administrator with `python -m phantom_core user add "
            "LOGIN --role administrator` to turn demo access off.",
            icon=":material/group_add:",
        )
    if is_open() or is_allowed(Permission.PEOPLE):
        draw_accounts(current_settings())
        limits_form(current_settings())
    else:
        with friendly_errors():
            require_allowed(Permission.PEOPLE)
    with st.expander(
        "Permissions by role",
        icon=":material/badge:",
        expanded=current_person() is None or not is_allowed(Permission.PEOPLE),
    ):
        lines = [
            f"| {permission.value} | "
            + " | ".join("✓" if permission in PERMISSIONS[role] else "" for role in Role)
            + " |"
            for permission in Permission
        ]
        st.markdown("\n".join([f"| | {' | '.join(Role)} |", "|---|" + ":-:|" * len(Role), *lines]))
