"""Account: the person who is signed in, and their permissions."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa
import streamlit as st

from phantom_core.accounts.account_actors import GUEST, GUEST_PERMISSIONS, Account
from phantom_core.accounts.actors import Actor, acting_as
from phantom_core.accounts.identity import identity_of_claims
from phantom_core.accounts.people import Person, has_accounts
from phantom_core.accounts.roles import Permission, roles_with
from phantom_core.accounts.sign_in import (
    change_password,
    find_signed_in,
    note_use,
    role_of_claims,
    sign_in_identity,
    sign_out,
)
from phantom_core.accounts.waiting import GUARDED
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.core.errors import NotAllowedError, NotSignedInError
from phantom_core.jobs.job_request import JobRequest
from ui.accounts import demo_access
from ui.accounts.demo_access import has_provider
from ui.accounts.sign_in_cookie import token_of
from ui.frame.handles import current_settings, now_ms, open_jobs

_TOKEN: Final = "sign_in_token"
_THIS_MACHINE: Final = "127.0.0.1"


def current_person() -> Person | None:
    """The person who is signed in; None for a guest."""
    return find_signed_in(_control(), _token(), now_ms()) or _identity()


def reader() -> Actor | None:
    """Who looks at this page: an account, a guest of this machine, or nobody who may."""
    found = current_person()
    return Account(found.login) if found else GUEST if is_open() else None


def note_reader() -> None:
    """Note that a page is used, so that the sign-in does not end as idle; redraws do not count."""
    note_use(_control(), _token(), now_ms())


@contextmanager
def as_reader() -> Iterator[Actor | None]:
    """Act as the reader within this block; every page, fragment and callback does."""
    found = reader()
    with acting_as(found, current_settings()):
        yield found


def is_open() -> bool:
    """Whether anyone on this machine may sign in as a demo user."""
    headers = {name.lower(): value for name, value in st.context.headers.items()}
    client = st.context.ip_address or _THIS_MACHINE
    if not headers:  # The page runs without a server, which takes no request without a Host.
        headers, client = {"host": _THIS_MACHINE}, _THIS_MACHINE
    return demo_access.is_open(current_settings(), client, headers)


def is_allowed(permission: Permission) -> bool:
    """Whether the reader has a permission, to decide what to draw; the engine checks again."""
    found = current_person()
    return (
        found.may(permission)
        and not found.must_change
        and not (permission in GUARDED and found.waits(now_ms()))
        if found
        else is_open() and permission in GUEST_PERMISSIONS
    )


def reader_check(permission: Permission) -> Callable[[], bool]:
    """Whether this reader still has a permission, to be asked later and outside of the page."""
    engine, token = _control(), _token()

    def is_held() -> bool:
        found = find_signed_in(engine, token, now_ms())
        if found is not None:
            return found.may(permission) and not found.must_change
        with engine.connect() as connection:
            return not token and permission in GUEST_PERMISSIONS and not has_accounts(connection)

    return is_held


def current_login(permission: Permission = Permission.READ) -> str:
    """The login to act under.

    Raises:
        NotSignedInError: the reader is a guest.
    """
    found = current_person()
    if found is None:
        raise NotSignedInError(
            f"Sign in to {permission}.",
            hint="Demo sign-in is at the top of the page." if is_open() else "",
        )
    return found.login


def require_allowed(permission: Permission) -> None:
    """Require a permission of the reader.

    Raises:
        NotAllowedError: this person, or a guest, lacks it.
    """
    if not is_allowed(permission):
        found = current_person()
        who = (
            f"{found.name} is {'an' if found.role[0] in 'aeiou' else 'a'} {found.role} and"
            if found
            else "A guest"
        )
        raise NotAllowedError(f"{who} may not {permission}.", hint=f"Ask {roles_with(permission)}.")


def start_job(request: JobRequest) -> None:
    """Start a job in the name of the reader.

    Raises:
        NotAllowedError: the reader may only read.
    """
    open_jobs().start(request)


def set_password(old: str, new: str) -> None:
    """Set the password of the person who is signed in; this session stays, all others end.

    Raises:
        NotSignedInError: the old password is wrong.
        InputError: the new password is not allowed.
    """
    change_password(
        _control(),
        current_login(),
        old,
        new,
        now_ms=now_ms(),
        keep=_token(),
    )


def leave_provider() -> None:
    """Sign out a person of the identity provider, here and at the provider."""
    sign_out(_control(), str(st.session_state.pop(_TOKEN, "")))
    if has_provider() and st.user.is_logged_in:
        st.logout()


def _control() -> sa.Engine:
    chosen = current_settings()
    return control_engine(chosen)


def _token() -> str:
    """Token of the reader: from the provider's sign-in of this tab, or from the cookie."""
    return str(st.session_state.get(_TOKEN) or token_of(st.context.cookies))


def _identity() -> Person | None:
    """The person that the identity provider names, asked once a session."""
    if not has_provider() or not st.user.is_logged_in:
        return None
    claims, chosen = st.user.to_dict(), current_settings()
    access = chosen.access
    identity = identity_of_claims(claims, now_ms=now_ms(), hours=access.sign_in_hours)
    role = role_of_claims(claims, access.oidc_claim, access.oidc_roles)
    if role is None:
        raise NotAllowedError(
            f"{identity.name} has no role here: none of its {access.oidc_claim} grants one.",
            hint="Ask an administrator to map a group of yours in PHANTOM_OIDC_ROLES.",
        )
    token = sign_in_identity(
        _control(),
        identity,
        role=role,
        now_ms=now_ms(),
        hours=access.sign_in_hours,
        idle_hours=access.sign_in_idle_hours,
    )
    st.session_state[_TOKEN] = token
    return find_signed_in(_control(), token, now_ms())
