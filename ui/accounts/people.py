"""Accounts: the list, and its administration."""

import pandas as pd
import streamlit as st

from phantom_core.accounts.people import (
    Person,
    add_person,
    change_person,
    confirm_person,
    list_accounts,
)
from phantom_core.accounts.roles import Permission, Role
from phantom_core.accounts.sign_in import reset_password
from phantom_core.core.settings import Settings
from phantom_core.use_cases.approvals.change_requests import control_database
from ui.accounts.account import current_login, is_allowed
from ui.frame.empty import show_missing
from ui.frame.errors import friendly_errors
from ui.frame.handles import now_ms
from ui.frame.wording import escape


def draw_accounts(settings: Settings) -> None:
    """List accounts; administrators can change them."""
    found = list_accounts(control_database(settings))
    if not found:
        show_missing(
            "No accounts yet",
            "The first one must be an administrator, added from the command line of this machine.",
        )
        return
    st.dataframe(
        _table(found),
        hide_index=True,
        height="content",
        column_config={
            "login": "Login",
            "name": "Name",
            "role": "Role",
            "signs in by": "Sign-in method",
            "state": "State",
        },
    )
    if not is_allowed(Permission.PEOPLE):
        st.caption("Only an administrator can add people and change roles.")
        return
    with st.container(horizontal=True):
        _add(settings)
        _change(settings, found)


def _table(found: list[Person]) -> pd.DataFrame:
    now = now_ms()
    return pd.DataFrame(
        {
            "login": [one.login for one in found],
            "name": [one.name for one in found],
            "role": [one.role.value for one in found],
            "signs in by": [
                {"local": "password", "oidc": "identity provider", "demo": "demo access"}[
                    one.origin
                ]
                for one in found
            ],
            "state": [
                "deactivated"
                if not one.is_active
                else "waits for a second administrator"
                if one.waits(now)
                else "active"
                for one in found
            ],
        }
    )


def _add(settings: Settings) -> None:
    with (
        st.popover("Add a person", icon=":material/person_add:", type="primary"),
        st.form("add_person", border=False, clear_on_submit=False),
    ):
        name = st.text_input("Login", key="add_login")
        shown = st.text_input("Name", key="add_name")
        role = st.selectbox("Role", [role.value for role in Role], index=1, key="add_role")
        word = st.text_input(
            "First password",
            type="password",
            key="add_password",
            help="At least 10 characters; must be changed at first sign-in.",
        )
        if st.form_submit_button("Add person", type="primary"):
            with friendly_errors():
                who = current_login(Permission.PEOPLE)
                add_person(
                    control_database(settings),
                    who,
                    name,
                    name=shown,
                    role=Role(role),
                    password=word,
                    now_ms=now_ms(),
                )
                st.rerun()


def _change(settings: Settings, found: list[Person]) -> None:
    with st.popover("Change a person", icon=":material/manage_accounts:"):
        chosen = st.selectbox("Login", [one.login for one in found], key="change_login")
        person = next(one for one in found if one.login == chosen)
        role = st.selectbox(
            "Role", list(Role), index=list(Role).index(person.role), key=f"change_role_{chosen}"
        )
        active = st.toggle("Active", person.is_active, key=f"change_active_{chosen}")
        if person.is_active and not active:
            st.markdown(
                f"Deactivating {escape(person.name)} ends all sign-ins of this account at once. "
                "Its requests, approvals and audit entries stay."
            )
        if st.button("Save changes", type="primary", key="change_save"):
            with friendly_errors():
                who = current_login(Permission.PEOPLE)
                change_person(
                    control_database(settings),
                    who,
                    person.login,
                    now_ms=now_ms(),
                    role=Role(str(role)),
                    is_active=active,
                )
                st.rerun()
        if person.waits(now_ms()):
            _confirm(settings, person)
        if person.origin == "local":
            word = st.text_input(
                "New password",
                type="password",
                key=f"reset_{chosen}",
                help="Must be changed at first sign-in.",
            )
            if st.button("Set password", key="reset_save"):
                with friendly_errors():
                    reset_password(
                        control_database(settings),
                        current_login(Permission.PEOPLE),
                        person.login,
                        word,
                        now_ms=now_ms(),
                    )
                    st.toast("Password set.", icon=":material/check:")


def _confirm(settings: Settings, person: Person) -> None:
    st.caption(
        f"Given by {escape(person.granted_by)}. Until another administrator confirms the account, "
        "or a day has passed, it may not approve, publish or change limits."
    )
    if st.button("Confirm account", icon=":material/verified_user:", key="confirm_save"):
        with friendly_errors():
            confirm_person(
                control_database(settings),
                current_login(Permission.PEOPLE),
                person.login,
                now_ms=now_ms(),
            )
            st.rerun()
