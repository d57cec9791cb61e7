"""Account bar: the signed-in person on every page, sign-in and sign-out."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from phantom_core.accounts.people import DEMO, Person
from phantom_core.core.errors import PhantomError
from phantom_core.use_cases.approvals.watch_server import seen_last, silent_seconds
from ui.accounts.account import current_person, is_open, leave_provider, set_password
from ui.accounts.demo_access import has_provider
from ui.accounts.post_form import password_form, post_button
from ui.accounts.sign_in_cookie import refusal_of
from ui.accounts.sign_in_routes import DEMO as DEMO_ROUTE
from ui.accounts.sign_in_routes import SIGN_IN, SIGN_OUT
from ui.frame.errors import friendly_errors, show_error
from ui.frame.handles import STARTED_MS, current_settings, now_ms
from ui.frame.wording import escape, format_duration


def require_reader() -> Person | None:
    """The person who is signed in, or None for a guest of this machine; all others see the sign-in
    form alone.
    """
    try:
        found = current_person()
    except PhantomError as error:
        show_error(error.message, error.hint)
        st.button("Sign out", icon=":material/logout:", on_click=leave_provider, key="sign_out")
        st.stop()
    if found is None and not is_open():
        _sign_in_page()
        st.stop()
    return found


def account_bar(found: Person | None) -> DeltaGenerator:
    """Show who is signed in, and what is wrong with live prices.

    Returns:
        A place in the same row for what else the frame has to say.
    """
    with st.container(
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="right",
        key="account_bar",
    ):
        place = st.container(width="content")
        if found is None:
            _demo_entry()
        else:
            _signed_in(found)
    _divergence()
    if found and found.must_change:
        _first_password()
        st.stop()
    return place


def _divergence() -> None:
    """Show on every page that live prices differ from the release, or that nobody looks."""
    silent_s = silent_seconds(current_settings(), STARTED_MS, now_ms=now_ms())
    if silent_s:
        st.markdown(
            f":red[:material/visibility_off: **Live prices have not been checked for "
            f"{format_duration(silent_s)}**] :small[Scheduled changes wait, and drift is not "
            "detected. See the log of the server.]"
        )
    seen = seen_last(current_settings())
    if seen and seen.problems:
        with st.container(border=True, key="divergence_banner"):
            st.page_link(
                "pages/live.py",
                label=f":red[**Live prices are out of sync**] {escape(seen.problems[0])}",
                icon=":material/sync_problem:",
            )


def _demo_entry() -> None:
    st.markdown(
        ":violet-badge[Demo access] :small[Guest of this machine. Sign in as:]",
        width="content",
    )
    for who, (name, role) in DEMO.items():
        post_button(name, DEMO_ROUTE, about=f"Sign in as {role}, without a password.", who=who)


def _signed_in(found: Person) -> None:
    badge = ":violet-badge[Demo access] " if found.origin == "demo" else ""
    st.markdown(
        f"{badge}:material/person: **{escape(found.name)}** :small[{escape(found.role)}]",
        width="content",
    )
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
        post_button("Leave demo" if found.origin == "demo" else "Sign out", SIGN_OUT, is_quiet=True)


def _sign_in_page() -> None:
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
            "No account? Ask an administrator to add one: `python -m phantom_core user add LOGIN "
            "--role …`"
        )


def _first_password() -> None:
    st.info(
        "Your password was set by an administrator. Choose your own to continue.",
        icon=":material/key:",
    )
    with st.container(width=420):
        _password_form()


def _password_form() -> None:
    with st.form("change_password", border=False):
        old = st.text_input("Current password", type="password", autocomplete="current-password")
        new = st.text_input(
            "New password",
            type="password",
            autocomplete="new-password",
            help="At least 10 characters.",
        )
        again = st.text_input("Confirm new password", type="password", autocomplete="new-password")
        wants = st.form_submit_button("Change password", type="primary")
    if not wants:
        return
    if new != again:
        show_error("The new passwords do not match.", "Enter the same password twice.")
        return
    with friendly_errors():
        set_password(old, new)
        st.rerun()
