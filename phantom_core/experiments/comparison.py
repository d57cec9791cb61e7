"""Comparison: a new arm against the first one, at every moment at once."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from phantom_core.approvals.experiment_plan import Metric
from phantom_core.core.arrays import Floats
from phantom_core.events.schema import STORE_MODES
from phantom_core.experiments.confidence_sequence import UNBOUNDED, Bounds, Contrast
from phantom_core.experiments.exposures import Exposures
from phantom_core.experiments.human_purchases import ScoreMeans
from phantom_core.experiments.prediction import predict_outcome

Conclusion = Literal["better", "worse", "open"]
Course = tuple[Floats, Floats, Floats]
# Averages are close enough to normal from this many sessions in each arm, and from so many
# purchases in each as are expected if both buy at the rate of the one that buys more.
FEWEST_SESSIONS: Final = 200
FEWEST_PURCHASES: Final = 100
_POINTS: Final = 120


@dataclass(frozen=True, slots=True)
class Comparing:
    """How an arm is compared.

    Attributes:
        metric: outcome that decides.
        share: probability of the new arm among sessions of the two.
        alpha: error rate of this comparison.
        planned: sessions of both at which intervals are to be tightest.
        tolerated: relative loss of human conversion that is no reason to stop.
        means: of the scores of labelled purchases; None where humans are not told apart.
    """

    metric: Metric
    share: float
    alpha: float
    planned: float
    tolerated: float
    means: ScoreMeans | None


@dataclass(frozen=True, slots=True)
class SegmentEffect:
    """The relative effect among some of the sessions.

    Attributes:
        by: what they are divided by.
        segment: which of them.
        sessions: of both arms.
        effect: on the metric.
    """

    by: str
    segment: str
    sessions: int
    effect: Bounds


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
        segments: the effect among some of the sessions, at an error rate divided among them.
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
    segments: tuple[SegmentEffect, ...] = ()


def compare_arms(
    both: Exposures, is_treated: NDArray[np.bool_], name: str, how: Comparing
) -> Comparison:
    """Compare two arms.

    Args:
        both: their sessions, in the order of arrival.
        is_treated: which were exposed to the new arm.
        name: of the new arm.
        how: to compare.
    """
    at = _moments(both, is_treated)
    if not at.size:
        return Comparison(name, UNBOUNDED, UNBOUNDED, UNBOUNDED, "open", 0, False, 0, ())
    contrast = _contrast(both, outcome_of(both, how.metric), is_treated, how)
    difference, effect = (
        _nested(bounds(at, how.alpha, how.planned))
        for bounds in (contrast.difference, contrast.relative)
    )
    humans = _human_course(both, is_treated, at, how)
    up, down = _first(difference[1] > 0), _first(difference[2] < 0)
    tripped = _first(humans[2] < -how.tolerated)
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
        segments=_segments(both, is_treated, how),
    )


def outcome_of(sessions: Exposures, metric: Metric) -> Floats:
    """What a session is worth by a metric."""
    return sessions.revenue if metric == "revenue" else sessions.bought


def human_purchases(sessions: Exposures, means: ScoreMeans | None, errors: float = 0.0) -> Floats:
    """How many human purchases each session stands for, on average over many.

    Args:
        sessions: in the order of arrival.
        means: of the scores of labelled purchases; without them the first P(agent) is a weight,
            which takes lost purchases of agents for lost human ones in part.
        errors: how many standard errors the agents' mean is moved by.
    """
    if means is None:
        return np.asarray(sessions.bought * sessions.p_human)
    weight = means.human_weight(sessions.score, errors)
    scored = np.isfinite(weight) & (sessions.bought > 0)
    # A purchase without a score counts as the average one: it tells nothing about its arm.
    usual = float(weight[scored].mean()) if scored.any() else 1.0
    weight = np.where(np.isfinite(weight), weight, usual)
    weight = np.where(np.isnan(sessions.label), weight, 1.0 - sessions.label)
    return np.asarray(sessions.bought * weight)


def _human_course(
    both: Exposures, is_treated: NDArray[np.bool_], at: NDArray[np.int64], how: Comparing
) -> Course:
    """Human conversion; its interval covers the error of the agents' mean score as well.

    That error is one of other shoppers, so it is independent of the experiment's own.
    """
    (value, low, high), *moved = (
        _contrast(both, human_purchases(both, how.means, errors), is_treated, how).relative(
            at, how.alpha, how.planned
        )
        for errors in (how.means.errors if how.means else (0.0,))
    )
    shifts = np.stack([np.abs(one[0] - value) for one in moved] or [np.zeros_like(value)])
    shift = np.nan_to_num(shifts.max(axis=0))
    return _nested(
        (value, value - np.hypot(value - low, shift), value + np.hypot(high - value, shift))
    )


def _contrast(
    both: Exposures, outcome: Floats, is_treated: NDArray[np.bool_], how: Comparing
) -> Contrast:
    return Contrast.of(
        outcome,
        is_treated,
        how.share,
        actor=both.actor,
        predicted=predict_outcome(outcome, both.covariates),
    )


def _segments(
    both: Exposures, is_treated: NDArray[np.bool_], how: Comparing
) -> tuple[SegmentEffect, ...]:
    """Effects by store and by whether the actor had been here before, where there are enough."""
    wanted = [
        *(("store", name, both.store == k) for k, name in enumerate(STORE_MODES)),
        ("visitor", "new", ~both.is_returning),
        ("visitor", "returning", both.is_returning),
    ]
    # A segment that is everything says nothing new.
    parts = [one for one in wanted if 0 < int(one[2].sum()) < len(both)]
    found = []
    for by, name, rows in parts:
        part, treated = both[rows], is_treated[rows]
        at = _moments(part, treated)[-1:]
        if at.size:
            contrast = _contrast(part, outcome_of(part, how.metric), treated, how)
            bounds = _last(contrast.relative(at, how.alpha / len(parts), how.planned))
            found.append(SegmentEffect(by, name, len(part), bounds))
    return tuple(found)


def _moments(both: Exposures, is_treated: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Positions at which the arms are compared: all with enough data, thinned where many."""
    sessions = [np.cumsum(one) for one in (is_treated, ~is_treated)]
    bought = [np.cumsum(both.bought * one) for one in (is_treated, ~is_treated)]
    fewest = np.minimum(*sessions)
    rate = np.maximum(*(b / np.maximum(n, 1) for b, n in zip(bought, sessions, strict=True)))
    found = np.flatnonzero((fewest >= FEWEST_SESSIONS) & (fewest * rate >= FEWEST_PURCHASES))
    # Comparing at fewer moments keeps the intervals valid.
    step = max(1, found.size // 5_000)
    return np.asarray(np.union1d(found[::step], found[-1:]), np.int64)


def _nested(course: Course) -> Course:
    """Running intersection of intervals: they are valid together, so what was excluded stays so."""
    value, low, high = course
    lowest, highest = np.maximum.accumulate(low), np.minimum.accumulate(high)
    # An empty intersection is as rare as a wrong interval; then the newest one counts.
    is_left = lowest <= highest
    return value, np.where(is_left, lowest, low), np.where(is_left, highest, high)


def _first(holds: NDArray[np.bool_]) -> int:
    """Position of the first moment at which something holds; -1 for none."""
    return int(np.argmax(holds)) if holds.any() else -1


def _last(course: Course) -> Bounds:
    return Bounds(*(float(one[-1]) for one in course))


def _course(
    both: Exposures,
    at: NDArray[np.int64],
    effect: Course,
    human: Course,
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
