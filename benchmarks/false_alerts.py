"""False alerts: how often monitoring raises one where nothing moved.

Weeks of 50 to 5,000 sessions of generated shoppers, whole actors dealt at random to a reference and
a week; and weeks of simulated traffic looked at every six hours for years.

Run: python -m benchmarks.false_alerts [--comparisons 10000] [--drift 1000] [--json]
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from benchmarks.human_guard import load_matrix
from benchmarks.machine import machine
from phantom_core.core.arrays import Floats, Ints
from phantom_core.features.catalogue import feature_names
from phantom_core.models.splits import actor_codes
from phantom_core.monitoring.alarm_budget import FALSE_ALERTS_A_WEEK, level_of_look
from phantom_core.monitoring.comparison import (
    Count,
    Money,
    features_drifted,
    money_fell,
    rate_moved,
)
from phantom_core.monitoring.drift import measure_drift

SEED: Final = 20_261
SIZES: Final = (50, 100, 200, 500, 1_000, 2_000, 5_000)
REFERENCE: Final = 5_000
LOOK_S: Final = 6 * 3_600
_LOOKS: Final = 28
_YEARS: Final = 10


def main() -> None:
    """Compare, count, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--comparisons", type=int, default=10_000)
    parser.add_argument("--drift", type=int, default=1_000)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    started_s = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        matrix, _ = load_matrix(Path(folder), 20_000, 777)
    rng = np.random.default_rng(SEED)
    rows = [drift_alerts(matrix, n, chosen.drift // len(SIZES), rng) for n in SIZES]
    rows += [
        once(n, of_actor, chosen.comparisons // len(SIZES) // 2, rng)
        for n in SIZES
        for of_actor in (1, 3)
    ]
    rows += [looked_at(a_day, of_actor, rng) for a_day in (30, 200) for of_actor in (1, 3)]
    report = {
        "seed": SEED,
        "seconds": round(time.perf_counter() - started_s, 1),
        "machine": machine(["numpy"]),
        "rows": rows,
    }
    print(json.dumps(report) if chosen.json else table(report))


def drift_alerts(
    matrix: pa.Table, n: int, comparisons: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Feature drift of weeks that hold other actors of the same families."""
    actor, alerts, past = actor_codes(matrix), 0, 0
    level = FALSE_ALERTS_A_WEEK
    for _ in range(comparisons):
        order = rng.permutation(int(actor.max()) + 1)[actor]
        ranked = np.argsort(order, kind="stable")
        week, reference = (
            matrix.take(pa.array(rows)) for rows in (ranked[:n], ranked[n : n + REFERENCE])
        )
        found = measure_drift(reference, week, feature_names(), level=level)
        check = features_drifted(found, 0.25, "the reference", level)
        alerts += check.status == "alert"
        past += check.status in ("alert", "watch")
    return {
        "check": "feature drift", "sessions": n, "comparisons": comparisons, "stated": level,
        "alerts": alerts, "past_limit": past,
    }  # fmt: skip


def once(n: int, of_actor: int, comparisons: int, rng: np.random.Generator) -> dict[str, Any]:
    """Share of agents and revenue of two weeks, looked at once a week."""
    level = level_of_look(7 * 86_400)
    found = []
    for _ in range(comparisons):
        weeks = [sums(rng, max(1, round(n / of_actor)), of_actor) for _ in range(2)]
        found.append([one.status == "alert" for one in checks(weeks, level)])
    alerts = np.sum(found, axis=0)
    return {
        "check": f"share of agents / revenue, {of_actor} sessions an actor", "sessions": n,
        "comparisons": comparisons, "stated": level, "alerts": [int(one) for one in alerts],
    }  # fmt: skip


def looked_at(a_day: int, of_actor: int, rng: np.random.Generator) -> dict[str, Any]:
    """Alerts a week that were raised, when the same traffic is looked at every six hours."""
    weeks = 52 * _YEARS
    actors = rng.poisson(a_day / 4 / of_actor, weeks * _LOOKS)
    bins = np.stack([sums(rng, int(k), of_actor) for k in actors])
    rolled = np.cumsum(np.vstack([np.zeros(bins.shape[1]), bins]), axis=0)
    level, raised, was = level_of_look(LOOK_S), np.zeros(2), np.zeros(2, np.bool_)
    for end in range(2 * _LOOKS, rolled.shape[0]):
        pair = [
            rolled[end - _LOOKS] - rolled[end - 2 * _LOOKS],
            rolled[end] - rolled[end - _LOOKS],
        ]
        now = np.array([one.status == "alert" for one in checks(pair, level)])
        raised += now & ~was
        was = now
    return {
        "check": f"share of agents / revenue, {of_actor} sessions an actor, every 6 h",
        "sessions": 7 * a_day, "comparisons": weeks, "stated": FALSE_ALERTS_A_WEEK,
        "alerts": [int(one) for one in raised],
    }  # fmt: skip


def sums(rng: np.random.Generator, actors: int, of_actor: int) -> Floats:
    """Hits, sessions, their products, actors, revenue, its squares and buyers of some actors."""
    is_agent = rng.random(actors) < 0.4
    hits: Ints = rng.binomial(of_actor, np.where(is_agent, 0.9, 0.05))
    buys = rng.binomial(of_actor, 0.1, actors)
    paid = buys * rng.lognormal(4.0, 1.0, actors)
    return np.array(
        [
            hits.sum(),
            actors * of_actor,
            (hits**2).sum(),
            (hits * of_actor).sum(),
            actors * of_actor**2,
            actors,
            paid.sum(),
            (paid**2).sum(),
            buys.sum(),
        ],
        np.float64,
    )


def checks(weeks: Sequence[Floats], level: float) -> tuple[Any, Any]:
    """Both checks of two weeks."""
    counts = [Count(one[0], int(one[1]), one[2], one[3], one[4], int(one[5])) for one in weeks]
    money = [Money(one[6], one[7], int(one[8])) for one in weeks]
    return (
        rate_moved("detection_rate", "The share of agents", counts[0], counts[1], 0.2, level),
        money_fell("revenue", money[0], money[1], 0.05, level),
    )


def table(report: dict[str, Any]) -> str:
    """The figures as a table."""
    lines = [
        f"seed {report['seed']}, {report['seconds']} s; {report['machine']}",
        "",
        "| check | sessions a week | comparisons | stated | alerts | past the limit |",
        "|---|---|---|---|---|---|",
    ]
    for row in report["rows"]:
        alerts = row["alerts"]
        shown = " / ".join(map(str, alerts)) if isinstance(alerts, list) else str(alerts)
        lines.append(
            f"| {row['check']} | {row['sessions']:,} | {row['comparisons']:,} | "
            f"{row['stated']:.2%} | {shown} | {row.get('past_limit', '')} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
