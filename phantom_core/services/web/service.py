"""A web service: how every FastAPI application of PHANTOM is secured, reports errors, and runs."""

import logging
import signal
import socket
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.security import APIKeyHeader, HTTPBearer
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from phantom_core.core.errors import InputError, PhantomError
from phantom_core.core.settings import Settings
from phantom_core.core.telemetry.web import MetricsRoute, Telemetry
from phantom_core.services.web.answers import problem_answer, refusal_answer
from phantom_core.services.web.connections import ConnectionLimits, LimitedServer
from phantom_core.services.web.docs_page import add_docs_page
from phantom_core.services.web.guards import (
    API_KEY,
    OPEN_PATHS,
    ApiKeys,
    BodyLimit,
    HeadRequests,
    RequestIds,
)
from phantom_core.services.web.keys import Keys

_LOGGER: Final = logging.getLogger(__name__)
_HEADERS: Final = ("Authorization", "Content-Type", API_KEY, "X-Request-ID")
# The ways to send a key, either of them, as ApiKeys checks them.
_ABOUT_KEYS: Final = (
    "One of PHANTOM_API_KEYS. Without any, only requests from the service's own "
    "machine are answered."
)
_SCHEMES: Final = {
    "ApiKey": APIKeyHeader(name=API_KEY, description=_ABOUT_KEYS).model,
    "Bearer": HTTPBearer(description=_ABOUT_KEYS).model,
}
# Requests are measured and traced by `Telemetry`; the framework would do so again.
FRAMEWORK_TELEMETRY: Final[TelemetryConfig] = {"tracing": False, "metrics": False, "logs": False}
_GRACE_S: Final = 15
# Longer than clients and load balancers hold an idle connection (5 to 60 s): the server must not
# close one while a request arrives.
_KEEP_ALIVE_S: Final = 75


def add_guards(app: FastAPI, settings: Settings, service: str) -> None:
    """Add request ids, CORS, keys, body limits and telemetry to an application, and error responses
    in one format.

    Args:
        app: the application.
        settings: keys, origins and limits.
        service: its name in metrics.
    """
    app.add_middleware(MetricsRoute)
    app.add_middleware(BodyLimit, most_bytes=settings.services.max_body_bytes)
    app.add_middleware(
        ApiKeys,
        keys=Keys(settings.services),
        pages=settings.services.cors_origins,
    )
    if settings.services.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.services.cors_origins),
            allow_methods=["GET", "POST"],
            allow_headers=_HEADERS,
            expose_headers=["X-Request-ID", "Retry-After"],
        )
    app.add_middleware(HeadRequests)
    app.add_middleware(RequestIds)
    app.add_middleware(Telemetry, service=service)
    _describe_keys(app)
    add_docs_page(app)
    app.add_exception_handler(PhantomError, _phantom_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _bug)


def _describe_keys(app: FastAPI) -> None:
    """Let the OpenAPI document name the keys and the routes that need one.

    ApiKeys checks them before routing; as dependencies of the routes they would cost each price
    20 µs more.
    """
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        document = describe()
        schemes = {
            name: scheme.model_dump(mode="json", by_alias=True, exclude_none=True)
            for name, scheme in _SCHEMES.items()
        }
        document.setdefault("components", {})["securitySchemes"] = schemes
        for path, operations in document["paths"].items():
            for operation in operations.values() if path not in OPEN_PATHS else ():
                operation["security"] = [{name: []} for name in schemes]
        return document

    app.openapi = openapi  # type: ignore[method-assign]


async def _phantom_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, PhantomError)
    return problem_answer(error, request.scope)


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:])
    return refusal_answer(
        422,
        f"{place or 'The request'} cannot be used: {first['msg']}.",
        "See /docs.",
        request.scope,
    )


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    answer = refusal_answer(
        error.status_code, f"{error.detail}.", "See /docs for the routes.", request.scope
    )
    answer.headers.update(error.headers or {})
    return answer


async def _gone(request: Request, error: Exception) -> Response:
    """Nobody waits for this answer, and whoever hangs up must not fill the log."""
    return refusal_answer(400, "The body did not arrive.", "Send it again.", request.scope)


async def _bug(request: Request, error: Exception) -> Response:
    _LOGGER.error("A request failed.", exc_info=error)
    return refusal_answer(
        500, "The service failed.", "Its log has the request's id.", request.scope
    )


def run_service(app: FastAPI, host: str, port: int, limits: ConnectionLimits | None = None) -> None:
    """Serve an application until SIGTERM or SIGINT, then finish open requests.

    Args:
        app: the application.
        host: to listen on.
        port: to listen on; 0 takes a free one.
        limits: of connections and of the time a request may take to arrive; None for the defaults.
    Raises:
        InputError: the address or port cannot be used.
    """
    listening = _listen(host, port)
    server = _Server(
        app,
        limits or ConnectionLimits(),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_GRACE_S,
        timeout_keep_alive=_KEEP_ALIVE_S,
        server_header=False,
        date_header=False,
        # Where a request comes from is the other end of its connection, whatever its headers say.
        proxy_headers=False,
    )
    # uvicorn raises the signal again once it has stopped; a requested stop is not a failure of the
    # service.
    for number_of_signal in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number_of_signal, lambda *_: None)
    server.run(sockets=[listening])


class _Server(LimitedServer):
    """Prints its address once it is ready."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start serving."""
        await super().startup(sockets)
        if self.started and sockets:
            name, port = sockets[0].getsockname()[:2]
            print(f"Serving on http://{f'[{name}]' if ':' in name else name}:{port}", flush=True)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        raise InputError(
            f"Cannot listen on {host} port {port}: {error.strerror or error}.",
            hint="Choose another --port.",
        ) from error
    return listening
