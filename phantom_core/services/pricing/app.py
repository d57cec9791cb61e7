"""The pricing API: prices over the HTTP contract that storefronts use."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final

from fastapi import FastAPI, Path, Query

from phantom_core.core.settings import Settings
from phantom_core.services.pricing.answer import (
    AgentAnswer,
    HealthAnswer,
    KillRequest,
    ModelsAnswer,
    PriceAnswer,
    ReloadAnswer,
)
from phantom_core.services.pricing.price_route import PATH, PriceRoute
from phantom_core.services.pricing.service import Pricing
from phantom_core.services.web.answers import Json
from phantom_core.services.web.limits import LONGEST_ID
from phantom_core.services.web.probes import add_probes
from phantom_core.services.web.products import Mode, add_product_routes
from phantom_core.services.web.refusal import KEYED, UNKNOWN, UNUSABLE, Refusal
from phantom_core.services.web.service import FRAMEWORK_TELEMETRY, add_guards

SERVICE: Final = "pricing"
VERSION: Final = "1"
_ABOUT: Final = (
    "Prices for storefronts: each request gets a price within the guard rails, whatever is missing."
)
ProductId = Annotated[str, Path(alias="productId", min_length=1, max_length=LONGEST_ID)]
SessionId = Annotated[
    str,
    Query(
        alias="sessionId",
        max_length=LONGEST_ID,
        description="Session to price; empty for none in particular.",
    ),
]
ExperimentId = Annotated[
    str,
    Query(alias="experimentId", max_length=LONGEST_ID, description="Logged with the decision."),
]
_REFUSALS: Final = {**KEYED, **UNKNOWN, **UNUSABLE}
_ADMIN: Final[dict[int | str, dict[str, object]]] = {
    **KEYED,
    503: {"model": Refusal, "description": "The kill file cannot be written."},
}
_NO_JSON: Final[dict[int | str, dict[str, object]]] = {
    400: {"model": Refusal, "description": "The body is no JSON."}
}
_UNAVAILABLE: Final[dict[int | str, dict[str, object]]] = {
    503: {"model": Refusal, "description": "Redis does not answer."}
}


def pricing_app(settings: Settings, ready: Pricing | None = None) -> FastAPI:
    """Create the application; it connects when it starts.

    Args:
        settings: workspace, server, catalogue, keys.
        ready: a service that has not started; None creates one at the start.
    """
    held: list[Pricing] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        pricing = ready or Pricing(settings)
        await pricing.start()
        held.append(pricing)
        try:
            yield
        finally:
            held.clear()
            await pricing.stop()

    app = FastAPI(
        title="PHANTOM pricing",
        version=VERSION,
        description=_ABOUT,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        telemetry=FRAMEWORK_TELEMETRY,
    )
    app.add_middleware(PriceRoute, pricing=lambda: held[0])
    add_guards(app, settings, SERVICE)
    add_product_routes(app, lambda: held[0].catalogue, settings.pricing.unknown_product)
    # A price is given whatever is wrong, so nothing keeps a started service from being ready.
    add_probes(app, lambda: dict(held[0].problems()), SERVICE, blocking=dict)

    @app.get(
        PATH,
        response_model=PriceAnswer,
        responses=_REFUSALS,
        summary="The price of a product",
    )
    async def price(
        mode: Mode,
        product_id: ProductId,
        session_id: SessionId = "",
        experiment_id: ExperimentId = "",
    ) -> Json:
        return Json(
            await held[0].price(mode, product_id, session_id or None, experiment_id or None)
        )

    @app.get(
        "/api/detect-agent/{sessionId}",
        response_model=AgentAnswer,
        responses=_REFUSALS,
        summary="Whether a session is an agent's",
    )
    async def detect_agent(
        session_id: Annotated[str, Path(alias="sessionId", min_length=1, max_length=LONGEST_ID)],
    ) -> Json:
        return Json((await held[0].agent(session_id)).model_dump())

    @app.get("/models", response_model=ModelsAnswer, responses=KEYED, summary="What is in use")
    async def models() -> Json:
        return Json(held[0].models().model_dump())

    @app.post(
        "/models/reload",
        response_model=ReloadAnswer,
        responses={**KEYED, **_UNAVAILABLE},
        summary="Reload everything published",
    )
    async def reload() -> Json:
        return Json((await held[0].reload()).model_dump())

    @app.post(
        "/kill",
        response_model=HealthAnswer,
        responses={**_ADMIN, **UNUSABLE, **_NO_JSON},
        summary="Give every session the base price",
    )
    async def kill(order: KillRequest) -> Json:
        await asyncio.to_thread(held[0].kill, SERVICE, order.why)
        return Json(held[0].health().model_dump())

    @app.delete(
        "/kill",
        response_model=HealthAnswer,
        responses=_ADMIN,
        summary="Lift the kill switch of this service",
    )
    async def lift_kill() -> Json:
        await asyncio.to_thread(held[0].lift_kill)
        return Json(held[0].health().model_dump())

    @app.get("/health", response_model=HealthAnswer, summary="Whether the service is working")
    async def health() -> Json:
        return Json(held[0].health().model_dump())

    return app
