"""Guards: ASGI middlewares between the network and a service, each small enough to review."""

import re
import uuid
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from itertools import count
from typing import Any, Final

from phantom_core.core.errors import (
    NotAllowedError,
    NotSignedInError,
    PhantomError,
    TooLargeError,
    UnsupportedError,
)
from phantom_core.core.hosts import is_local_request
from phantom_core.services.web.answers import problem_answer
from phantom_core.services.web.keys import Keys

Message = MutableMapping[str, Any]  # what ASGI calls scope and events
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
REQUEST_ID: Final = "x-request-id"
API_KEY: Final = "X-API-Key"
OPEN_PATHS: Final = ("/health", "/live", "/ready")
# Open to this machine itself, by its own name; keys open them to others.
LOCAL_PATHS: Final = ("/metrics", "/openapi.json", "/docs")
# Answers are data: no browser may guess their type, frame them, or load anything for them.
SAFE_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    ),
)
_SAFE_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_JSON: Final = ("application/json", "application/x-ndjson")
# A body that is too large is read and discarded up to this, so that its sender gets the reason
# of a broken connection.
_MOST_IGNORED_BYTES: Final = 64 << 20


class RequestIds:
    """Gives every request an id, or accepts a harmless one of its own, and returns it with the
    response; and tells browsers to do nothing with what a service answers.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._prefix, self._numbers = uuid.uuid4().hex[:16], count(1)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        brought = _header(scope, REQUEST_ID)
        request_id = (
            brought if _SAFE_ID.fullmatch(brought) else f"{self._prefix}-{next(self._numbers)}"
        )
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", ()),
                    *SAFE_HEADERS,
                    (REQUEST_ID.encode(), request_id.encode()),
                ]
            await send(message)

        await self._app(scope, receive, send_with_id)


class HeadRequests:
    """Answers HEAD as GET, without the body: some load balancers ask that way.

    Args:
        app: the application.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, send_without_body)


class ApiKeys:
    """Requires an API key: `X-API-Key: …` or `Authorization: Bearer …`. Without configured keys,
    only this machine is allowed, by a name of its own and without a proxy.

    Args:
        app: the application.
        keys: valid API keys, by route.
        pages: origins of web pages that may call the service from a browser on this machine.
    """

    def __init__(
        self,
        app: App,
        keys: Keys,
        pages: Collection[str] = (),
    ) -> None:
        self._app, self._keys, self._pages = app, keys, frozenset(pages)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request."""
        error = self._refusal(scope) if scope["type"] == "http" else None
        if error is None:
            await self._app(scope, receive, send)
        else:
            await problem_answer(error, scope)(scope, receive, send)

    def _refusal(self, scope: Message) -> PhantomError | None:
        path = scope["path"]
        if path in OPEN_PATHS or scope["method"] == "OPTIONS" or self._keys.is_open(path):
            return None
        keys = self._keys.of(scope["path"])
        if not keys.digests:
            return _refusal_without_keys(scope, self._pages, keys.variable)
        if scope["path"] in LOCAL_PATHS and _is_local(scope, self._pages):
            return None
        scheme, _, token = _header(scope, "authorization").partition(" ")
        given = _header(scope, API_KEY.lower()) or (token if scheme.lower() == "bearer" else "")
        if not given:
            return NotSignedInError("This needs an API key.", hint=f"Send it as {API_KEY}.")
        if keys.open_with(given):
            return None
        return NotSignedInError(
            "This API key is not known.", hint="Ask the operator of this service for one."
        )


def _refusal_without_keys(
    scope: Message, pages: Collection[str], variable: str
) -> PhantomError | None:
    """Why a request is refused where there are no keys: it is not of this machine, or may have
    been sent by a form of any web page.
    """
    if not _is_local(scope, pages):
        return NotAllowedError(
            "Only this machine may use the service.",
            hint=f"Set {variable} to allow others.",
        )
    kind = _header(scope, "content-type").partition(";")[0].strip().lower()
    has_body = _header(scope, "content-length") not in ("", "0") or _header(
        scope, "transfer-encoding"
    )
    if has_body and kind not in _JSON:
        return UnsupportedError(
            f"The content type is '{kind[:80]}', not {_JSON[0]}.",
            hint=f"Send Content-Type: {_JSON[0]}.",
        )
    return None


def _is_local(scope: Message, pages: Collection[str]) -> bool:
    client = scope.get("client")
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
    if sum(key == b"host" for key, _ in scope["headers"]) > 1:
        return False  # which of them counts is another program's guess
    if headers.get("origin") in pages:
        del headers["origin"]
    return client is None or is_local_request(client[0], headers)


class BodyLimit:
    """Rejects bodies that are too large, with or without a Content-Length.

    Args:
        app: the application.
        most_bytes: the largest body.
    """

    def __init__(self, app: App, most_bytes: int) -> None:
        self._app, self._most_bytes = app, most_bytes

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = _header(scope, "content-length")
        if declared.isdigit() and int(declared) > self._most_bytes:
            await self._refuse(self._too_large(), scope, receive, send, int(declared))
            return
        n_bytes = 0

        async def counted() -> Message:
            nonlocal n_bytes
            message = await receive()
            n_bytes += len(message.get("body", b""))
            if n_bytes > self._most_bytes:
                raise self._too_large()
            return message

        await self._app(scope, counted, send)

    def _too_large(self) -> TooLargeError:
        return TooLargeError(
            f"The body is larger than {self._most_bytes:,} bytes.",
            hint="Send fewer events at once.",
        )

    @staticmethod
    async def _refuse(
        error: PhantomError, scope: Message, receive: Receive, send: Send, declared: int
    ) -> None:
        n_left = declared if declared <= _MOST_IGNORED_BYTES else 0
        while n_left > 0:
            message = await receive()
            n_left -= len(message.get("body", b""))
            if message["type"] != "http.request" or not message.get("more_body", False):
                break
        await problem_answer(error, scope)(scope, receive, send)


def _header(scope: Message, name: str) -> str:
    wanted = name.encode()
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == wanted), "")
