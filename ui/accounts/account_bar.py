"""Account bar: who looks, in plain sight on every page, and the way in and out."""

import streamlit as st

from phantom_core.accounts.people import DEMO, Person
from phantom_core.accounts.sign_in import change_password, sign_in
from phantom_core.core.errors import PhantomError
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.watch_server import seen_last
from ui.accounts.account import (
    current_person,
    end_sign_in,
    enter_demo,
    has_provider,
    is_open,
    remember_token,
    write_cookie,
)
from ui.frame.errors import friendly_errors, show_error
from ui.frame.handles import current_settings, now_ms


def account_bar() -> None:
    """Say who looks; where accounts exist and nobody is signed in, nothing else is shown."""
    write_cookie()
    try:
        found = current_person()
    except PhantomError as error:
        show_error(error.message, error.hint)
        st.button("Sign out", icon=":material/logout:", on_click=end_sign_in, key="sign_out")
        st.stop()
    if found is None and not is_open():
        _door()
        st.stop()
    with st.container(
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="right",
        key="account_bar",
    ):
        if found is None:
            _demo_entry()
        else:
            _signed_in(found)
    _divergence()
    if found and found.must_change:
        _first_password(found)
        st.stop()


def _divergence() -> None:
    """What the watcher found, on every page: prices may be wrong right now."""
    seen = seen_last(current_settings())
    if seen and seen.told:
        with st.container(border=True, key="divergence_banner"):
            st.page_link(
                "pages/live.py",
                label=f":red[**Live prices need a look**] {seen.told[0]}",
                icon=":material/sync_problem:",
            )


def _demo_entry() -> None:
    st.markdown(
        ":violet-badge[Demo access] :small[You look and work; enter as a demo person to propose "
        "and approve:]",
        width="content",
    )
    for who, (name, role) in DEMO.items():
        st.button(
            name,
            key=f"enter_{who}",
            on_click=enter_demo,
            args=(who,),
            icon=":material/login:",
            help=f"One click, no password: {role}.",
        )


def _signed_in(found: Person) -> None:
    badge = ":violet-badge[Demo access] " if found.origin == "demo" else ""
    st.markdown(f"{badge}:material/person: **{found.name}** :small[{found.role}]", width="content")
    if found.origin == "local":
        with st.popover("Password", icon=":material/key:", type="tertiary"):
            _password_form(found)
    st.button(
        "Leave" if found.origin == "demo" else "Sign out",
        icon=":material/logout:",
        type="tertiary",
        on_click=end_sign_in,
        key="sign_out",
    )


def _door() -> None:
    st.title("PHANTOM")
    with st.container(border=True, width=420):
        if has_provider():
            st.markdown("**Sign in**")
            if st.button(
                "Sign in with your organisation",
                type="primary",
                icon=":material/login:",
                key="sign_in_oidc",
            ):
                st.login()
        with st.form("sign_in", border=False):
            name = st.text_input("Login", key="sign_in_login", autocomplete="username")
            word = st.text_input(
                "Password", type="password", key="sign_in_password", autocomplete="current-password"
            )
            wants = st.form_submit_button(
                "Sign in", type="secondary" if has_provider() else "primary"
            )
        if wants:
            with friendly_errors():
                remember_token(
                    sign_in(
                        control_database(current_settings()),
                        name,
                        word,
                        now_ms=now_ms(),
                        hours=current_settings().sign_in_hours,
                    )
                )
                st.rerun()
        st.caption(
            "No account? An administrator adds one: `python -m phantom_core user add LOGIN --role "
            "…`"
        )


def _first_password(found: Person) -> None:
    st.info("Somebody else chose your password. Choose your own to go on.", icon=":material/key:")
    with st.container(width=420):
        _password_form(found)


def _password_form(found: Person) -> None:
    with st.form("change_password", border=False):
        old = st.text_input("Password so far", type="password", autocomplete="current-password")
        new = st.text_input(
            "New password",
            type="password",
            autocomplete="new-password",
            help="At least 10 characters.",
        )
        again = st.text_input("Once more", type="password", autocomplete="new-password")
        wants = st.form_submit_button("Change password", type="primary")
    if not wants:
        return
    if new != again:
        show_error("The two new passwords differ.", "Type the same one twice.")
        return
    with friendly_errors():
        change_password(
            control_database(current_settings()), found.login, old, new, now_ms=now_ms()
        )
        remember_token(
            sign_in(
                control_database(current_settings()),
                found.login,
                new,
                now_ms=now_ms(),
                hours=current_settings().sign_in_hours,
            )
        )
        st.rerun()
