"""Experiment plan: the arms, the metric, and the error rates of a price experiment."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from phantom_core.core.errors import InputError

Metric = Literal["revenue", "conversion"]
BASE_PRICE: Final = ""
AS_LIVE: Final = "live"
NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class PlannedArm:
    """An arm of the experiment: one way to price.

    Attributes:
        name: of the arm.
        share: of the sessions, above 0.
        version: of the rules; BASE_PRICE for the base price, AS_LIVE for the live ones.
    """

    name: str
    share: float
    version: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The question of an experiment, and its design.

    Attributes:
        question: in words.
        arms: the first one is the control; their shares add up to 1.
        metric: primary metric: revenue per session, or conversion.
        effect: minimum detectable effect, relative.
        alpha: type I error rate over the whole experiment.
        power: probability of detecting that effect within the planned sessions.
        tolerated_drop: tolerated relative loss of human conversion.
        planned_sessions: of all arms.
        baseline_mean, baseline_sd: of the metric per session, as planned with; baseline_per_day
            sessions a day, 0 where unknown.
    Raises:
        InputError: invalid arms or figures.
    """

    question: str
    arms: tuple[PlannedArm, ...]
    metric: Metric
    effect: float
    alpha: float
    power: float
    tolerated_drop: float
    planned_sessions: int
    baseline_mean: float
    baseline_sd: float
    baseline_per_day: float

    def __post_init__(self) -> None:
        names = [arm.name for arm in self.arms]
        if (
            len(names) < 2
            or len(set(names)) < len(names)
            or not all(NAME.fullmatch(name) for name in names)
        ):
            raise InputError(
                "An experiment has two arms or more, each with a name of its own.",
                hint="Names are lower case: control, plus5.",
            )
        if (
            any(not 0 < arm.share < 1 for arm in self.arms)
            or abs(sum(arm.share for arm in self.arms) - 1) > 1e-9
        ):
            raise InputError(
                "The shares of the arms must be above 0 and add up to 1.",
                hint="0.5 and 0.5 give the highest power.",
            )
        if len({arm.version for arm in self.arms}) < len(names):
            raise InputError(
                "Two arms have the same prices, so there is nothing to compare.",
                hint="Give each arm another version.",
            )
        if (
            self.planned_sessions < 1
            or not 0 < self.alpha < 1
            or not 0 < self.power < 1
            or not 0 <= self.tolerated_drop < 1
        ):
            raise InputError(
                "Error rate, power and tolerated drop lie between 0 and 1, and some sessions are "
                "planned."
            )
