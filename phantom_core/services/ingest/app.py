"""The ingest service: accepts events and quotes from storefronts and stores them durably."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI, Request
from starlette.responses import Response

from phantom_core.core.errors import InputError
from phantom_core.core.settings import Settings
from phantom_core.events.validator import Validation
from phantom_core.messages import kafka, local
from phantom_core.messages.topic import EVENTS, QUOTES, Sink
from phantom_core.services.ingest import contract
from phantom_core.services.ingest.bodies import decoded_body
from phantom_core.services.ingest.catalogue import LazyCatalogue
from phantom_core.services.ingest.dump import read_dump
from phantom_core.services.ingest.intake import SERVICE, Intake
from phantom_core.services.ingest.requests import number_repeats, rows_of_body
from phantom_core.services.web.answers import Json, refusal_answer
from phantom_core.services.web.probes import add_probes
from phantom_core.services.web.products import add_product_routes
from phantom_core.services.web.service import FRAMEWORK_TELEMETRY, add_guards

# A larger body is taken apart in a thread, so that nothing else waits for it.
_SMALL_BYTES: Final = 8_192
_POSTED: Final = (400, 401, 403, 413, 415, 422, 429, 503)


def ingest_app(settings: Settings) -> FastAPI:
    """Create the application; messages go to Kafka where a broker is configured, else to the
    workspace's local buffer.

    Args:
        settings: broker, workspace, limits and keys.
    """
    catalogue = LazyCatalogue(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.intake = await asyncio.to_thread(lambda: Intake(_sink(settings), settings))
        yield
        await asyncio.to_thread(app.state.intake.close)
        await asyncio.to_thread(catalogue.stop)

    app = FastAPI(
        title="PHANTOM ingest",
        version=contract.VERSION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        telemetry=FRAMEWORK_TELEMETRY,
    )
    add_guards(app, settings, SERVICE)
    add_product_routes(app, lambda: catalogue, settings.pricing.unknown_product)

    async def store(request: Request, topic: str) -> Response:
        body = decoded_body(
            await request.body(),
            request.headers.get("content-encoding", ""),
            settings.services.max_body_bytes,
        )
        most_chars, most_rows = (
            settings.loading.max_field_bytes,
            settings.services.max_pending_events,
        )
        rows, is_batch = (
            rows_of_body(body, most_chars, most_rows)
            if len(body) < _SMALL_BYTES
            else await asyncio.to_thread(rows_of_body, body, most_chars, most_rows)
        )
        if not rows and not is_batch:
            raise InputError(
                "There is no event in the body.", hint="Post one JSON object, or an array of them."
            )
        if topic == EVENTS:
            rows = number_repeats(rows)
        validations = await request.app.state.intake.accept(topic, rows) if rows else []
        return _answer(request, validations, is_batch=is_batch)

    @app.post(
        "/api/kafka/ingest",
        openapi_extra=contract.request_body(contract.EVENT),
        responses=contract.answer_models(contract.KEPT, *_POSTED),
    )
    @app.post(
        "/api/ingest",
        openapi_extra=contract.request_body(contract.EVENT),
        responses=contract.answer_models(contract.KEPT, *_POSTED),
    )
    async def ingest(request: Request) -> Response:
        """Store one event, or a batch."""
        return await store(request, EVENTS)

    @app.post(
        "/api/kafka/price-log",
        openapi_extra=contract.request_body(contract.QUOTE),
        responses=contract.answer_models(contract.KEPT, *_POSTED),
    )
    async def price_log(request: Request) -> Response:
        """Store one quote, or a batch."""
        return await store(request, QUOTES)

    @app.get("/api/kafka/dump", responses=contract.answer_models(contract.DUMP, 400, 401, 403, 503))
    async def dump(
        topic: str = EVENTS, last_n: int | None = None, t_start: str = "", t_end: str = ""
    ) -> Response:
        """Messages of a topic in ascending order: all that are retained, at most 50,000; the newest
        `last_n` of them; or those from `t_start` to `t_end`.
        """
        found = await asyncio.to_thread(read_dump, settings, topic, last_n, t_start, t_end)
        return Json(
            {
                "success": True,
                "count": len(found.messages),
                "data": found.messages,
                "truncated": found.is_truncated,
            }
        )

    @app.get("/health", responses=contract.answer_models(contract.HEALTH))
    async def health(request: Request) -> Response:
        """Whether events can be stored."""
        intake: Intake = request.app.state.intake
        problems = await asyncio.to_thread(intake.problems)
        state = await asyncio.to_thread(intake.sink.state)
        return Json(
            {
                "status": "degraded" if problems else "healthy",
                "kafka": state != "unavailable",
                "storage": state,
                "pending": intake.n_pending,
                "problems": problems,
            }
        )

    def problems() -> dict[str, str]:
        intake: Intake = app.state.intake
        return intake.problems()

    add_probes(app, problems, SERVICE)
    return app


def _sink(settings: Settings) -> Sink:
    if settings.kafka.bootstrap:
        return kafka.KafkaSink(settings.kafka.bootstrap, settings.kafka.options)
    return local.LocalSink(local.open_inbox(settings.workspace), settings.services.max_buffer_bytes)


def _answer(request: Request, validations: Sequence[Validation], *, is_batch: bool) -> Json:
    """The response of the contract: {"success": true}, and rejected messages by their position in
    the batch.
    """
    rejected = [
        {"index": i, "reason": validation.reason, "detail": validation.detail}
        for i, validation in enumerate(validations)
        if validation.reason
    ]
    corrected = [
        {"index": i, "detail": validation.detail}
        for i, validation in enumerate(validations)
        if validation.detail and not validation.reason
    ]
    noted: dict[str, object] = {"corrected": corrected} if corrected else {}
    n_stored = len(validations) - len(rejected)
    if not rejected:
        batch = {"accepted": n_stored, "refused": []} if is_batch else {}
        return Json({"success": True, **batch, **noted})
    if n_stored:
        return Json({"success": False, "accepted": n_stored, "refused": rejected, **noted})
    first = rejected[0]
    found = f": {str(first['detail']).rstrip('.')}" if first["detail"] else ""
    sentence = f"Rejected as {first['reason']}{found}."
    more = (
        {"accepted": 0, "refused": rejected}
        if is_batch
        else {"reason": first["reason"], "detail": first["detail"]}
    )
    return refusal_answer(
        422, sentence, "docs/events.md lists the reasons.", request.scope, more=more
    )
