"""Account: who looks at the page, and what they may do."""

from typing import Final

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from phantom_core.accounts.people import DEMO, Person, has_accounts
from phantom_core.accounts.roles import Permission, roles_with
from phantom_core.accounts.sign_in import (
    role_of_claims,
    sign_in_demo,
    sign_in_identity,
    sign_out,
    who_is,
)
from phantom_core.core.errors import NotAllowedError, NotSignedInError
from phantom_core.jobs.job_request import JobRequest
from phantom_core.use_cases.approvals.change_requests import control_database
from ui.frame.handles import current_settings, now_ms, open_jobs

COOKIE: Final = "phantom_sign_in"
_TOKEN: Final = "sign_in_token"
_LOCAL: Final = ("localhost", "127.0.0.1", "::1")
# What anybody may do who opens an installation without accounts on their own machine.
_VISITOR: Final = frozenset({Permission.READ, Permission.WORK})


def current_person() -> Person | None:
    """Who is signed in; None for nobody."""
    token = str(st.session_state.get(_TOKEN) or st.context.cookies.get(COOKIE) or "")
    found = who_is(control_database(current_settings()), token, now_ms())
    if found:
        st.session_state[_TOKEN] = token
    return found or _identity()


def is_open() -> bool:
    """Whether anybody may enter as a demo person: nobody has an account, no provider is set up, and
    only this machine is served.
    """
    if (
        not current_settings().demo_people
        or has_provider()
        or st.get_option("server.address") not in _LOCAL
    ):
        return False
    with control_database(current_settings()).connect() as connection:
        return not has_accounts(connection)


def is_allowed(permission: Permission) -> bool:
    """Whether whoever looks may do something, to draw what they need; the engine checks again."""
    found = current_person()
    return (
        found.may(permission) and not found.must_change
        if found
        else is_open() and permission in _VISITOR
    )


def current_login(permission: Permission = Permission.READ) -> str:
    """The login to act under.

    Raises:
        NotSignedInError: nobody is signed in.
    """
    found = current_person()
    if found is None:
        raise NotSignedInError(
            f"Sign in to {permission}.",
            hint="The demo entry is at the top of the page." if is_open() else "",
        )
    return found.login


def require_allowed(permission: Permission) -> None:
    """Refuse whoever may not.

    Raises:
        NotAllowedError: this person, or a visitor, may not.
    """
    if not is_allowed(permission):
        found = current_person()
        who = (
            f"{found.name} is {'an' if found.role[0] in 'aeiou' else 'a'} {found.role} and"
            if found
            else "Whoever is not signed in"
        )
        raise NotAllowedError(f"{who} may not {permission}.", hint=f"Ask {roles_with(permission)}.")


def start_job(request: JobRequest) -> None:
    """Start long work under the name of whoever looks.

    Raises:
        NotAllowedError: they may only look.
    """
    found = current_person()
    if found is None:
        require_allowed(Permission.WORK)
    open_jobs().start(request, who=found.login if found else None)


def enter_demo(who: str) -> None:
    """Become a demo person."""
    if is_open() and who in DEMO:
        remember_token(
            sign_in_demo(
                control_database(current_settings()),
                who,
                now_ms=now_ms(),
                hours=current_settings().sign_in_hours,
            )
        )


def remember_token(token: str) -> None:
    """Keep a token for this tab, and until the sign-in ends for the browser."""
    st.session_state[_TOKEN] = token
    st.session_state["sign_in_cookie"] = (token, round(current_settings().sign_in_hours * 3_600))


def end_sign_in() -> None:
    """Sign out, here and at the provider."""
    token = str(st.session_state.pop(_TOKEN, "") or st.context.cookies.get(COOKIE) or "")
    if token:
        sign_out(control_database(current_settings()), token)
    st.session_state["sign_in_cookie"] = ("", 0)
    if has_provider() and st.user.is_logged_in:
        st.logout()


def write_cookie() -> None:
    """Have the browser keep the token; the page's own JavaScript sets it, since pages cannot set
    headers.
    """
    kept = st.session_state.pop("sign_in_cookie", None)
    if kept is None:
        return
    token, seconds = kept
    secure = "; Secure" if st.context.url and st.context.url.startswith("https:") else ""
    script = (
        f"document.cookie = '{COOKIE}={token}; path=/; max-age={seconds}; SameSite=Strict{secure}'"
    )
    st.html(f"<script>{script}</script>", unsafe_allow_javascript=True)


def has_provider() -> bool:
    """Whether an identity provider is set up in .streamlit/secrets.toml."""
    try:
        return "auth" in st.secrets
    except StreamlitSecretNotFoundError:
        return False


def _identity() -> Person | None:
    """Whoever the identity provider says it is, once a session."""
    if not has_provider() or not st.user.is_logged_in:
        return None
    claims = st.user.to_dict()
    chosen = current_settings()
    role = role_of_claims(claims, chosen.oidc_claim, chosen.oidc_roles)
    subject = str(
        claims.get("email") or claims.get("preferred_username") or claims.get("sub") or ""
    )
    if role is None:
        raise NotAllowedError(
            f"{subject or 'This account'} has no role here: none of its {chosen.oidc_claim} "
            "grants one.",
            hint="Ask an administrator to map a group of yours in PHANTOM_OIDC_ROLES.",
        )
    name = str(claims.get("name") or subject)
    token = sign_in_identity(
        control_database(chosen),
        subject,
        name=name,
        role=role,
        now_ms=now_ms(),
        hours=chosen.sign_in_hours,
    )
    st.session_state[_TOKEN] = token
    return who_is(control_database(chosen), token, now_ms())
