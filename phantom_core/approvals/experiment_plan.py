"""The plan of a price experiment: what is compared, by which outcome, and how sure the answer shall
be.
"""

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
    """One way to price.

    Attributes:
        name: of the arm.
        share: of the sessions, above 0.
        version: of the rules; BASE_PRICE for the base price, AS_LIVE for whatever is live.
    """

    name: str
    share: float
    version: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What an experiment asks, and how its answer is found.

    Attributes:
        question: in words.
        arms: the first one is what the others are compared with; their shares add up to 1.
        metric: outcome that decides: revenue a session, or sessions that buy.
        effect: smallest relative effect that matters.
        alpha: probability of ever seeing an effect that is not there.
        power: probability of seeing that one within the planned sessions.
        tolerated_drop: relative loss of human conversion that is no reason to stop.
        planned_sessions: of all arms.
        baseline_mean, baseline_sd: of the outcome of a session, as planned with; baseline_per_day
            sessions a day, 0 where unknown.
    Raises:
        InputError: arms or figures that mean nothing.
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
                hint="0.5 and 0.5 tell most.",
            )
        if len({arm.version for arm in self.arms}) < len(names):
            raise InputError(
                "Two arms price alike, so there is nothing to compare.",
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
