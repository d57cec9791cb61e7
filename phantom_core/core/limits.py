"""Price limits: the bounds that an administrator sets on prices and on changes of prices.

The control database stores them (`approvals.limits.read_price_limits`); a use case reads them once
and passes them on.
"""

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final, Literal

from phantom_core.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GuardRail = Literal["lowest", "highest"]
# Two mark-ups that differ by less than this are the same one.
TOLERANCE: Final = 1e-9
LONGEST_REVIEW_HOURS: Final = 168.0
_CENTS: Final = 100


@dataclass(frozen=True, slots=True)
class GuardRails:
    """The mark-ups between which every price lies.

    Attributes:
        lowest_markup, highest_markup: price over base price.
    Raises:
        InputError: no price lies between them.
    """

    lowest_markup: float
    highest_markup: float

    def __post_init__(self) -> None:
        if not 0 < self.lowest_markup <= self.highest_markup <= 10:
            raise InputError(
                f"No price lies within guard rails of ×{self.lowest_markup:g} to "
                f"×{self.highest_markup:g}.",
                hint="The lowest is above 0 and not above the highest, which is up to 10.",
            )

    def __str__(self) -> str:
        """As part of a sentence.

        >>> str(GuardRails(0.7, 1.5))
        '×0.70 to ×1.50'
        """
        return f"×{self.lowest_markup:.2f} to ×{self.highest_markup:.2f}"

    def contains(self, markup_ratio: float) -> bool:
        """Whether a mark-up is within them.

        >>> GuardRails(0.7, 1.5).contains(1.5), GuardRails(0.7, 1.5).contains(1.6)
        (True, False)
        """
        return self.lowest_markup - TOLERANCE <= markup_ratio <= self.highest_markup + TOLERANCE

    def around_base(self) -> "GuardRails":
        """The same, and wide enough for the base price itself.

        >>> str(GuardRails(1.2, 1.5).around_base())
        '×1.00 to ×1.50'
        """
        return GuardRails(min(self.lowest_markup, 1.0), max(self.highest_markup, 1.0))

    def clamp(self, markup_ratio: float) -> float:
        """The nearest mark-up within them.

        >>> GuardRails(0.7, 1.5).clamp(1.6)
        1.5
        """
        return min(max(markup_ratio, self.lowest_markup), self.highest_markup)

    def clamp_all(self, markup_ratios: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """The nearest mark-ups within them, of the same shape; NaN stays NaN."""
        return markup_ratios.clip(self.lowest_markup, self.highest_markup)

    def clamp_price(self, price: float, base_price: float) -> tuple[float, GuardRail | None]:
        """A price in whole cents within them, and the guard rail that moved it.

        Args:
            price: currency.
            base_price: currency.
        Returns:
            Where no cent lies between the guard rails, the nearer one itself.

        >>> GuardRails(0.7, 1.5).clamp_price(112.3456, 100.0)
        (112.35, None)
        >>> GuardRails(0.7, 1.5).clamp_price(200.0, 100.0)
        (150.0, 'highest')
        """
        lowest, highest = base_price * self.lowest_markup, base_price * self.highest_markup
        moved_by: GuardRail | None = (
            "lowest" if price < lowest else "highest" if price > highest else None
        )
        cents = round(price, 2)
        if lowest <= cents <= highest:
            return cents, moved_by
        least, most = math.ceil(lowest * _CENTS - 1e-9), math.floor(highest * _CENTS + 1e-9)
        if least > most:
            return min(max(price, lowest), highest), moved_by
        return (least if cents < lowest else most) / _CENTS, moved_by


@dataclass(frozen=True, slots=True)
class PriceLimits:
    """Guard rails, and the limits of a change of prices.

    Attributes:
        lowest_markup, highest_markup: guard rails of every price, over base price.
        largest_step: a quote may move by this much of the base price against what is live.
        human_premium_cap: humans may pay this much more on average, over the base price.
        first_markup, first_share: highest mark-up and share of sessions of the first release.
        approvals_needed: how many people other than the author must approve a change.
        review_hours: within which another person reviews an emergency publication.
        base_price_step: a load may change a base price by this much of it on its own.
        base_price_day_step: the same within a day, over all loads.
        base_price_level: all base prices together may change by this much within a day, the mean
            of their relative changes.
        base_price_month_step, base_price_month_level: the same within 30 days, so that small
            changes do not add up over days.
    Raises:
        InputError: a value is impossible.
    """

    lowest_markup: float
    highest_markup: float
    largest_step: float
    human_premium_cap: float
    first_markup: float
    first_share: float
    approvals_needed: int
    review_hours: float = 24.0
    base_price_step: float = 0.2
    base_price_day_step: float = 0.3
    base_price_level: float = 0.05
    base_price_month_step: float = 0.5
    base_price_month_level: float = 0.15

    def __post_init__(self) -> None:
        if not self.guard_rails.contains(1.0):
            raise InputError(
                f"Guard rails of {self.guard_rails} leave out the base price.",
                hint="The lowest is up to 1, the highest from 1 to 10.",
            )
        if not 0 < self.first_share <= 1:
            raise InputError(
                f"A first release cannot have {self.first_share:g} of the sessions.",
                hint="Give a share above 0 and up to 1.",
            )
        if self.approvals_needed < 1:
            raise InputError(
                f"A change cannot need {self.approvals_needed} approvals.",
                hint="Give a whole number from 1: at least one other person approves.",
            )
        if not 0 < self.review_hours <= LONGEST_REVIEW_HOURS:
            raise InputError(
                f"An emergency cannot be reviewed within {self.review_hours:g} hours.",
                hint=f"Give a number above 0 and up to {LONGEST_REVIEW_HOURS:g}.",
            )
        if not (self.largest_step > 0 and self.first_markup > 0 and self.human_premium_cap >= 0):
            raise InputError(
                "A limit cannot be negative.",
                hint="Steps and mark-ups are above 0, the premium's cap is 0 or more.",
            )
        base_price_bounds = (
            self.base_price_step,
            self.base_price_day_step,
            self.base_price_level,
            self.base_price_month_step,
            self.base_price_month_level,
        )
        if not all(0 <= bound < 1 for bound in base_price_bounds):
            raise InputError(
                "A bound on changes of base prices is impossible.",
                hint="Give shares of the price, from 0 to below 1.",
            )

    @property
    def guard_rails(self) -> GuardRails:
        """The mark-ups between which every price lies."""
        return GuardRails(self.lowest_markup, self.highest_markup)


NAMES: Final = tuple(one.name for one in fields(PriceLimits))
