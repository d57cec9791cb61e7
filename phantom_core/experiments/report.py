"""Experiment report: arms, their effects, and the guardrail on human conversion."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from phantom_core.approvals.experiment_plan import Metric
from phantom_core.experiments.comparison import (
    Comparing,
    Comparison,
    compare_arms,
    human_purchases,
)
from phantom_core.experiments.confidence_sequence import NAN
from phantom_core.experiments.exposures import Exposed, Exposures
from phantom_core.experiments.human_purchases import ScoreMeans
from phantom_core.experiments.interference import Interference, measure_interference
from phantom_core.experiments.sample_ratio import sample_ratio_p
from phantom_core.replay.saved import plain_json

METRICS: Final[Mapping[Metric, str]] = {
    "revenue": "revenue a session",
    "conversion": "sessions that buy",
}
assert tuple(METRICS) == get_args(Metric)
# Below this sequential p-value the arms' shares are not those planned (sample ratio mismatch).
UNEVEN: Final = 0.001
# How purchases of humans are told from agents': by unmixed scores, or by the first P(agent) as a
# weight.
HumanBasis = Literal["unmixed", "weighted"]


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """One arm so far.

    Attributes:
        name: of the arm.
        share: of sessions that it should get.
        sessions: exposed to it, with final outcome.
        purchases: sessions of them that bought.
        conversion: share that bought; NaN without sessions.
        revenue: a session, currency; NaN without sessions.
        human_conversion: estimated share of humans that bought; NaN without any.
        agents: expected number of agents.
    """

    name: str
    share: float
    sessions: int
    purchases: int
    conversion: float
    revenue: float
    human_conversion: float
    agents: float


@dataclass(frozen=True, slots=True)
class ExperimentReport:
    """An experiment so far.

    Attributes:
        metric: outcome that decides.
        alpha: probability of ever detecting an effect that does not exist; the guardrail has its
            own, of the same size.
        planned_sessions: planned sample size.
        sessions: with final outcome.
        waiting: sessions whose window is not over.
        mixed: sessions exposed to two arms, which are left out.
        unevenness: sequential p-value of the arms' shares; below UNEVEN the assignment is wrong.
        human_basis: how human purchases are told from agents'.
        interference: actors that met two arms.
        arms: figures of each.
        comparisons: each new arm against the first.
    """

    metric: Metric
    alpha: float
    planned_sessions: int
    sessions: int
    waiting: int
    mixed: int
    unevenness: float
    human_basis: HumanBasis
    interference: Interference
    arms: tuple[ArmFigures, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def is_uneven(self) -> bool:
        """Whether the arms' shares differ from those planned."""
        return self.unevenness < UNEVEN

    @property
    def is_guard_tripped(self) -> bool:
        """Whether some arm must be stopped."""
        return any(one.is_guard_tripped for one in self.comparisons)

    def to_json(self) -> dict[str, object]:
        """The report as plain values; null where undefined or unbounded."""
        found = {
            **plain_json(self),
            "is_uneven": self.is_uneven,
            "is_guard_tripped": self.is_guard_tripped,
        }
        return {name: _bounded(value) for name, value in found.items()}


def build_report(
    exposed: Exposed,
    names: Sequence[str],
    shares: Sequence[float],
    *,
    metric: Metric,
    alpha: float,
    planned_sessions: int,
    tolerated_drop: float,
) -> ExperimentReport:
    """Analyse an experiment as it stands; intervals are valid at any time, as often as wanted.

    Args:
        exposed: sessions in the order of arrival.
        names: of the arms; the others are compared with the first.
        shares: of the arms.
        metric: outcome that decides.
        alpha: error rate over all arms.
        planned_sessions: of all arms, at which intervals are to be tightest.
        tolerated_drop: relative loss of human conversion that is no reason to stop, such as 0.02.
    """
    sessions, means = exposed.settled, exposed.means
    comparisons = []
    for k in range(1, len(names)):
        of_both = shares[0] + shares[k]
        both = sessions[(sessions.arm == 0) | (sessions.arm == k)]
        how = Comparing(
            metric,
            shares[k] / of_both,
            alpha / (len(names) - 1),
            max(1.0, planned_sessions * of_both),
            tolerated_drop,
            means,
        )
        comparisons.append(compare_arms(both, both.arm == k, names[k], how))
    return ExperimentReport(
        metric,
        alpha,
        planned_sessions,
        len(sessions),
        exposed.waiting,
        exposed.mixed,
        sample_ratio_p(sessions.arm, shares),
        "weighted" if means is None else "unmixed",
        measure_interference(sessions.arm, sessions.actor, sessions.bought),
        _all_figures(sessions, names, shares, means),
        tuple(comparisons),
    )


def _all_figures(
    sessions: Exposures, names: Sequence[str], shares: Sequence[float], means: ScoreMeans | None
) -> tuple[ArmFigures, ...]:
    """Figures of the arms; which of them a session met says nothing about who it was."""
    humans = human_purchases(sessions, means)
    human_share = float(sessions.p_human.mean()) if len(sessions) else NAN
    found = []
    for k, name in enumerate(names):
        rows = sessions.arm == k
        arm = sessions[rows]
        of_humans = float(arm.p_human.sum()) if means is None else rows.sum() * human_share
        found.append(_figures(arm, name, shares[k], float(humans[rows].sum()), float(of_humans)))
    return tuple(found)


def _figures(
    sessions: Exposures, name: str, share: float, human_purchases: float, humans: float
) -> ArmFigures:
    n = len(sessions)
    return ArmFigures(
        name,
        share,
        n,
        int(sessions.bought.sum()),
        float(sessions.bought.mean()) if n else NAN,
        float(sessions.revenue.mean()) if n else NAN,
        human_purchases / humans if humans else NAN,
        n - float(sessions.p_human.sum()),
    )


def _bounded(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _bounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_bounded(one) for one in value]
    return None if isinstance(value, float) and math.isinf(value) else value
