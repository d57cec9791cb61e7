"""The price route, answered before FastAPI takes a request apart.

Validation and routing of the framework cost a price more than its decision. What is plainly a price
request is answered here; everything else, and every error, is left to the framework's own route of
the same path, which also describes it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, get_args
from urllib.parse import parse_qsl

import orjson

from phantom_core.core.errors import NotFoundError
from phantom_core.services.pricing.service import Pricing
from phantom_core.services.web.guards import App, Message, Receive, Send
from phantom_core.services.web.limits import LONGEST_ID
from phantom_core.services.web.products import Mode

PATH: Final = "/api/{mode}/price/{productId}"
_MODES: Final = frozenset(get_args(Mode))
_N_PARTS: Final = 5
_TYPE: Final = (b"content-type", b"application/json")


@dataclass(frozen=True, slots=True)
class _Route:
    """What telemetry calls the route."""

    path: str


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A price request; texts as the contract names them, empty where absent."""

    mode: str
    product_id: str
    session_id: str
    experiment_id: str


_ROUTE: Final = _Route(PATH)


class PriceRoute:
    """Answers price requests.

    Args:
        app: the application, which answers everything else.
        pricing: returns the running service.
    """

    def __init__(self, app: App, pricing: Callable[[], Pricing]) -> None:
        self._app, self._pricing = app, pricing

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request."""
        wanted = _wanted(scope) if scope["type"] == "http" else None
        if wanted is None:
            await self._app(scope, receive, send)
            return
        try:
            answer = await self._pricing().price(
                wanted.mode,
                wanted.product_id,
                wanted.session_id or None,
                wanted.experiment_id or None,
            )
        except NotFoundError:
            await self._app(scope, receive, send)
            return
        scope["route"] = _ROUTE
        body = orjson.dumps(answer)
        length = (b"content-length", b"%d" % len(body))
        await send({"type": "http.response.start", "status": 200, "headers": [length, _TYPE]})
        await send({"type": "http.response.body", "body": body})


def _wanted(scope: Message) -> _Wanted | None:
    """The price request that this is; None where it is another one, or not a plain one."""
    parts = scope["path"].split("/")
    if len(parts) != _N_PARTS or scope["method"] != "GET" or scope.get("root_path"):
        return None
    _, api, mode, price, product_id = parts
    if api != "api" or price != "price" or mode not in _MODES:
        return None
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    session_id, experiment_id = query.get("sessionId", ""), query.get("experimentId", "")
    longest = max(len(product_id), len(session_id), len(experiment_id))
    if not product_id or longest > LONGEST_ID:
        return None
    return _Wanted(mode, product_id, session_id, experiment_id)
