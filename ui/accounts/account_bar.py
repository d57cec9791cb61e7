"""Account bar: who looks, in plain sight on every page, and the way in and out."""

import streamlit as st

from phantom_core.accounts.people import DEMO, Person
from phantom_core.core.errors import PhantomError
from phantom_core.use_cases.approvals.watch_server import seen_last
from ui.accounts.account import current_person, is_open, leave_provider, set_password
from ui.accounts.demo_access import has_provider
from ui.accounts.post_form import password_form, post_button
from ui.accounts.sign_in_cookie import refusal_of
from ui.accounts.sign_in_routes import DEMO as DEMO_ROUTE
from ui.accounts.sign_in_routes import SIGN_IN, SIGN_OUT
from ui.frame.errors import friendly_errors, show_error
from ui.frame.handles import current_settings


def account_bar() -> None:
    """Say who looks; where accounts exist and nobody is signed in, nothing else is shown."""
    try:
        found = current_person()
    except PhantomError as error:
        show_error(error.message, error.hint)
        st.button("Sign out", icon=":material/logout:", on_click=leave_provider, key="sign_out")
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
        _first_password()
        st.stop()


def _divergence() -> None:
    """What the watcher found, on every page: prices may be wrong right now."""
    seen = seen_last(current_settings())
    if seen and seen.problems:
        with st.container(border=True, key="divergence_banner"):
            st.page_link(
                "pages/live.py",
                label=f":red[**Live prices need a look**] {seen.problems[0]}",
                icon=":material/sync_problem:",
            )


def _demo_entry() -> None:
    st.markdown(
        ":violet-badge[Demo access] :small[You look and work; enter as a demo person to propose "
        "and approve:]",
        width="content",
    )
    for who, (name, role) in DEMO.items():
        post_button(name, DEMO_ROUTE, about=f"One click, no password: {role}.", who=who)


def _signed_in(found: Person) -> None:
    badge = ":violet-badge[Demo access] " if found.origin == "demo" else ""
    st.markdown(f"{badge}:material/person: **{found.name}** :small[{found.role}]", width="content")
    if found.origin == "local" and not found.must_change:
        with st.popover("Password", icon=":material/key:", type="tertiary"):
            _password_form()
    if found.origin == "oidc":
        st.button(
            "Sign out",
            icon=":material/logout:",
            type="tertiary",
            on_click=leave_provider,
            key="sign_out",
        )
    else:
        post_button("Leave" if found.origin == "demo" else "Sign out", SIGN_OUT, is_quiet=True)


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
        refusal = refusal_of(st.context.cookies)
        if refusal:
            show_error(refusal.message, refusal.hint)
        password_form(SIGN_IN, refusal.login if refusal else "")
        st.caption(
            "No account? An administrator adds one: `python -m phantom_core user add LOGIN --role "
            "…`"
        )


def _first_password() -> None:
    st.info("Somebody else chose your password. Choose your own to go on.", icon=":material/key:")
    with st.container(width=420):
        _password_form()


def _password_form() -> None:
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
        set_password(old, new)
        st.rerun()
