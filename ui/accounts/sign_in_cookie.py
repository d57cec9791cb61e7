"""Sign-in cookie: holds the token, unreadable to scripts and not sent by other sites' forms."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode

import streamlit as st
from starlette.responses import Response

COOKIE: Final = "phantom_sign_in"
_REFUSAL: Final = "phantom_sign_in_refused"
_REFUSAL_S: Final = 60
_REFUSALS: Final = (f"__Host-{_REFUSAL}", f"__Secure-{_REFUSAL}", _REFUSAL)
_NAMES: Final = (f"__Host-{COOKIE}", f"__Secure-{COOKIE}", COOKIE)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A sign-in that was refused, for the page that is shown next.

    Attributes:
        login: as it was entered.
        message: why, one sentence.
        hint: what to do.
    """

    login: str
    message: str
    hint: str


def token_of(cookies: Mapping[str, str]) -> str:
    """The token that the browser sent; empty for none."""
    return next((cookies[name] for name in _NAMES if cookies.get(name)), "")


def _named(name: str, *, is_tls: bool) -> str:
    """Name of a cookie; over TLS one that no other host and no page without TLS can set."""
    if not is_tls:
        return name
    return f"__Secure-{name}" if base_path() else f"__Host-{name}"


def refusal_of(cookies: Mapping[str, str]) -> Refusal | None:
    """The sign-in that was just refused, if any."""
    sent = next((cookies[name] for name in _REFUSALS if cookies.get(name)), "")
    found = dict(parse_qsl(sent, keep_blank_values=True))
    return (
        Refusal(found["login"], found["message"], found["hint"])
        if {"login", "message", "hint"} <= set(found)
        else None
    )


def keep_token(response: Response, token: str, *, is_tls: bool, seconds: int) -> None:
    """Set the token cookie, and delete an earlier refusal."""
    _set(response, COOKIE, token, seconds, is_tls=is_tls)
    _set(response, _REFUSAL, "", 0, is_tls=is_tls)


def forget_token(response: Response, *, is_tls: bool) -> None:
    """Delete the token cookie."""
    _set(response, COOKIE, "", 0, is_tls=is_tls)


def keep_refusal(response: Response, refusal: Refusal, *, is_tls: bool) -> None:
    """Have the next page say why the sign-in was refused."""
    _set(response, _REFUSAL, urlencode(asdict(refusal)), _REFUSAL_S, is_tls=is_tls)


def base_path() -> str:
    """Path below which the app is served, without a slash at its end; empty for the root."""
    base = str(st.get_option("server.baseUrlPath")).strip("/")
    return f"/{base}" if base else ""


def _set(response: Response, name: str, value: str, seconds: int, *, is_tls: bool) -> None:
    response.set_cookie(
        _named(name, is_tls=is_tls),
        value,
        max_age=seconds,
        path=base_path() or "/",
        secure=is_tls,
        httponly=True,
        samesite="lax",
    )
