"""Ramps of releases under their guard: what harms humans is rolled back early, the rest goes on.

Shoppers that no model has met are priced by a canary that grows from 5 over 10, 25 and 50 to 100 %
of the sessions, and decide by their own demand. The guard knows labels of other shoppers only, and
looks at the sessions of each stage as they come. A ramp without it takes every step.

Run: python -m benchmarks.release_ramps [--runs 100] [--harmless 25] [--json]
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.human_guard import SEED, Traffic, fit_scorers, load_matrix, load_traffic
from benchmarks.machine import machine
from phantom_core.core.estimate import wilson_interval
from phantom_core.core.settings import RolloutSettings
from phantom_core.experiments.exposures import Exposed, Exposures
from phantom_core.experiments.human_purchases import ScoreMeans
from phantom_core.experiments.release_exposures import StageHealth
from phantom_core.experiments.release_guard import GuardLimits, StageAssessment, assess_stage

SHARES: Final = (0.05, 0.10, 0.25, 0.50)
# Sessions between two looks, as copies of the 20,000 shoppers, and looks before one gives up.
COPIES_A_LOOK: Final = 3
MOST_LOOKS: Final = 12
# Change of humans' demand, mark-up of agents.
CASES: Final = {
    "humans −20 %": (-0.2, 1.0),
    "humans −20 %, agents ×1.1": (-0.2, 1.1),
    "no effect": (0.0, 1.0),
    "agents ×1.1": (0.0, 1.1),
}


@dataclass(frozen=True, slots=True)
class Ramp:
    """How a ramp ended.

    Attributes:
        end: rolled back, complete, or held.
        largest_share: that it had.
        sessions: of both arms, until then.
        guards: that rolled it back.
    """

    end: str
    largest_share: float
    sessions: int
    guards: tuple[str, ...] = ()


def main() -> None:
    """Generate, fit, simulate, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--harmless", type=int, default=25, help="Ramps that harm no human.")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    started_s = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        scorers = fit_scorers(load_matrix(Path(folder) / "labelled", 20_000, 777)[0])
        traffic = load_traffic(Path(folder) / "traffic", 20_000, scorers)
    means = [one.means for one in scorers]
    rows = []
    for name, case in CASES.items():
        runs = chosen.runs if case[0] else chosen.harmless
        rows.append(trial(name, traffic, means, runs, *case))
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    report = {
        "seed": SEED,
        "seconds": round(time.perf_counter() - started_s, 1),
        "machine": machine(["numpy", "xgboost-cpu"]),
        "rows": rows,
    }
    print(json.dumps(report) if chosen.json else table(report))


def default_limits() -> GuardLimits:
    """The limits of an installation that sets none."""
    found = RolloutSettings()
    return GuardLimits(
        found.human_loss,
        found.excluded_loss,
        found.revenue_loss,
        found.failed,
        found.slow,
        found.alpha,
    )


def trial(
    name: str,
    traffic: Traffic,
    means: list[ScoreMeans],
    runs: int,
    human: float,
    agent: float,
) -> dict[str, Any]:
    """Many ramps with one effect on each class."""
    rng, limits = np.random.default_rng(SEED), default_limits()
    found = [ramp(rng, traffic, means, human, agent, limits) for _ in range(runs)]
    ends = Counter(one.end for one in found)
    early = sum(one.end == "rolled back" and one.largest_share < SHARES[1] for one in found)
    return {
        "case": name,
        "runs": runs,
        "rolled_back": ends["rolled back"],
        "rolled_back_before_10": early,
        "interval": [round(one, 3) for one in wilson_interval(early / runs, runs)],
        "complete": ends["complete"],
        "held": ends["held"],
        "sessions": int(np.median([one.sessions for one in found])),
        "guards": dict(Counter(guard for one in found for guard in one.guards)),
    }


def ramp(
    rng: np.random.Generator,
    traffic: Traffic,
    means: list[ScoreMeans],
    human: float,
    agent: float,
    limits: GuardLimits,
) -> Ramp:
    """One ramp from its first share to its end."""
    sessions, k = 0, int(rng.integers(len(means)))
    for number, share in enumerate(SHARES, start=1):
        looks: list[Exposures] = []
        while True:
            looks.append(arrive(rng, traffic, k, (human, agent, share), len(looks)))
            found = assess(looks, means[k], share, number, limits)
            if found.action in ("roll back", "advance") or len(looks) == MOST_LOOKS:
                break
        sessions += found.sessions
        if found.action != "advance":
            end = "rolled back" if found.action == "roll back" else "held"
            guards = tuple(one.name for one in found.findings if one.action == "roll back")
            return Ramp(end, share, sessions, guards)
    return Ramp("complete", 1.0, sessions)


def arrive(
    rng: np.random.Generator,
    traffic: Traffic,
    scorer: int,
    case: tuple[float, float, float],
    look: int,
) -> Exposures:
    """Sessions that come between two looks, in a random order, repeated as other actors."""
    human, agent, share = case
    parts = []
    for copy in range(COPIES_A_LOOK):
        arm = (rng.random(traffic.is_agent.size) < share).astype(np.int64)
        is_new = arm == 1
        markup = np.where(is_new & traffic.is_agent, agent, 1.0)
        bought = traffic.buy(rng, markup, np.where(is_new & ~traffic.is_agent, 1.0 + human, 1.0))
        order = rng.permutation(arm.size)
        one = Exposures.plain(
            arm[order],
            np.arange(arm.size),
            traffic.score[scorer][order],
            bought[order],
            (bought * markup)[order],
        )
        actor = traffic.actor[order] + (COPIES_A_LOOK * look + copy) * arm.size
        parts.append(replace(one, actor=actor, score=traffic.score[scorer][order]))
    return join(parts)


def join(parts: list[Exposures]) -> Exposures:
    """Sessions one after the other."""
    return Exposures(
        *(
            np.concatenate([getattr(one, name) for one in parts])
            for name in Exposures.__dataclass_fields__
        )
    )


def assess(
    looks: list[Exposures], means: ScoreMeans, share: float, number: int, limits: GuardLimits
) -> StageAssessment:
    """A stage as the watcher sees it; every price was there in time."""
    sessions = join(looks)
    none = np.zeros(len(sessions))
    health = StageHealth(sessions.arm == 1, none, none)
    return assess_stage(Exposed(sessions, 0, 0, means), health, share, number, limits)


def table(report: dict[str, Any]) -> str:
    """The figures as a table."""
    lines = [
        f"seed {report['seed']}, {report['seconds']} s; {report['machine']}",
        "",
        "| case | ramps | rolled back | before 10 % | 95 % interval | complete | held | "
        "sessions, median | guards that rolled back |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in report["rows"]:
        low, high = row["interval"]
        guards = ", ".join(f"{name} {n}" for name, n in row["guards"].items()) or "–"
        lines.append(
            f"| {row['case']} | {row['runs']} | {row['rolled_back']} | "
            f"{row['rolled_back_before_10']} | {low:.1%} to {high:.1%} | {row['complete']} | "
            f"{row['held']} | {row['sessions']:,} | {guards} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
