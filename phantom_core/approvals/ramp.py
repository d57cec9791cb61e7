"""Ramp: shares to which a change may grow after its first one, and when, approved as a whole."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from phantom_core.core.errors import InputError

LONGEST_WAIT_H: Final = 24.0 * 90
MOST_STEPS: Final = 10
# Shares that differ by less are the same one.
TOLERANCE: Final = 1e-6


@dataclass(frozen=True, slots=True)
class RampStep:
    """One step of a ramp.

    Attributes:
        share: of the sessions, above that of the step before and up to 1.
        wait_h: hours for which the share before is live at least.
        sessions: that the share before has priced at least, in the canary and outside.
    Raises:
        InputError: a value out of range.
    """

    share: float
    wait_h: float
    sessions: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise InputError(
                f"A ramp cannot lead to {self.share:.0%} of the sessions.",
                hint="Its shares are above 0 and up to 1.",
            )
        if not 0 < self.wait_h <= LONGEST_WAIT_H:
            raise InputError(
                f"A ramp cannot wait {self.wait_h:g} hours.",
                hint=f"Wait more than 0 and up to {LONGEST_WAIT_H:g} hours before each step.",
            )
        if self.sessions < 0:
            raise InputError(
                f"A ramp cannot wait for {self.sessions} sessions.", hint="Give 0 or more."
            )


def ramp_text(first_share: float, steps: Sequence[RampStep]) -> str:
    """A ramp as it is stored; empty without a step.

    Args:
        first_share: of the sessions in the first release.
        steps: after it, in order.
    Raises:
        InputError: shares that do not rise, or too many of them.

    >>> ramp_text(0.1, [RampStep(0.5, 24), RampStep(1.0, 48)])
    '[[0.5, 24.0], [1.0, 48.0]]'
    >>> ramp_text(0.1, [RampStep(1.0, 48, 5_000)])
    '[[1.0, 48.0, 5000]]'
    """
    if len(steps) > MOST_STEPS:
        raise InputError(f"A ramp of {len(steps)} steps is too long: {MOST_STEPS} are allowed.")
    shares = [first_share, *(step.share for step in steps)]
    if any(after <= before + TOLERANCE for before, after in itertools.pairwise(shares)):
        raise InputError(
            f"The shares of a ramp have to rise from {first_share:.0%}.",
            hint="Leave out steps up to the first share, and order the others.",
        )
    return json.dumps([_stored(one) for one in steps]) if steps else ""


def ramp_steps(text: str) -> tuple[RampStep, ...]:
    """The steps of a stored ramp.

    >>> ramp_steps("")
    ()
    """
    return tuple(RampStep(*step) for step in json.loads(text or "[]"))


def least_sessions(first_share: float, steps: Sequence[RampStep], share: float) -> int:
    """Sessions that the step to a share waits for; 0 where it is none of the steps.

    >>> least_sessions(0.1, parse_ramp("0.5:24:5000,1:48:8000"), 0.4)
    5000
    """
    if share <= first_share + TOLERANCE:
        return 0
    return next((one.sessions for one in steps if share <= one.share + TOLERANCE), 0)


def parse_ramp(text: str) -> tuple[RampStep, ...]:
    """Steps as people write them: share:hours or share:hours:sessions, separated by commas.

    Raises:
        InputError: something else.

    >>> parse_ramp("0.5:24, 1:48")
    (RampStep(share=0.5, wait_h=24.0, sessions=0), RampStep(share=1.0, wait_h=48.0, sessions=0))
    >>> parse_ramp("1:48:5000")[0].sessions
    5000
    """
    steps = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        share, _, rest = part.partition(":")
        wait_h, _, sessions = rest.partition(":")
        try:
            steps.append(RampStep(float(share), float(wait_h), int(sessions or 0)))
        except ValueError:
            raise InputError(
                f"'{part}' is not a step of a ramp.",
                hint="Write share:hours, such as 0.5:24,1:48 for half of the sessions after a day "
                "and all of them two days later; 0.5:24:5000 also waits for 5,000 sessions.",
            ) from None
    return tuple(steps)


def describe_ramp(text: str) -> str:
    """A stored ramp in words; empty without a step.

    >>> describe_ramp("[[0.5, 24.0], [1.0, 48.0]]")
    '50 % after 24 h, 100 % after another 48 h'
    """
    words = [
        f"{100 * step.share:g} % after {'another ' if position else ''}{step.wait_h:g} h"
        + (f" and {step.sessions:,} sessions" if step.sessions else "")
        for position, step in enumerate(ramp_steps(text))
    ]
    return ", ".join(words)


def _stored(step: RampStep) -> list[float | int]:
    """A step as it is stored; without sessions as before there were any, so that hashes hold."""
    stored: list[float | int] = [float(step.share), float(step.wait_h)]
    return [*stored, int(step.sessions)] if step.sessions else stored
