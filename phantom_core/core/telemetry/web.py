"""Telemetry over HTTP: metrics and a span for every request, and the route that serves them.

A service adds `Telemetry` as its outermost middleware, and `MetricsRoute` behind its keys. A
process without HTTP of its own calls `serve_metrics`.
"""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, Histogram, start_http_server
from prometheus_client.exposition import generate_latest

from phantom_core.core.telemetry.metrics import REGISTRY, REQUEST_SECONDS, TURNED_AWAY, count_error
from phantom_core.core.telemetry.tracing import get_tracer, is_tracing

Message = MutableMapping[str, Any]  # what ASGI calls scope and events
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
PATH: Final = "/metrics"
TOO_MANY: Final = 429
_FAILED: Final = 500
_UNKNOWN: Final = "unknown"


class MetricsRoute:
    """ASGI middleware: answers GET /metrics.

    Args:
        app: the application.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["path"] == PATH:
            await _answer(send)
        else:
            await self._app(scope, receive, send)


class Telemetry:
    """ASGI middleware: a latency, a status and a span for every request.

    Args:
        app: the application.
        service: its name in every label.
    """

    def __init__(self, app: App, service: str) -> None:
        self._app, self._service = app, service
        self._tracer: Tracer = get_tracer(service)
        self._histograms: dict[tuple[str, int], Histogram] = {}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] == PATH:
            await self._app(scope, receive, send)
        elif is_tracing():
            with self._tracer.start_as_current_span(scope["method"], kind=SpanKind.SERVER) as span:
                await self._measured(scope, receive, send, span)
        else:
            await self._measured(scope, receive, send, None)

    async def _measured(
        self, scope: Message, receive: Receive, send: Send, span: Span | None
    ) -> None:
        started, status = time.perf_counter(), 500

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception as error:
            count_error(self._service, type(error).__name__)
            raise
        finally:
            route = getattr(scope.get("route"), "path", _UNKNOWN)
            self._seconds(route, status).observe(time.perf_counter() - started)
            if status == TOO_MANY:
                TURNED_AWAY.labels(self._service).inc()
            if span is not None:
                _describe(span, scope["method"], route, status)

    def _seconds(self, route: str, status: int) -> Histogram:
        """The histogram of a route and status."""
        found = self._histograms.get((route, status))
        if found is None:
            found = REQUEST_SECONDS.labels(self._service, route, status)
            self._histograms[route, status] = found
        return found


def _describe(span: Span, method: str, route: str, status: int) -> None:
    if not span.is_recording():
        return
    span.update_name(f"{method} {route}")
    span.set_attributes(
        {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
        }
    )
    if status >= _FAILED:
        span.set_status(Status(StatusCode.ERROR))


async def _answer(send: Send) -> None:
    body = generate_latest(REGISTRY)
    headers = [
        (b"content-type", CONTENT_TYPE_PLAIN_0_0_4.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def serve_metrics(host: str, port: int) -> Callable[[], None]:
    """Serve the metrics of a process that has no HTTP of its own.

    Args:
        host: to listen on.
        port: to listen on.
    Returns:
        A function that stops the server.
    Raises:
        OSError: the port is taken.
    """
    server, thread = start_http_server(port, host, registry=REGISTRY)

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop
