"""Experiment report: arms, their effects, and the guardrail on human conversion."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from phantom_core.approvals.experiment_plan import Metric
from phantom_core.core.arrays import Floats
from phantom_core.experiments.confidence_sequence import NAN, UNBOUNDED, Bounds, Contrast
from phantom_core.experiments.exposures import Exposed, Exposures
from phantom_core.replay.saved import plain_json

METRICS: Final[Mapping[Metric, str]] = {
    "revenue": "revenue a session",
    "conversion": "sessions that buy",
}
assert tuple(METRICS) == get_args(Metric)
Conclusion = Literal["better", "worse", "open"]
# Averages are close enough to normal from this many sessions in each of two arms, and this many
# purchases in both.
FEWEST_SESSIONS: Final = 200
FEWEST_PURCHASES: Final = 20
# Below this p-value the arms' shares are not those planned (sample ratio mismatch).
UNEVEN: Final = 0.001
_POINTS: Final = 120


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
        human_conversion: share of expected humans that bought; NaN without any.
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
class Point:
    """The relative effect as it was known at some moment."""

    sessions: int
    at_ms: int
    effect: Bounds
    human: Bounds


@dataclass(frozen=True, slots=True)
class Comparison:
    """A new arm against the first one.

    Attributes:
        arm: its name.
        difference: of the outcome a session, in its unit.
        effect: the same, relative.
        human: relative change of how many humans buy.
        verdict: whether the outcome is significantly better or worse, or ever was.
        decided_sessions: of both arms when that was first so; 0 while it is open.
        is_guard_tripped: whether human conversion fell significantly, by more than is tolerated.
        tripped_sessions: of both arms when that was first so; 0 while it is not.
        course: how the figures went.
    """

    arm: str
    difference: Bounds
    effect: Bounds
    human: Bounds
    verdict: Conclusion
    decided_sessions: int
    is_guard_tripped: bool
    tripped_sessions: int
    course: tuple[Point, ...]


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
        unevenness: p-value of the arms' shares; below UNEVEN the assignment is wrong.
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
    sessions = exposed.settled
    counts = np.bincount(sessions.arm, minlength=len(names))
    level = alpha / (len(names) - 1)
    comparisons = tuple(
        _compare(sessions, k, names[k], shares, metric, level, planned_sessions, tolerated_drop)
        for k in range(1, len(names))
    )
    return ExperimentReport(
        metric,
        alpha,
        planned_sessions,
        len(sessions),
        exposed.waiting,
        exposed.mixed,
        float(stats.chisquare(counts, np.array(shares) * counts.sum()).pvalue)
        if counts.sum()
        else 1.0,
        tuple(
            _figures(sessions[sessions.arm == k], name, shares[k]) for k, name in enumerate(names)
        ),
        comparisons,
    )


def outcome_of(sessions: Exposures, metric: Metric) -> Floats:
    """What a session is worth by a metric."""
    return sessions.revenue if metric == "revenue" else sessions.bought


def _figures(sessions: Exposures, name: str, share: float) -> ArmFigures:
    n, humans = len(sessions), float(sessions.p_human.sum())
    return ArmFigures(
        name,
        share,
        n,
        int(sessions.bought.sum()),
        float(sessions.bought.mean()) if n else NAN,
        float(sessions.revenue.mean()) if n else NAN,
        float((sessions.p_human * sessions.bought).sum()) / humans if humans else NAN,
        n - humans,
    )


def _compare(
    sessions: Exposures,
    k: int,
    name: str,
    shares: Sequence[float],
    metric: Metric,
    alpha: float,
    planned: int,
    tolerated: float,
) -> Comparison:
    both = sessions[(sessions.arm == 0) | (sessions.arm == k)]
    is_treated = both.arm == k
    at = _moments(both, is_treated)
    if not at.size:
        return Comparison(name, UNBOUNDED, UNBOUNDED, UNBOUNDED, "open", 0, False, 0, ())
    share, tightest = (
        shares[k] / (shares[0] + shares[k]),
        max(1.0, planned * (shares[0] + shares[k])),
    )
    contrast = Contrast.of(outcome_of(both, metric), is_treated, share)
    human = Contrast.of(both.p_human * both.bought, is_treated, share)
    difference, effect = (
        _nested(how(at, alpha, tightest)) for how in (contrast.difference, contrast.relative)
    )
    humans = _nested(human.relative(at, alpha, tightest))
    up, down = _first(difference[1] > 0), _first(difference[2] < 0)
    tripped = _first(humans[2] < -tolerated)
    decided = min((one for one in (up, down) if one >= 0), default=-1)
    verdict: Conclusion = "open" if decided < 0 else "better" if decided == up else "worse"
    return Comparison(
        arm=name,
        difference=_last(difference),
        effect=_last(effect),
        human=_last(humans),
        verdict=verdict,
        decided_sessions=int(at[decided]) + 1 if decided >= 0 else 0,
        is_guard_tripped=tripped >= 0,
        tripped_sessions=int(at[tripped]) + 1 if tripped >= 0 else 0,
        course=_course(both, at, effect, humans),
    )


def _moments(both: Exposures, is_treated: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Positions at which the arms are compared: all with enough data, thinned where many."""
    enough = np.cumsum(both.bought) >= FEWEST_PURCHASES
    for one in (is_treated, ~is_treated):
        enough &= np.cumsum(one) >= FEWEST_SESSIONS
    found = np.flatnonzero(enough)
    # Comparing at fewer moments keeps the intervals valid.
    step = max(1, found.size // 5_000)
    return np.asarray(np.union1d(found[::step], found[-1:]), np.int64)


def _nested(course: tuple[Floats, Floats, Floats]) -> tuple[Floats, Floats, Floats]:
    """Running intersection of intervals: they are valid together, so what was excluded stays so."""
    value, low, high = course
    lowest, highest = np.maximum.accumulate(low), np.minimum.accumulate(high)
    # An empty intersection is as rare as a wrong interval; then the newest one counts.
    is_left = lowest <= highest
    return value, np.where(is_left, lowest, low), np.where(is_left, highest, high)


def _first(holds: NDArray[np.bool_]) -> int:
    """Position of the first moment at which something holds; -1 for none."""
    return int(np.argmax(holds)) if holds.any() else -1


def _last(course: tuple[Floats, Floats, Floats]) -> Bounds:
    return Bounds(*(float(one[-1]) for one in course))


def _course(
    both: Exposures,
    at: NDArray[np.int64],
    effect: tuple[Floats, Floats, Floats],
    human: tuple[Floats, Floats, Floats],
) -> tuple[Point, ...]:
    shown = np.unique(np.linspace(0, at.size - 1, min(_POINTS, at.size)).astype(np.int64))
    return tuple(
        Point(
            int(at[k]) + 1,
            int(both.first_ms[at[k]]),
            Bounds(*(float(one[k]) for one in effect)),
            Bounds(*(float(one[k]) for one in human)),
        )
        for k in shown
    )


def _bounded(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _bounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_bounded(one) for one in value]
    return None if isinstance(value, float) and math.isinf(value) else value
