"""Release guard: whether a stage of a rollout goes on, waits, or is rolled back.

Canary and control are two arms drawn by a hash, so they are compared as those of a price
experiment are: by confidence sequences that hold at every moment, human conversion by unmixed
scores. The k-th stage of a version has the error rate alpha / (k (k + 1)); those of all stages add
up to alpha, however many there are. Each guard has an error rate of its own.

A step waits until the interval of human conversion excludes a loss that matters. The interval
holds the true change at all moments at once, so a canary that loses so many humans is not given a
larger share, whatever else is found, with a probability of at least 1 - alpha / 2 in its first
stage; and it is rolled back once the interval lies below the tolerated loss.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.experiments.comparison import FEWEST_SESSIONS, Comparison
from phantom_core.experiments.confidence_sequence import UNBOUNDED, Bounds, Contrast
from phantom_core.experiments.exposures import Exposed
from phantom_core.experiments.release_exposures import ARMS, StageHealth
from phantom_core.experiments.report import ExperimentReport, build_report

Action = Literal["roll back", "wait", "hold", "advance"]
_ORDER: Final[tuple[Action, ...]] = ("roll back", "wait", "hold", "advance")
# At which intervals are tightest where the ramp names no number of sessions.
PLANNED_SESSIONS: Final = 100_000
_MOST_MOMENTS: Final = 1_000


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """What a guard tolerates.

    Attributes:
        human_loss, revenue_loss: relative losses that are no reason to roll back.
        excluded_loss: relative loss of human conversion that has to be excluded before a step.
        failed, slow: shares of sessions, beyond the control's, that are no reason either.
        alpha: probability of ever rolling back without a loss, for each guard.
    """

    human_loss: float
    excluded_loss: float
    revenue_loss: float
    failed: float
    slow: float
    alpha: float

    def of_stage(self, number: int) -> float:
        """The error rate of one of a version's stages, counted from 1.

        >>> GuardLimits(0.02, 0.2, 0.05, 0.01, 0.01, 0.05).of_stage(1)
        0.025
        """
        return self.alpha / (number * (number + 1))


@dataclass(frozen=True, slots=True)
class GuardFinding:
    """What one guard says.

    Attributes:
        name: human conversion, revenue, failures, latency, sessions or sample ratio.
        action: that it asks for.
        sentence: why.
        change: canary against control: relative for conversion and revenue, else a difference.
    """

    name: str
    action: Action
    sentence: str
    change: Bounds = UNBOUNDED


@dataclass(frozen=True, slots=True)
class StageAssessment:
    """A stage as it stands.

    Attributes:
        sessions: of both arms, with final outcome.
        findings: of every guard.
    """

    sessions: int
    findings: tuple[GuardFinding, ...]

    @property
    def action(self) -> Action:
        """The most careful action that a guard asks for."""
        return min((one.action for one in self.findings), key=_ORDER.index)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it does not advance; empty where it does."""
        return tuple(
            one.sentence
            for one in self.findings
            if one.action == self.action and one.action != "advance"
        )


def assess_stage(
    exposed: Exposed,
    health: StageHealth,
    share: float,
    number: int,
    limits: GuardLimits,
    *,
    least_sessions: int = 0,
) -> StageAssessment:
    """Assess a stage of a rollout.

    Args:
        exposed: its sessions with their outcomes, arms in the order of ARMS.
        health: how they were priced.
        share: of the sessions in the canary.
        number: of the stage, from 1.
        limits: of the guards.
        least_sessions: of both arms, before the next step.
    """
    alpha, planned = limits.of_stage(number), least_sessions or PLANNED_SESSIONS
    report = build_report(
        exposed,
        ARMS,
        (1.0 - share, share),
        metric="revenue",
        alpha=alpha,
        planned_sessions=planned,
        tolerated_drop=limits.human_loss,
    )
    compared = report.comparisons[0]
    findings = (
        _human(compared, report, limits),
        _revenue(compared, limits),
        *(
            _health(name, health, rows, share, tolerated, alpha, planned)
            for name, rows, tolerated in (
                ("failures", health.failed, limits.failed),
                ("latency", health.slow, limits.slow),
            )
        ),
        *_counts(report, least_sessions),
    )
    return StageAssessment(report.sessions, findings)


def _human(compared: Comparison, report: ExperimentReport, limits: GuardLimits) -> GuardFinding:
    name, change = "human conversion", compared.human
    if report.human_basis == "weighted":
        # Such a figure takes lost purchases of agents for lost human ones in part.
        return GuardFinding(
            name,
            "hold",
            "Human purchases cannot be told from agents', as too few labelled sessions buy; load "
            "labels.",
            change,
        )
    if compared.is_guard_tripped:
        return GuardFinding(
            name,
            "roll back",
            f"At least {-change.high:.1%} fewer humans buy; {limits.human_loss:.1%} is tolerated.",
            change,
        )
    if change.low > -limits.excluded_loss:
        return GuardFinding(
            name,
            "advance",
            f"A loss of {limits.excluded_loss:.0%} of human conversion is excluded.",
            change,
        )
    return GuardFinding(
        name,
        "hold",
        f"A loss of {limits.excluded_loss:.0%} of human conversion is not excluded yet.",
        change,
    )


def _revenue(compared: Comparison, limits: GuardLimits) -> GuardFinding:
    change = compared.effect
    if change.high < -limits.revenue_loss:
        sentence = (
            f"Revenue per session is at least {-change.high:.1%} lower; "
            f"{limits.revenue_loss:.1%} is tolerated."
        )
        return GuardFinding("revenue", "roll back", sentence, change)
    return GuardFinding("revenue", "advance", "Revenue has not fallen significantly.", change)


_MEET: Final = {
    "failures": "meet rules or a model that cannot be used",
    "latency": "meet a slow decision",
}


def _health(
    name: str,
    health: StageHealth,
    outcome: Floats,
    share: float,
    tolerated: float,
    alpha: float,
    planned: float,
) -> GuardFinding:
    change = _difference(outcome, health.is_canary, share, alpha, planned)
    if change.low > tolerated:
        sentence = (
            f"At least {change.low:.1%} more of the sessions {_MEET[name]}; {tolerated:.1%} is "
            "tolerated."
        )
        return GuardFinding(name, "roll back", sentence, change)
    return GuardFinding(name, "advance", f"Not significantly more sessions {_MEET[name]}.", change)


def _counts(report: ExperimentReport, least_sessions: int) -> Iterator[GuardFinding]:
    if report.sessions < least_sessions:
        yield GuardFinding(
            "sessions",
            "wait",
            f"{report.sessions:,} of the {least_sessions:,} sessions that the ramp waits for have "
            "a final outcome.",
        )
    if report.is_uneven:
        yield GuardFinding(
            "sample ratio",
            "hold",
            "The canary's share of the sessions is not the published one, so no figure can be "
            "trusted; check that every pricing server follows what is live.",
        )


def _difference(
    outcome: Floats, is_canary: NDArray[np.bool_], share: float, alpha: float, planned: float
) -> Bounds:
    """The difference of a share of sessions, canary minus control; nested over all moments."""
    fewest = np.minimum(np.cumsum(is_canary), np.cumsum(~is_canary))
    found = np.flatnonzero(fewest >= FEWEST_SESSIONS)
    if not found.size:
        return UNBOUNDED
    step = max(1, found.size // _MOST_MOMENTS)
    at = np.asarray(np.union1d(found[::step], found[-1:]), np.int64)
    value, low, high = Contrast.of(outcome, is_canary, share).difference(at, alpha, planned)
    lowest, highest = float(low.max()), float(high.min())
    # An empty intersection is as rare as a wrong interval; then the newest one counts.
    if lowest > highest:
        lowest, highest = float(low[-1]), float(high[-1])
    return Bounds(float(value[-1]), lowest, highest)
