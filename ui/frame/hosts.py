"""Hosts: the app answers to its own names and pages, takes uploads of those who may load data, and
drops commands of the browser that pages do not need.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

import streamlit as st
from google.protobuf.message import DecodeError
from starlette.responses import PlainTextResponse
from streamlit.proto.BackMsg_pb2 import BackMsg

from phantom_core.core.hosts import host_name, is_local_request, is_served
from phantom_core.core.settings import Settings
from ui.accounts.sign_in_cookie import base_path
from ui.frame.upload_permits import PERMITS

Message = MutableMapping[str, Any]  # what ASGI calls scope and events
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
# What a page sends to its server; all else would act on the caches or the process of everybody.
COMMANDS: Final = frozenset(
    {
        "rerun_script",
        "stop_script",
        "file_urls_request",
        "app_heartbeat",
        "backend_operation_request",
        "load_git_info",
    }
)
_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_METRICS: Final = "_stcore/metrics"
_UPLOAD: Final = "/_stcore/upload_file/"
_POLICY_VIOLATION: Final = 1008


class OwnHosts:
    """Refuses requests by foreign names, of foreign pages, and uploads without a permit.

    Args:
        app: the application.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request or websocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        problem, status = self._problem(scope)
        if problem and scope["type"] == "http":
            await PlainTextResponse(problem, status)(scope, receive, send)
        elif problem:
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": ""})
        elif scope["type"] == "websocket":
            await self._app(scope, _without_foreign_commands(receive), send)
        else:
            await self._app(scope, receive, send)

    @cached_property
    def _public(self) -> tuple[str, ...]:
        return Settings().access.hosts

    def _problem(self, scope: Message) -> tuple[str, int]:
        headers = _headers(scope)
        if sum(key == b"host" for key, _ in scope["headers"]) > 1:
            return "A request names one host.", 400
        host = headers.get("host", "")
        if not is_served(host, self._public):
            return (
                f"This server does not answer to '{host_name(host)}'. Set PHANTOM_HOSTS to the "
                "names it is known by.",
                421,
            )
        if scope["path"].rstrip("/").endswith(_METRICS) and not _is_local(scope, headers):
            return "There is no such page.", 404
        changes = scope["type"] == "websocket" or scope["method"] not in _SAFE
        if changes and not self._is_own_page(headers.get("origin", ""), host):
            return "Only pages of this server may do this.", 403
        if scope["type"] == "http" and scope["method"] not in _SAFE:
            return _upload_problem(scope["method"], scope["path"], headers)
        return "", 0

    def _is_own_page(self, origin: str, host: str) -> bool:
        """Whether a request stems from a page of this server; programs send no Origin."""
        if not origin or origin in st.get_option("server.corsAllowedOrigins"):
            return True
        place = urlsplit(origin).netloc.lower()
        return place == host.lower() or (
            bool(place) and host_name(place) in {host_name(one) for one in self._public}
        )


def _is_local(scope: Message, headers: dict[str, str]) -> bool:
    client = scope.get("client")
    return client is not None and is_local_request(client[0], headers)


def _upload_problem(method: str, path: str, headers: dict[str, str]) -> tuple[str, int]:
    start = f"{base_path()}{_UPLOAD}"
    if not path.startswith(start):
        return "", 0
    session, declared = path[len(start) :].partition("/")[0], headers.get("content-length", "")
    if not PERMITS.is_known(session):
        return "Sign in with an account that may load data, to upload a file.", 403
    if method == "DELETE":
        return "", 0
    if not declared.isdigit():
        return "An upload has to say its length.", 411
    if not PERMITS.take(session, int(declared)):
        return "This session has uploaded as much as it may. Reload the page.", 413
    return "", 0


def _without_foreign_commands(receive: Receive) -> Receive:
    async def received() -> Message:
        while True:
            message = await receive()
            content = message.get("bytes")
            if message["type"] != "websocket.receive" or content is None or _is_own(content):
                return message

    return received


def _is_own(content: bytes) -> bool:
    try:
        command = BackMsg.FromString(content).WhichOneof("type")
    except DecodeError:
        return False
    return command in COMMANDS


def _headers(scope: Message) -> dict[str, str]:
    return {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
