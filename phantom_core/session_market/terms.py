"""Market terms: how shoppers of the session market react to prices, and what leaks."""

from dataclasses import dataclass, field, replace
from typing import Final

from phantom_core.core.arrays import Floats
from phantom_core.core.leakage_terms import USUAL_TERMS, LeakageTerms
from phantom_core.shoppers.families import (
    AGENT_SENSITIVITY,
    FAMILIES,
    HUMAN_SENSITIVITY,
    Family,
)


@dataclass(frozen=True, slots=True)
class MarketTerms:
    """Money of a session market.

    Attributes:
        leakage: reference price and weight of leakage.
        human_sensitivity, agent_sensitivity: exponents of the demand curves.
        agent_share: share of agents among the sessions; None for that of the generated families.
        calibrated_from: what they were measured on, one phrase; empty for an invented market.
    """

    leakage: LeakageTerms = field(default_factory=LeakageTerms)
    human_sensitivity: float = HUMAN_SENSITIVITY
    agent_sensitivity: float = AGENT_SENSITIVITY
    agent_share: float | None = None
    calibrated_from: str = ""

    @property
    def says(self) -> str:
        """Whose market it is, one sentence."""
        if not self.calibrated_from:
            return (
                "An invented market: shoppers, price sensitivities and products are PHANTOM's own, "
                "not this shop's."
            )
        share = "" if self.agent_share is None else f", {self.agent_share:.0%} agents"
        return (
            f"Calibrated from {self.calibrated_from}: price sensitivity of humans "
            f"{self.human_sensitivity:.1f} and of agents {self.agent_sensitivity:.1f}{share}. How "
            "shoppers move, and the products, are PHANTOM's own."
        )

    @property
    def families(self) -> tuple[Family, ...]:
        """Kinds of shoppers, in the proportion of humans and agents."""
        if self.agent_share is None:
            return FAMILIES
        usual = sum(family.share for family in FAMILIES if family.is_agent)
        scale = {True: self.agent_share / usual, False: (1 - self.agent_share) / (1 - usual)}
        return tuple(
            replace(family, share=family.share * scale[family.is_agent]) for family in FAMILIES
        )

    def short(self, ratio: Floats) -> Floats:
        """Leakage of an agent's purchase at a price over base price, in units of the base price."""
        gap = self.leakage.reference_ratio - ratio
        return gap * (gap > 0)


INVENTED: Final = MarketTerms(USUAL_TERMS)
