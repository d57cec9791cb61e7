"""Constraints: what a pricing manager asks of learned rules."""

from dataclasses import dataclass

from phantom_core.core.errors import InputError
from phantom_core.core.limits import GuardRails

DEEPEST = 5


@dataclass(frozen=True, slots=True)
class PolicyConstraints:
    """What learned rules must keep, on actors they did not learn from.

    Attributes:
        leakage_cut: least share of the leakage at base prices to recover, from 0 to below 1.
        human_conversion_loss: most purchases by humans to lose, as a share of those at base prices.
        human_premium: most that humans may be quoted above the base price on average, as a share.
        depth: most conditions on a path, from 1 to 5.
        most_rules: with another mark-up than ELSE, at least 1; the one for shoppers without
            P(agent) does not count.
        fewest_quotes: products in carts behind each rule, at least 1.
        lowest_markup, highest_markup: between which every mark-up lies.
        banned: features that must not change a price.
        agent_share: lowest and highest share of agents among shoppers for which revenue is
            maximised in the worst case; None takes the share that was recorded.
    Raises:
        InputError: one that cannot be kept by any rules.
    """

    leakage_cut: float = 0.3
    human_conversion_loss: float = 0.01
    human_premium: float = 0.05
    depth: int = DEEPEST
    most_rules: int = 12
    fewest_quotes: int = 50
    lowest_markup: float = 0.9
    highest_markup: float = 1.1
    banned: tuple[str, ...] = ()
    agent_share: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        GuardRails(self.lowest_markup, self.highest_markup)
        if not (0 <= self.leakage_cut < 1 and 0 <= self.human_conversion_loss < 1):
            raise InputError(
                f"Recovering {self.leakage_cut:.0%} of the leakage for "
                f"{self.human_conversion_loss:.0%} of human purchases is not possible.",
                hint="Give shares from 0 to below 1.",
            )
        if not (1 <= self.depth <= DEEPEST and self.most_rules >= 1 and self.fewest_quotes >= 1):
            raise InputError(
                f"{self.most_rules} rules of depth {self.depth} with {self.fewest_quotes} quotes "
                "each cannot be learned.",
                hint=f"Use a depth from 1 to {DEEPEST}, at least 1 rule and 1 quote.",
            )
        if not self.lowest_markup <= 1 <= self.highest_markup:
            raise InputError(
                f"Mark-ups from ×{self.lowest_markup:g} to ×{self.highest_markup:g} leave out the "
                "base price.",
                hint="The lowest is up to 1, the highest from 1.",
            )
        if self.agent_share and not 0 < self.agent_share[0] <= self.agent_share[1] < 1:
            raise InputError(
                f"Agents cannot be from {self.agent_share[0]:g} to {self.agent_share[1]:g} of the "
                "shoppers.",
                hint="Give two shares above 0 and below 1, the lower one first.",
            )
