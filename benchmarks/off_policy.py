"""Off-policy intervals against the truth: how often they hold it, or refuse.

Logs of randomised prices whose demand is known, in the conditions of real logs: whole-unit prices,
missing propensities, base prices with a heavy tail, rare prices. The truth is that of all shoppers,
not of the log's own.

Run: python -m benchmarks.off_policy [--logs 200] [--json]
"""

import argparse
import json
import time
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from benchmarks.machine import machine
from phantom_core.core.arrays import Floats, Ints
from phantom_core.market.calibration.add_to_cart_quotes import SessionIndex
from phantom_core.replay.off_policy import off_policy_value, paired_difference
from phantom_core.replay.quotes import Quotes
from phantom_core.replay.resampler import Resampler
from phantom_core.replay.revenue_model import fit_revenue

SEED: Final = 20_261
ARMS: Final = np.array([0.8, 0.9, 1.0, 1.1, 1.2])
SENSITIVITY: Final = (2.0, 5.0)
_TRUTH: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class Log:
    """How a log comes about.

    Attributes:
        name: in the table.
        sessions: count, each of one to four quotes.
        unit: that prices are rounded to.
        sigma: spread of the logarithm of base prices.
        missing: share of the quotes without a propensity.
        is_by_session: whether propensities are missing for whole sessions.
        first: probability of the first arm, the others share the rest.
        typical: median base price.
    """

    name: str
    sessions: int = 2_000
    unit: float = 0.01
    sigma: float = 0.5
    missing: float = 0.0
    is_by_session: bool = False
    first: float = 0.2
    typical: float = 100.0

    @property
    def propensities(self) -> Floats:
        """Of each arm."""
        rest = (1.0 - self.first) / (ARMS.size - 1)
        return np.array([self.first, *[rest] * (ARMS.size - 1)])


LOGS: Final = (
    Log("cents, equal propensities"),
    Log("whole units", unit=1.0),
    Log("units of five, small bases", unit=5.0, typical=60.0),
    Log("30 % of propensities missing", missing=0.3),
    Log("30 % of sessions without", missing=0.3, is_by_session=True),
    Log("base prices σ 1.8", sigma=1.8),
    Log("base prices σ 1.8, 20,000 sessions", sigma=1.8, sessions=20_000),
    Log("first arm drawn in 1 %", first=0.01),
    Log("whole units, 30 % missing, σ 1.8", unit=1.0, missing=0.3, sigma=1.8, sessions=10_000),
)


def main() -> None:
    """Simulate, evaluate, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    started_s = time.perf_counter()
    rows = [trial(log, chosen.logs) for log in LOGS]
    report = {
        "seed": SEED,
        "seconds": round(time.perf_counter() - started_s, 1),
        "machine": machine(["numpy"]),
        "rows": rows,
    }
    print(json.dumps(report) if chosen.json else table(report))


def wanted_of(is_agent: np.ndarray) -> Floats:
    """The rules: agents pay the first arm's price, humans the fourth's."""
    return np.asarray(np.where(is_agent, ARMS[0], ARMS[3]))


def bases(log: Log, n: int, rng: np.random.Generator) -> Floats:
    """Base prices in the log's unit, above 0."""
    drawn = log.typical * rng.lognormal(0.0, log.sigma, n)
    unit = min(log.unit, 1.0)
    return np.asarray(np.maximum(np.round(drawn / unit), 1.0) * unit)


def shown(log: Log, base: Floats, ratio: Floats) -> Floats:
    """What a price is rounded to."""
    return np.asarray(np.maximum(np.round(base * ratio / log.unit), 1.0) * log.unit)


def buys(price: Floats, base: Floats, is_agent: np.ndarray) -> Floats:
    """P(buy) of a quote: 30 % consider it."""
    return np.asarray(0.3 / (1 + (price / base) ** np.where(is_agent, *SENSITIVITY[::-1])))


def truth(log: Log, rng: np.random.Generator) -> tuple[float, float]:
    """Revenue a session of the rules, and of the base price."""
    base, is_agent = bases(log, _TRUTH, rng), rng.random(_TRUTH) < 0.4
    found = []
    for ratio in (wanted_of(is_agent), np.ones(_TRUTH)):
        price = shown(log, base, ratio)
        found.append(2.5 * float((price * buys(price, base, is_agent)).mean()))
    return found[0], found[1]


def draw(log: Log, rng: np.random.Generator) -> tuple[Quotes, Floats, np.ndarray, Ints]:
    """A log: quotes, units sold, whether an agent looked, and the sessions."""
    session = np.repeat(np.arange(log.sessions), rng.integers(1, 5, log.sessions))
    n = session.size
    is_agent = (rng.random(log.sessions) < 0.4)[session]
    arm = rng.choice(ARMS.size, n, p=log.propensities)
    base = bases(log, n, rng)
    price = shown(log, base, ARMS[arm])
    units = (rng.random(n) < buys(price, base, is_agent)).astype(np.float64)
    lost = rng.random(log.sessions)[session] if log.is_by_session else rng.random(n)
    propensity = np.where(lost < log.missing, np.nan, log.propensities[arm])
    quotes = Quotes(
        session=session,
        event_ms=np.arange(n),
        event_id=np.arange(n),
        product=np.zeros(n, np.int64),
        store=np.zeros(n, np.int64),
        price=price,
        base_price=base,
        propensity=propensity,
        went_to_cart=units > 0,
        products=("p",),
    )
    return quotes, units, is_agent, session


def trial(log: Log, n_logs: int) -> dict[str, Any]:
    """Many logs of one kind."""
    rng = np.random.default_rng(SEED)
    of_rules, of_base = truth(log, rng)
    held = dict.fromkeys(("inverse_propensity", "self_normalised", "doubly_robust", "paired"), 0)
    given = dict.fromkeys(held, 0)
    values: list[float] = []
    warned, terms = 0, []
    for _ in range(n_logs):
        quotes, units, is_agent, session = draw(log, rng)
        actor = np.arange(log.sessions)
        unknown = np.full(log.sessions, np.nan)
        index = SessionIndex(actor, actor, actor, actor, unknown, unknown)
        resampler = Resampler.of(index, np.ones(log.sessions, np.bool_), rng)
        p_agent = is_agent.astype(np.float64)
        wanted = wanted_of(is_agent)
        model = fit_revenue(quotes, units, p_agent, session, rng)
        found = off_policy_value(quotes, units, wanted, p_agent, model, resampler)
        estimates = {name: getattr(found, name) for name in list(held)[:3]}
        estimates["paired"] = paired_difference(
            quotes, units, (wanted, np.ones(units.size)), p_agent, model, resampler
        )
        for name, one in estimates.items():
            if one is not None:
                aim = of_rules - of_base if name == "paired" else of_rules
                given[name] += 1
                held[name] += one.low <= aim <= one.high
        if found.inverse_propensity:
            values.append(found.inverse_propensity.value / of_rules - 1.0)
        warned += bool(found.warning)
        terms.append(found.terms)
    return {
        "log": log.name, "sessions": log.sessions, "logs": n_logs, "given": given, "held": held,
        "warned": warned, "terms": round(float(np.median(terms)), 1),
        "bias": round(float(np.mean(values)), 4) if values else None,
    }  # fmt: skip


def table(report: dict[str, Any]) -> str:
    """The figures as a table."""
    names = {
        "inverse_propensity": "inverse propensity",
        "self_normalised": "self-normalised",
        "doubly_robust": "doubly robust",
        "paired": "paired difference",
    }
    lines = [
        f"seed {report['seed']}, {report['seconds']} s; {report['machine']}",
        "",
        f"| log | sessions | purchases behind it | {' | '.join(names.values())} | mean error | "
        "warned |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in report["rows"]:
        held = " | ".join(
            f"{row['held'][name]} of {row['given'][name]}" if row["given"][name] else "refused"
            for name in names
        )
        bias = "–" if row["bias"] is None else f"{row['bias']:+.1%}"
        lines.append(
            f"| {row['log']} | {row['sessions']:,} | {row['terms']:,.0f} | {held} | {bias} | "
            f"{row['warned']} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
