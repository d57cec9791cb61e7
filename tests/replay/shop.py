"""A shop small enough to count by hand, as arrays; each session is an actor of its own."""

import numpy as np

from phantom_core.market.calibration.add_to_cart_quotes import SessionIndex
from phantom_core.replay.purchases import Purchases
from phantom_core.replay.quotes import Quotes
from phantom_core.replay.resampler import Resampler

NAN = float("nan")


def session_index(label: list[float], p_agent: list[float] | None = None) -> SessionIndex:
    n = len(label)
    rows = np.arange(n)
    return SessionIndex(
        rows,
        rows * 1_000,
        rows * 1_000 + 500,
        rows,
        np.array(label, float),
        np.array(p_agent or [NAN] * n, float),
    )


def quotes(
    session: list[int],
    ratio: list[float],
    *,
    propensity: float = NAN,
    base: float = 100.0,
    in_cart: bool = False,
) -> Quotes:
    n = len(session)
    return Quotes(
        session=np.array(session),
        event_ms=np.arange(n),
        event_id=np.arange(n) + 10,
        product=np.zeros(n, np.int64),
        store=np.zeros(n, np.int64),
        price=np.array(ratio) * base,
        base_price=np.full(n, base),
        propensity=np.full(n, propensity),
        went_to_cart=np.full(n, in_cart),
        products=("room",),
    )


def purchases(
    session: list[int],
    ratio: list[float],
    *,
    units: float = 1.0,
    base: float = 100.0,
    quote: list[int] | None = None,
) -> Purchases:
    n = len(session)
    return Purchases(
        session=np.array(session),
        event_ms=np.arange(n) * 86_400_000,
        product=np.zeros(n, np.int64),
        store=np.zeros(n, np.int64),
        channel=np.full(n, -1),
        quote=np.array(quote if quote is not None else range(n)),
        units=np.full(n, units),
        price=np.array(ratio) * base,
        base_price=np.full(n, base),
        products=("room",),
        channels=(),
    )


def resampler(sessions: SessionIndex, seed: int = 1) -> Resampler:
    return Resampler.of(
        sessions, np.ones(sessions.actor.size, np.bool_), np.random.default_rng(seed)
    )
