"""The pricing API: prices over the HTTP contract that storefronts use."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final, Literal

import orjson
from fastapi import FastAPI, Path, Query
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from phantom_core.serving.edge import Edge, say_errors
from phantom_core.serving.pricing_answer import AgentAnswer, HealthAnswer, ModelsAnswer, PriceAnswer, Refusal, ReloadAnswer
from phantom_core.serving.pricing_service import Pricing
from phantom_core.settings import Settings
from phantom_core.telemetry.web import Telemetry

SERVICE: Final = "pricing"
VERSION: Final = "1"
_LONGEST_ID: Final = 256
_ABOUT: Final = "Prices for storefronts: each request gets a price within the guard rails, whatever is missing."
Mode = Literal["hotel", "airline", "shop"]
ProductId = Annotated[str, Path(alias="productId", min_length=1, max_length=_LONGEST_ID)]
SessionId = Annotated[str, Query(alias="sessionId", max_length=_LONGEST_ID, description="Whose price; empty for nobody's in particular.")]
ExperimentId = Annotated[str, Query(alias="experimentId", max_length=_LONGEST_ID, description="Kept beside the decision.")]
_REFUSALS: Final[dict[int | str, dict[str, object]]] = {
    401: {"model": Refusal, "description": "A key is asked for."},
    404: {"model": Refusal, "description": "No such product."},
    422: {"model": Refusal, "description": "The request cannot be used."},
}
_UNAVAILABLE: Final[dict[int | str, dict[str, object]]] = {503: {"model": Refusal, "description": "Redis does not answer."}}


def pricing_app(settings: Settings, ready: Pricing | None = None) -> FastAPI:
    """The application; it connects when it starts.

    Args:
        settings: workspace, server, catalogue, keys.
        ready: a service that is not started yet; None makes one at the start.
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

    app = FastAPI(title="PHANTOM pricing", version=VERSION, description=_ABOUT, lifespan=lifespan, redoc_url=None)
    say_errors(app)

    @app.get("/api/{mode}/price/{productId}", response_model=PriceAnswer, responses=_REFUSALS, summary="The price of a product")
    async def price(mode: Mode, product_id: ProductId, session_id: SessionId = "", experiment_id: ExperimentId = "") -> Response:
        return _json(await held[0].price(mode, product_id, session_id or None, experiment_id or None))

    @app.get("/api/detect-agent/{sessionId}", response_model=AgentAnswer, responses=_REFUSALS, summary="Whether a session is an agent's")
    async def detect_agent(session_id: Annotated[str, Path(alias="sessionId", min_length=1, max_length=_LONGEST_ID)]) -> Response:
        return _json((await held[0].agent(session_id)).model_dump())

    @app.get("/models", response_model=ModelsAnswer, responses={401: _REFUSALS[401]}, summary="What is in use")
    async def models() -> Response:
        return _json(held[0].models().model_dump())

    @app.post("/models/reload", response_model=ReloadAnswer, responses={401: _REFUSALS[401], **_UNAVAILABLE}, summary="Read it again")
    async def reload() -> Response:
        return _json((await held[0].reload()).model_dump())

    @app.get("/health", response_model=HealthAnswer, summary="Whether all is well")
    async def health() -> Response:
        return _json(held[0].health().model_dump())

    app.add_middleware(Edge, keys=settings.api_keys)
    if settings.allowed_origins:
        app.add_middleware(CORSMiddleware, allow_origins=list(settings.allowed_origins), allow_methods=["GET"], allow_headers=["*"])
    app.add_middleware(Telemetry, service=SERVICE)
    return app


def _json(values: dict[str, object]) -> Response:
    return Response(orjson.dumps(values), media_type="application/json")
