"""Trade-off: a policy against another one, for the shop and for its customers."""

import math
from dataclasses import dataclass
from typing import Final

from phantom_core.accounts.permissions import needs_no_permission
from phantom_core.market.figures import TrialFigure
from phantom_core.market.trial import PolicyResult

UNKNOWN: Final = TrialFigure(None, None, None)
_WIDTH_SD: Final = 2 * 1.96


@dataclass(frozen=True, slots=True)
class TradeOff:
    """A policy against another one, on the same shoppers.

    Attributes:
        reward: money per episode more (or less).
        leakage, revenue: change as a share of the other policy's.
        human_price: change of the price that humans pay per unit, as a share of the other
            policy's.
        human_conversion: share of humans that buys, minus that of the other policy.
    """

    reward: TrialFigure
    leakage: TrialFigure
    revenue: TrialFigure
    human_price: TrialFigure
    human_conversion: TrialFigure


@needs_no_permission
def trade_off(result: PolicyResult, other: PolicyResult, reward: TrialFigure) -> TradeOff:
    """Compare two policies.

    Args:
        result: the policy.
        other: what it is compared with.
        reward: paired difference of reward.
    """
    return TradeOff(
        reward=reward,
        leakage=relative_change(result.leakage, other.leakage),
        revenue=relative_change(result.revenue, other.revenue),
        human_price=relative_change(
            _plus_one(result.human_premium), _plus_one(other.human_premium)
        ),
        human_conversion=_difference(result.human_conversion, other.human_conversion),
    )


@needs_no_permission
def relative_change(new: TrialFigure, old: TrialFigure) -> TrialFigure:
    """New over old, minus one.

    The interval treats the figures as independent; those of the same shoppers correlate, so it is
    conservative.

    >>> relative_change(TrialFigure(50.0, 50.0, 50.0), TrialFigure(100.0, 100.0, 100.0)).value
    -0.5
    >>> relative_change(TrialFigure(1.0, 0.9, 1.1), TrialFigure(0.0, 0.0, 0.0)).value is None
    True
    """
    if new.value is None or old.value is None or old.value <= 0 or new.value < 0:
        return UNKNOWN
    change = new.value / old.value - 1.0
    if new.value == 0:
        return TrialFigure(change, change, change)
    wide = math.exp(1.96 * math.hypot(_error(new) / new.value, _error(old) / old.value))
    return TrialFigure(change, (change + 1.0) / wide - 1.0, (change + 1.0) * wide - 1.0)


def _difference(new: TrialFigure, old: TrialFigure) -> TrialFigure:
    if new.value is None or old.value is None:
        return UNKNOWN
    change, wide = new.value - old.value, 1.96 * math.hypot(_error(new), _error(old))
    return TrialFigure(change, change - wide, change + wide)


def _plus_one(figure: TrialFigure) -> TrialFigure:
    return TrialFigure(
        *(
            None if value is None else value + 1.0
            for value in (figure.value, figure.low, figure.high)
        )
    )


def _error(figure: TrialFigure) -> float:
    """Standard error."""
    return (
        0.0 if figure.low is None or figure.high is None else (figure.high - figure.low) / _WIDTH_SD
    )
