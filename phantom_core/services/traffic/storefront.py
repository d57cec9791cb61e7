"""Storefront: a web client of the ingest and pricing services, over the contract of real ones."""

import asyncio
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

TIMEOUT_S: Final = 5.0
_MOST_AT_ONCE: Final = 64
# More requests in a row without any answer, and the connections are made anew.
_SUSPECT_AFTER: Final = 32
_TOO_MANY: Final = 429
_MOST_WAIT_S: Final = 10.0
_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class Price:
    """A price returned by the service.

    Attributes:
        amount: price to show, currency.
        rule: rule that decided; empty where none did.
        agent_probability: of the session; None where unknown.
        base_price: of the product, currency.
        decision_id: of the decision log.
        reason: why it fell back; empty where it did not.
    """

    amount: float
    rule: str
    agent_probability: float | None
    base_price: float
    decision_id: str
    reason: str


class Storefront:
    """A client of both services.

    Args:
        ingest: address of the ingest service; empty to send no events.
        pricing: address of the pricing service; empty to request no prices.
        key: API key of the services; empty for none.
    """

    def __init__(self, ingest: str, pricing: str, key: str = "") -> None:
        self._ingest, self._pricing = ingest.rstrip("/"), pricing.rstrip("/")
        self._headers = {"X-API-Key": key} if key else {}
        self._client = self._connect()
        self._n_open, self._n_failed = 0, 0

    def _connect(self) -> httpx.AsyncClient:
        limits = httpx.Limits(
            max_connections=_MOST_AT_ONCE, max_keepalive_connections=_MOST_AT_ONCE
        )
        return httpx.AsyncClient(
            timeout=TIMEOUT_S, limits=limits, headers=self._headers, trust_env=False
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def send(self, event: Mapping[str, object]) -> bool:
        """Send an event; False where it was rejected."""
        return await self._post("/api/ingest", event)

    async def log_quote(self, quote: Mapping[str, object]) -> bool:
        """Send a quote; False where it was rejected."""
        return await self._post("/api/kafka/price-log", quote)

    async def price(self, store_mode: str, product: str, session_id: str) -> Price | None:
        """Request a price; None without a response in time, or without such a product."""
        if not self._pricing:
            return None
        try:
            answer = await self._request(
                "GET",
                f"{self._pricing}/api/{store_mode}/price/{product}",
                params={"sessionId": session_id},
            )
            answer.raise_for_status()
            found = answer.json()
            return Price(
                float(found["price"]),
                str(found.get("rule_id") or ""),
                found.get("agent_probability"),
                float(found["base_price"]),
                str(found["decision_id"]),
                str(found.get("reason") or ""),
            )
        except (httpx.HTTPError, ValueError, KeyError):
            return None

    async def _request(self, method: str, url: str, **content: Any) -> httpx.Response:  # noqa: ANN401 - as httpx has it
        """Ask a service. While it stalls, further shoppers go without: a queue of thousands would
        outlast the stall.
        """
        if self._n_open >= _MOST_AT_ONCE:
            raise httpx.PoolTimeout("Every connection waits for an answer.")
        self._n_open += 1
        try:
            answer = await self._client.request(method, url, **content)
        except httpx.HTTPError:
            await self._failed()
            raise
        finally:
            self._n_open -= 1
        self._n_failed = 0
        return answer

    async def _failed(self) -> None:
        """Make the connections anew after many failures in a row."""
        self._n_failed += 1
        if self._n_failed >= _SUSPECT_AFTER:
            broken, self._client, self._n_failed = self._client, self._connect(), 0
            await broken.aclose()

    async def _post(self, path: str, body: Mapping[str, object]) -> bool:
        """Post, and retry after the pause that a busy service requests."""
        if not self._ingest:
            return False
        try:
            for _ in range(_ATTEMPTS):
                answer = await self._request("POST", f"{self._ingest}{path}", json=body)
                if answer.status_code != _TOO_MANY:
                    return answer.is_success
                await asyncio.sleep(
                    min(_MOST_WAIT_S, _seconds(answer.headers.get("Retry-After", "1")))
                )
        except httpx.HTTPError:
            return False
        return False


def _seconds(text: str) -> float:
    try:
        return max(0.1, float(text))
    except ValueError:
        return 1.0


def iso_time(moment: dt.datetime) -> str:
    """A moment in the format of clients."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
