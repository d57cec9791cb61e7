"""Sign-in routes: they set or delete the cookie, and redirect back to the page."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

import sqlalchemy as sa
import streamlit as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from phantom_core.accounts.sign_in import sign_in, sign_in_demo, sign_out
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.core.errors import (
    InputError,
    NotAllowedError,
    NotSignedInError,
    PhantomError,
    TooLargeError,
)
from phantom_core.core.settings import Settings
from ui.accounts.demo_access import is_open
from ui.accounts.sign_in_cookie import (
    Refusal,
    base_path,
    forget_token,
    keep_refusal,
    keep_token,
    token_of,
)

SIGN_IN: Final = "/account/sign-in"
DEMO: Final = "/account/demo"
SIGN_OUT: Final = "/account/sign-out"
_MOST_BYTES: Final = 8_192
_MOST_FIELDS: Final = 8

Fields = Mapping[str, str]
Act = Callable[[Request, Fields], Response]


def sign_in_routes() -> list[Route]:
    """Routes of password sign-in, demo sign-in and sign-out; each accepts POST only."""
    acts: dict[str, Act] = {SIGN_IN: _sign_in, DEMO: _enter_demo, SIGN_OUT: _sign_out}
    return [Route(base_path() + path, _posted(act), methods=["POST"]) for path, act in acts.items()]


def _posted(act: Act) -> Callable[[Request], object]:
    async def answer(request: Request) -> Response:
        try:
            _require_own(request)
            fields = await _fields(request)
        except PhantomError as error:
            return PlainTextResponse(f"{error.message} {error.hint}", error.http_status)
        try:
            return await asyncio.to_thread(act, request, fields)
        except PhantomError as error:
            answer = _back(request)
            keep_refusal(
                answer,
                Refusal(fields.get("login", ""), error.message, error.hint),
                is_tls=_is_tls(request),
            )
            return answer

    return answer


def _sign_in(request: Request, fields: Fields) -> Response:
    settings = Settings()
    login, password = fields.get("login", ""), fields.get("password", "")
    token = sign_in(
        _control(settings),
        login,
        password,
        now_ms=_now_ms(),
        hours=settings.access.sign_in_hours,
        idle_hours=settings.access.sign_in_idle_hours,
        address=request.client.host if request.client else "",
    )
    return _signed_in(request, settings, token)


def _enter_demo(request: Request, fields: Fields) -> Response:
    settings = Settings()
    client = request.client.host if request.client else ""
    if not is_open(settings, client, dict(request.headers)):
        raise NotSignedInError("Demo access is turned off.", hint="Sign in with your account.")
    token = sign_in_demo(
        _control(settings),
        fields.get("who", ""),
        now_ms=_now_ms(),
        hours=settings.access.sign_in_hours,
    )
    return _signed_in(request, settings, token)


def _sign_out(request: Request, _: Fields) -> Response:
    sign_out(_control(Settings()), token_of(request.cookies))
    answer = _back(request)
    forget_token(answer, is_tls=_is_tls(request))
    return answer


def _signed_in(request: Request, settings: Settings, token: str) -> Response:
    if earlier := token_of(request.cookies):
        sign_out(_control(settings), earlier)
    answer = _back(request)
    keep_token(
        answer, token, is_tls=_is_tls(request), seconds=round(settings.access.sign_in_hours * 3_600)
    )
    return answer


def _require_own(request: Request) -> None:
    """Refuse forms of other sites, by the Origin header, which no page can change."""
    named = request.headers.get("origin", "")
    origin, host = urlsplit(named), request.headers.get("host", "").lower()
    is_same = (
        bool(host)
        and origin.netloc.lower() == host
        and (origin.scheme == "https" or not _is_tls(request))
    )
    if not is_same and named not in st.get_option("server.corsAllowedOrigins"):
        raise NotAllowedError(
            f"This form comes from {named or 'an unknown origin'}, but only forms from {host} are "
            "accepted.",
            hint="Behind a proxy that changes the Host header, add the site to "
            "server.corsAllowedOrigins.",
        )


async def _fields(request: Request) -> Fields:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise TooLargeError(
                f"The form is larger than {_MOST_BYTES:,} bytes.", hint="Use the form of the page."
            )
    try:
        return dict(
            parse_qsl(
                body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
            )
        )
    except ValueError:
        raise InputError(
            f"The form has more than {_MOST_FIELDS} fields.", hint="Use the form of the page."
        ) from None


def _back(request: Request) -> Response:
    """Redirect to the page of the form, or to the start page where that is not of this site."""
    page = urlsplit(request.headers.get("referer", ""))
    is_own = page.netloc.lower() == request.headers.get("host", "").lower()
    return RedirectResponse(_path(page) if is_own else base_path() or "/", status_code=303)


def _path(page: SplitResult) -> str:
    query = f"?{page.query}" if page.query else ""
    return "/" + page.path.replace("\\", "/").lstrip("/") + query


def _is_tls(request: Request) -> bool:
    """Whether the browser uses TLS.

    uvicorn trusts X-Forwarded-Proto from the proxies in FORWARDED_ALLOW_IPS only.
    """
    return request.url.scheme == "https"


def _control(settings: Settings) -> sa.Engine:
    return control_engine(settings)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
