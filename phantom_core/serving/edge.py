"""The edge: what every HTTP service does with a request before it looks at it: an id, a key, and errors as sentences.

Plain ASGI, since each layer of it costs every request.
"""

import hmac
import re
import uuid
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from phantom_core.errors import PhantomError

Message = MutableMapping[str, Any]  # what ASGI calls scope and events
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
REQUEST_ID: Final = "x-request-id"
KEY: Final = "x-api-key"
_OPEN: Final = frozenset({"/health", "/metrics", "/openapi.json", "/docs"})
_USABLE_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_UNAUTHORISED: Final = 401


class Edge:
    """Gives every request an id and turns away those without a key.

    Args:
        app: the application.
        keys: that open it; without any, everybody may ask.
    """

    def __init__(self, app: App, keys: Sequence[str] = ()) -> None:
        self._app, self._keys = app, tuple(key.encode() for key in keys)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(REQUEST_ID.encode(), b"").decode("latin-1")
        request_id = given if _USABLE_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (REQUEST_ID.encode(), request_id.encode())]
            await send(message)

        if self._keys and scope["path"] not in _OPEN and not self._opens(headers):
            error = "This service asks for a key, and the request has none that it knows."
            answer = refusal(_UNAUTHORISED, error, "Send it in the header X-API-Key, or as Authorization: Bearer …", request_id)
            await answer(scope, receive, named)
        else:
            await self._app(scope, receive, named)

    def _opens(self, headers: dict[bytes, bytes]) -> bool:
        scheme, _, bearer = headers.get(b"authorization", b"").partition(b" ")
        given = headers.get(KEY.encode()) or (bearer.strip() if scheme.lower() == b"bearer" else b"")
        # Every key is compared, so that the time tells nothing.
        return sum(hmac.compare_digest(given, key) for key in self._keys) > 0


def refusal(status: int, error: str, hint: str, request_id: str) -> Response:
    """An error as JSON."""
    content = orjson.dumps({"error": error, "hint": hint, "request_id": request_id})
    headers = {"www-authenticate": "Bearer"} if status == _UNAUTHORISED else None
    return Response(content, status, headers, "application/json")


def say_errors(app: FastAPI) -> None:
    """Let an application answer errors as sentences."""
    app.add_exception_handler(PhantomError, _of_phantom)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)


async def _of_phantom(request: Request, error: Exception) -> Response:
    assert isinstance(error, PhantomError)
    return refusal(error.http_status, error.message, error.hint, request_id_of(request))


async def _of_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = " ".join(str(part) for part in first["loc"])
    return refusal(422, f"The request cannot be used, at {place}: {first['msg']}.", "Compare it with /docs.", request_id_of(request))


async def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known = {404: f"There is nothing at {request.url.path[:200]}.", 405: f"{request.method} is not answered here."}
    answer = refusal(error.status_code, known.get(error.status_code, str(error.detail)), "Compare it with /docs.", request_id_of(request))
    answer.headers.update(error.headers or {})
    return answer


def request_id_of(request: Request) -> str:
    """The id that the edge gave a request."""
    return str(getattr(request.state, "request_id", ""))
