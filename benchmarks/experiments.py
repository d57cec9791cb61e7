"""Experiments on simulated sessions: true and false positives under continuous monitoring.

The analysis of the page, on simulated exposure logs, compared with a z-test that is repeated just
as often.

Run: python -m benchmarks.experiments [--runs 200] [--sessions 40000] [--json]
"""

import argparse
import json
import time
from collections import Counter
from typing import Any, Final

import numpy as np

from phantom_core.approvals.experiment_plan import Metric
from phantom_core.experiments.comparison import outcome_of
from phantom_core.experiments.experiment_size import Baseline, size_of
from phantom_core.experiments.exposures import Exposed, Exposures
from phantom_core.experiments.report import build_report

SEED: Final = 20_261
ALPHA: Final = 0.05
LIFT: Final = 0.05
_Z_95: Final = 1.96


def main() -> None:
    """Simulate, analyse, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--sessions", type=int, default=60_000)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    started_s = time.perf_counter()
    rows = [
        trial("no effect", chosen.runs, chosen.sessions, metric)
        for metric in ("conversion", "revenue")
    ]
    for share, rate, spread in ((0.1, 0.06, 1.0), (0.1, 0.06, 2.0), (0.05, 0.06, 1.0)):
        rows.append(
            trial(
                f"no effect, {share:.0%} in the new arm, {rate:.0%} buy, σ = {spread:g}",
                2 * chosen.runs,
                chosen.sessions,
                "revenue",
                share=share,
                rate=rate,
                spread=spread,
            )
        )
    for metric in ("conversion", "revenue"):
        rows.append(
            trial("+5 % planted", max(1, chosen.runs // 4), planned(metric), metric, lift=LIFT)
        )
    rows.append(
        trial(
            "20 % fewer humans buy",
            max(1, chosen.runs // 4),
            chosen.sessions,
            "revenue",
            human_lift=-0.2,
        )
    )
    report = {
        "seed": SEED,
        "alpha": ALPHA,
        "seconds": round(time.perf_counter() - started_s, 1),
        "rows": rows,
    }
    print(json.dumps(report) if chosen.json else table(report))


def simulate_sessions(
    rng: np.random.Generator,
    n: int,
    *,
    lift: float = 0.0,
    human_lift: float | None = None,
    share: float = 0.5,
    rate: float = 0.2,
    spread: float = 0.5,
) -> Exposed:
    """Sessions of humans and agents in two arms: half as many agents buy as humans; their spending
    is log-normal with a spread of its logarithm.
    """
    arm = (rng.random(n) < share).astype(np.int64)
    is_agent = rng.random(n) < 0.3
    wanted = np.where(is_agent, lift, lift if human_lift is None else human_lift)
    bought = (rng.random(n) < rate * np.where(is_agent, 0.5, 1.0) * (1 + arm * wanted)).astype(
        np.float64
    )
    guess = np.clip(is_agent * 0.6 + rng.random(n) * 0.4, 0, 1)
    return Exposed(
        Exposures.plain(
            arm, np.arange(n) * 1_000, guess, bought, bought * rng.lognormal(4.0, spread, n)
        ),
        0,
        0,
    )


def planned(metric: Metric) -> int:
    """Sessions needed to detect the planted effect with a power of 80 %."""
    outcome = outcome_of(simulate_sessions(np.random.default_rng(SEED), 200_000).settled, metric)
    return size_of(
        Baseline(float(outcome.mean()), float(outcome.std())), LIFT, (0.5, 0.5), alpha=ALPHA
    ).sessions


def trial(
    name: str,
    runs: int,
    n: int,
    metric: Metric,
    *,
    lift: float = 0.0,
    human_lift: float | None = None,
    share: float = 0.5,
    rate: float = 0.2,
    spread: float = 0.5,
) -> dict[str, Any]:
    """Analyse many simulated experiments."""
    rng = np.random.default_rng(SEED)
    verdicts: Counter[str] = Counter()
    tripped, naive, effects, decided, held = 0, 0, [], [], 0
    truth = lift if human_lift is None else np.nan
    for _ in range(runs):
        exposed = simulate_sessions(
            rng, n, lift=lift, human_lift=human_lift, share=share, rate=rate, spread=spread
        )
        found = build_report(
            exposed,
            ("control", "new"),
            (1 - share, share),
            metric=metric,
            alpha=ALPHA,
            planned_sessions=n,
            tolerated_drop=0.0,
        ).comparisons[0]
        verdicts[found.verdict] += 1
        tripped += found.is_guard_tripped
        naive += repeated_z_test(exposed.settled, metric)
        effects.append(found.effect.value)
        decided += [found.decided_sessions] if found.decided_sessions else []
        held += found.effect.low <= truth <= found.effect.high
    return {
        "case": name, "metric": metric, "runs": runs, "sessions": n,
        **{one: verdicts[one] for one in ("better", "worse", "open")},
        "guard": tripped, "z_test_looked_at_daily": naive,
        "mean_effect": round(float(np.mean(effects)), 4), "truth_held": held,
        "median_decided": float(np.median(decided)) if decided else None,
    }  # fmt: skip


def repeated_z_test(sessions: Exposures, metric: Metric, looks: int = 28) -> bool:
    """Whether a z-test at 5 % is significant on any of so many days."""
    outcome, treated = outcome_of(sessions, metric), sessions.arm == 1
    for end in np.linspace(len(sessions) // looks, len(sessions), looks).astype(int):
        new, old = outcome[:end][treated[:end]], outcome[:end][~treated[:end]]
        error = np.sqrt(new.var() / new.size + old.var() / old.size)
        if abs(new.mean() - old.mean()) > _Z_95 * error:
            return True
    return False


def table(report: dict[str, Any]) -> str:
    """The figures as a table."""
    lines = [f"seed {report['seed']}, error rate {report['alpha']}, {report['seconds']} s", ""]
    lines.append(
        "| case | outcome | runs | sessions | better | worse | guard stops | daily z-test | mean "
        "effect | decided at |"
    )
    lines.append("|---|---|---|---|---|---|---|---|---|---|")
    for row in report["rows"]:
        decided = f"{row['median_decided']:,.0f}" if row["median_decided"] else "–"
        lines.append(
            f"| {row['case']} | {row['metric']} | {row['runs']} | {row['sessions']:,} | "
            f"{row['better']} | {row['worse']} | "
            f"{row['guard']} | {row['z_test_looked_at_daily']} | {row['mean_effect']:+.1%} | "
            f"{decided} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
