"""Traffic: generated shoppers who act in real time, request prices, and buy at acceptable ones.

Time is never compressed: the timing of a session distinguishes agents from humans.
"""

import asyncio
import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from phantom_core.services.traffic.scripts import Line, Script, base_prices, session_scripts
from phantom_core.services.traffic.storefront import Price, iso_time

_TICK_S: Final = 0.2
_STOP_WITHIN_S: Final = 5.0
# A purchase is the last of three lines: a shopper who rejects the price stops at the cart or at
# the checkout.
_ENDINGS: Final = (1, 2)
BASE_PRICES: Final = base_prices()


class Shop(Protocol):
    """What shoppers use."""

    async def send(self, event: Mapping[str, object]) -> bool:
        """Send an event; False where it was rejected."""

    async def log_quote(self, quote: Mapping[str, object]) -> bool:
        """Send a quote; False where it was rejected."""

    async def price(self, store_mode: str, product: str, session_id: str) -> Price | None:
        """Request a price; None without one."""


@dataclass(slots=True)
class Totals:
    """Totals of one class of shoppers so far; money in the shop's currency."""

    sessions: int = 0
    prices: int = 0
    ratios: float = 0.0
    purchases: int = 0
    paid: float = 0.0

    @property
    def mean_ratio(self) -> float | None:
        """Mean price over base price; None before the first."""
        return self.ratios / self.prices if self.prices else None


@dataclass(slots=True)
class Tally:
    """Totals of all shoppers so far.

    Attributes:
        sent, not_taken: events and quotes, accepted and rejected.
        no_answer: price requests without a response; the shopper saw the base price.
        by_rule: prices by the rule that decided.
        human, agent: by true class, which no service knows.
    """

    sent: int = 0
    not_taken: int = 0
    no_answer: int = 0
    by_rule: dict[str, int] = field(default_factory=dict)
    human: Totals = field(default_factory=Totals)
    agent: Totals = field(default_factory=Totals)

    def side(self, script: Script) -> Totals:
        """The totals of the class of a session."""
        return self.agent if script.family.is_agent else self.human

    def line(self) -> str:
        """One line of progress."""
        kinds = ", ".join(
            _describe(name, side) for name, side in (("humans", self.human), ("agents", self.agent))
        )
        lost = (
            f"; {self.not_taken} not accepted, {self.no_answer} prices without an answer"
            if self.not_taken or self.no_answer
            else ""
        )
        return f"{self.sent:,} events and quotes sent{lost}; {kinds}"

    def to_json(self) -> dict[str, object]:
        """The tally as JSON values."""
        return {
            "sent": self.sent,
            "not_taken": self.not_taken,
            "no_answer": self.no_answer,
            "by_rule": self.by_rule,
            **{
                name: {
                    "sessions": side.sessions,
                    "prices": side.prices,
                    "mean_ratio": side.mean_ratio,
                    "purchases": side.purchases,
                    "paid": round(side.paid, 2),
                }
                for name, side in (("human", self.human), ("agent", self.agent))
            },
        }


async def traffic(
    shop: Shop,
    *,
    per_minute: float,
    seed: int,
    is_over: Callable[[], bool],
    report: Callable[[Tally], None],
    most: int | None = None,
    speed: float = 1.0,
) -> Tally:
    """Let shoppers arrive until stopped; sessions in progress then end.

    Args:
        shop: the storefront they use.
        per_minute: mean number of shoppers; they arrive at random.
        seed: of the shoppers and their arrivals.
        is_over: called several times a second.
        report: called about every ten seconds.
        most: number of shoppers, whose sessions are completed; None means no end.
        speed: 1 is real time; any other makes sessions look like another kind of shopper, and is
            for tests of the plumbing.
    """
    tally, rng, inside = Tally(), np.random.default_rng(seed), set[asyncio.Task[None]]()
    clock, written = asyncio.get_running_loop().time, session_scripts(seed)
    next_s = reported_s = clock()
    came = 0
    while not is_over() and not (most is not None and came >= most and not inside):
        while next_s <= clock() and (most is None or came < most):
            came, next_s = came + 1, next_s + rng.exponential(60.0 / per_minute) / speed
            session = asyncio.create_task(
                _act(next(written), shop, tally, np.random.default_rng([seed, came]), speed)
            )
            inside.add(session)
            session.add_done_callback(inside.discard)
        if clock() - reported_s >= 10:
            reported_s = clock()
            report(tally)
        await asyncio.sleep(_TICK_S if most is None else _TICK_S / 10)
    for task in inside:
        task.cancel()
    if inside:  # one that does not end keeps nobody waiting
        await asyncio.wait(inside, timeout=_STOP_WITHIN_S)
    return tally


async def _act(
    script: Script, shop: Shop, tally: Tally, rng: np.random.Generator, speed: float
) -> None:
    """Replay one session, from its first line to its last."""
    started, side, quoted = (
        asyncio.get_running_loop().time(),
        tally.side(script),
        dict[str, float](),
    )
    side.sessions += 1
    last = len(script.lines)
    for place, line in enumerate(script.lines):
        await asyncio.sleep(
            started + line.after_ms / 1_000 / speed - asyncio.get_running_loop().time()
        )
        if line.shows_price and line.product not in quoted:
            quoted[line.product] = await _ask(script, line.product, shop, tally)
            if line.product == script.wanted and not _likes(script, quoted[line.product], rng):
                last -= int(rng.choice(_ENDINGS))
        if place >= last:
            return
        _count(tally, await shop.send(_event(script, line, quoted)))
        if line.is_purchase:
            side.purchases += 1
            side.paid += _total(line, quoted)


async def _ask(script: Script, product: str, shop: Shop, tally: Tally) -> float:
    """The price of a product, fixed for the rest of the session."""
    base = BASE_PRICES[product]
    answer = await shop.price(script.store_mode, product, script.session_id)
    amount = base if answer is None else answer.amount
    tally.no_answer += answer is None
    if answer is not None:
        tally.by_rule[answer.rule or "none"] = tally.by_rule.get(answer.rule or "none", 0) + 1
    side = tally.side(script)
    side.prices, side.ratios = side.prices + 1, side.ratios + amount / base
    quote = {
        "productId": product,
        "price": amount,
        "base_price": base,
        "sessionId": script.session_id,
        "storeMode": script.store_mode,
    }
    _count(tally, await shop.log_quote(quote | {"ts": _now()}))
    return amount


def _likes(script: Script, price: float, rng: np.random.Generator) -> bool:
    ratio = price / BASE_PRICES[script.wanted]
    return bool(rng.random() < 1 / (1 + ratio**script.family.sensitivity))


def _event(script: Script, line: Line, quoted: Mapping[str, float]) -> dict[str, object]:
    """A line in the client's format, with the quoted price."""
    metadata = dict(line.metadata)
    if line.shows_price:
        metadata["price"] = quoted[line.product]
    if line.is_purchase:
        metadata["total"] = _total(line, quoted)
    return {"sessionId": script.session_id, "ts": _now(), **line.fields, "metadata": metadata}


def _total(line: Line, quoted: Mapping[str, float]) -> float:
    count = line.metadata.get("itemCount", 1)
    return round(quoted[line.product] * (count if isinstance(count, int) else 1), 2)


def _count(tally: Tally, is_taken: bool) -> None:
    tally.sent += is_taken
    tally.not_taken += not is_taken


def _describe(name: str, side: Totals) -> str:
    ratio = "–" if side.mean_ratio is None else f"{side.mean_ratio:.3f}"
    return (
        f"{side.sessions} {name} saw {ratio} of the base price on average and bought "
        f"{side.purchases} times"
    )


def _now() -> str:
    return iso_time(dt.datetime.now(dt.UTC))
