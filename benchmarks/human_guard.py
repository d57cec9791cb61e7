"""The guard of human conversion, with the scores that a real set of labels gives.

Shoppers that no model has met are shown prices in two arms and decide by their own demand; the two
classes are marked up differently. The guard knows labels of other shoppers only. Beside it: the
guard that weighs each purchase by P(human), with the same score.

Run: python -m benchmarks.human_guard [--runs 100] [--sessions 20000] [--json]
"""

import argparse
import json
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.machine import machine
from phantom_core.core.arrays import Floats, Ints
from phantom_core.core.settings import Settings
from phantom_core.experiments.comparison import Comparison
from phantom_core.experiments.experiment_size import Baseline, guard_sessions
from phantom_core.experiments.exposures import Exposed, Exposures
from phantom_core.experiments.human_purchases import ScoreMeans
from phantom_core.experiments.purchase_scores import PurchaseScorer, fit_scorer
from phantom_core.experiments.report import build_report
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import open_lake
from phantom_core.models.splits import actor_codes
from phantom_core.shoppers.generate import generate_sessions
from phantom_core.use_cases.data.demo import load_demo

SEED: Final = 20_261
LABELLED: Final = 5_000
N_SCORERS: Final = 10
TOLERATED: Final = 0.02
# Price sensitivities of the generator's humans and agents.
SENSITIVITY: Final = (2.0, 5.0)
# Relative change of humans' demand, mark-up of agents, share of the new arm.
CASES: Final = {
    "no effect": (0.0, 1.0, 0.5),
    "agents ×1.3": (0.0, 1.3, 0.5),
    "agents ×1.3, 1 in 10": (0.0, 1.3, 0.1),
    "agents ×1.1": (0.0, 1.1, 0.5),
    "agents ×0.76": (0.0, 0.76, 0.5),
    "humans −20 %": (-0.2, 1.0, 0.5),
    "humans −20 %, agents ×1.3": (-0.2, 1.3, 0.5),
}


@dataclass(frozen=True, slots=True, eq=False)
class Traffic:
    """Shoppers whose truth is known: sessions, and what each of them considered.

    Attributes:
        is_agent, actor: of each session.
        score: of each session, by every scorer, shape (n_scorers, n_sessions).
        row, ratio: session and price ratio of each quote that was considered.
    """

    is_agent: np.ndarray
    actor: Ints
    score: Floats
    row: Ints
    ratio: Floats

    def buy(self, rng: np.random.Generator, markup: Floats, kept: Floats) -> Floats:
        """Draw which sessions buy at mark-ups and with so much of their demand."""
        slope = np.where(self.is_agent, SENSITIVITY[1], SENSITIVITY[0])[self.row]
        chance = kept[self.row] / (1 + (self.ratio * markup[self.row]) ** slope)
        bought = np.zeros(self.is_agent.size)
        bought[self.row[rng.random(self.row.size) < chance]] = 1.0
        return bought


def main() -> None:
    """Generate, fit, simulate, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--sessions", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    started_s = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        scorers = fit_scorers(load_matrix(Path(folder) / "labelled", 20_000, 777)[0])
        traffic = load_traffic(Path(folder) / "traffic", chosen.sessions, scorers)
    means = [one.means for one in scorers]
    rows = [trial(name, traffic, means, chosen.runs, *case) for name, case in CASES.items()]
    rows.append(ramps(traffic, means, chosen.runs))
    report = {
        "seed": SEED,
        "seconds": round(time.perf_counter() - started_s, 1),
        "machine": machine(["numpy", "xgboost-cpu"]),
        "labelled_purchases": [[one.human_purchases, one.agent_purchases] for one in means[:1]],
        "rows": rows,
    }
    print(json.dumps(report) if chosen.json else table(report))


def load_matrix(folder: Path, n: int, seed: int) -> tuple[pa.Table, pa.Table]:
    """Features of generated sessions, and the truth of their quotes."""
    settings = Settings(workspace=folder, demo_sessions=n, seed=seed)
    load_demo(settings, now_ms=1_772_366_400_000)
    return FeatureStore(open_lake(settings)).matrix(), generate_sessions(n, seed).truth


def fit_scorers(matrix: pa.Table) -> list[PurchaseScorer]:
    """Scorers of as many sets of labels, each of some actors' sessions."""
    rng, actor = np.random.default_rng(SEED), actor_codes(matrix)
    part = LABELLED / matrix.num_rows
    return [
        fit_scorer(matrix.filter(pa.array((rng.random(actor.max() + 1) < part)[actor])))
        for _ in range(N_SCORERS)
    ]


def load_traffic(folder: Path, n: int, scorers: list[PurchaseScorer]) -> Traffic:
    """Shoppers that no scorer has met."""
    matrix, truth = load_matrix(folder, n, SEED + 1)
    considered = truth.filter(truth["considered"])
    row = pc.index_in(considered["sessionId"], value_set=matrix["session_id"].combine_chunks())
    return Traffic(
        np.asarray(matrix["is_agent"].to_pylist(), np.bool_),
        actor_codes(matrix),
        np.stack([one.score(matrix) for one in scorers]),
        np.asarray(row, np.int64),
        np.ones(len(row)),
    )


def expose(
    rng: np.random.Generator,
    traffic: Traffic,
    means: list[ScoreMeans],
    case: tuple[float, float, float],
    *,
    copies: int = 1,
) -> Exposed:
    """An experiment: sessions in a random order of arrival, repeated as other actors."""
    human, agent, share = case
    parts, k = [], int(rng.integers(len(means)))
    for copy in range(copies):
        arm = (rng.random(traffic.is_agent.size) < share).astype(np.int64)
        is_new = arm == 1
        markup = np.where(is_new & traffic.is_agent, agent, 1.0)
        kept = np.where(is_new & ~traffic.is_agent, 1.0 + human, 1.0)
        bought = traffic.buy(rng, markup, kept)
        order = rng.permutation(arm.size)
        one = Exposures.plain(
            arm[order], np.arange(arm.size), traffic.score[k][order], bought[order], bought[order]
        )
        actor = traffic.actor[order] + copy * arm.size
        parts.append(replace(one, actor=actor, score=traffic.score[k][order]))
    fields = {
        name: np.concatenate([getattr(one, name) for one in parts])
        for name in Exposures.__dataclass_fields__
    }
    return Exposed(Exposures(**fields), 0, 0, means[k])


def analyse(exposed: Exposed, share: float) -> Comparison:
    """The comparison as the page shows it."""
    return build_report(
        exposed,
        ("control", "new"),
        (1 - share, share),
        metric="conversion",
        alpha=0.05,
        planned_sessions=len(exposed.settled),
        tolerated_drop=TOLERATED,
    ).comparisons[0]


def trial(
    name: str,
    traffic: Traffic,
    means: list[ScoreMeans],
    runs: int,
    human: float,
    agent: float,
    share: float,
) -> dict[str, Any]:
    """Many experiments with one effect on each class."""
    rng = np.random.default_rng(SEED)
    case = (human, agent, share)
    found, weighted = [], []
    for _ in range(runs):
        exposed = expose(rng, traffic, means, case)
        found.append(analyse(exposed, share))
        weighted.append(analyse(replace(exposed, means=None), share))
    return {
        "case": name, "runs": runs, "sessions": traffic.is_agent.size, "truth": human,
        "stopped": sum(one.is_guard_tripped for one in found),
        "mean": round(float(np.mean([one.human.value for one in found])), 4),
        "held": sum(one.human.low <= human <= one.human.high for one in found),
        "weighted_stopped": sum(one.is_guard_tripped for one in weighted),
        "weighted_mean": round(float(np.mean([one.human.value for one in weighted])), 4),
    }  # fmt: skip


def ramps(traffic: Traffic, means: list[ScoreMeans], runs: int) -> dict[str, Any]:
    """Ramps whose first step, of 5 %, lasts until the guard can see a fifth of the humans leave."""
    rng, share = np.random.default_rng(SEED + 2), 0.05
    sample = expose(rng, traffic, means, (0.0, 1.0, 0.5))
    weight = sample.settled.bought * means[0].human_weight(sample.settled.score)
    baseline = Baseline(float(weight.mean()), float(weight.std()))
    needed = guard_sessions(baseline, 0.2, share, tolerated=TOLERATED)
    copies = int(np.ceil(needed / traffic.is_agent.size))
    found = [
        analyse(expose(rng, traffic, means, (-0.2, 1.3, share), copies=copies), share)
        for _ in range(runs)
    ]
    return {
        "case": "ramp at 5 %: humans −20 %, agents ×1.3", "runs": runs,
        "sessions": copies * traffic.is_agent.size, "truth": -0.2,
        "stopped": sum(one.is_guard_tripped for one in found),
        "mean": round(float(np.mean([one.human.value for one in found])), 4),
        "held": sum(one.human.low <= -0.2 <= one.human.high for one in found),
        "weighted_stopped": None, "weighted_mean": None,
    }  # fmt: skip


def table(report: dict[str, Any]) -> str:
    """The figures as a table."""
    lines = [
        f"seed {report['seed']}, {report['seconds']} s; labelled purchases of humans and agents: "
        f"{report['labelled_purchases']}; {report['machine']}",
        "",
        "| case | runs | sessions | truth | stopped | mean | truth held | weighted: stopped | "
        "weighted: mean |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in report["rows"]:
        weighted = (
            f"{row['weighted_stopped']} | {row['weighted_mean']:+.1%}"
            if row["weighted_stopped"] is not None
            else "– | –"
        )
        lines.append(
            f"| {row['case']} | {row['runs']} | {row['sessions']:,} | {row['truth']:+.0%} | "
            f"{row['stopped']} | {row['mean']:+.1%} | {row['held']} | {weighted} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
