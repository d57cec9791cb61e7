"""Episodes: many shops that run under one policy from opening to horizon, and their records."""

from dataclasses import dataclass

import numpy as np

from phantom_core.core.arrays import Floats
from phantom_core.core.progress import Progress
from phantom_core.market.policy import Policy
from phantom_core.market.scenario import Scenario
from phantom_core.market.shops import Shops
from phantom_core.market.traffic import AGENT, HUMAN, ShopperScorer


@dataclass(frozen=True, slots=True, eq=False)
class Episodes:
    """Records of shops under one policy, arrays by hour and shop, shape (horizon_h, n_shops),
    unless stated otherwise.

    Attributes:
        ratio: mean price over products, in units of the base price; NaN once sold out.
        stock: units left at the end of the hour.
        revenue, leakage: money of the hour.
        humans, agents: arrivals.
        human_units, agent_units: units sold.
        human_excess: sum over units sold to humans of price / base price − 1.
        sell_out_h: hours until sold out; the horizon for shops that did not, shape (n_shops,).
    """

    ratio: Floats
    stock: Floats
    revenue: Floats
    leakage: Floats
    humans: Floats
    agents: Floats
    human_units: Floats
    agent_units: Floats
    human_excess: Floats
    sell_out_h: Floats

    def reward(self, leakage_weight: float) -> Floats:
        """Reward of each episode, shape (n_shops,)."""
        return np.asarray((self.revenue - leakage_weight * self.leakage).sum(axis=0))

    def volatility(self) -> Floats:
        """Standard deviation of the hourly price change while open, shape (n_shops,); 0 with fewer
        than two changes.
        """
        change = np.diff(self.ratio, axis=0)
        known = np.isfinite(change)
        n = np.maximum(known.sum(axis=0), 1)
        filled = np.where(known, change, 0.0)
        mean = filled.sum(axis=0) / n
        return np.asarray(np.sqrt((np.where(known, change - mean, 0.0) ** 2).sum(axis=0) / n))


def play_episodes(
    scenario: Scenario,
    policy: Policy,
    n_shops: int,
    seed: int | np.random.SeedSequence,
    scorer: ShopperScorer,
    progress: Progress,
) -> Episodes:
    """Let a policy set the prices of many shops from opening to horizon.

    Sold-out shops keep their visitors, who find nothing: a human who arrives too late counts as
    one who did not buy.

    Args:
        scenario: the market.
        policy: sets the prices.
        n_shops: episodes.
        seed: the same seed brings the same shoppers to every policy.
        scorer: scores the visitors, for policies that read scores.
        progress: called every hour.
    """
    shops = Shops(scenario, n_shops, seed, scorer)
    names = (
        "ratio",
        "stock",
        "revenue",
        "leakage",
        "humans",
        "agents",
        "human_units",
        "agent_units",
        "human_excess",
    )
    records = {name: np.zeros((scenario.horizon_h, n_shops)) for name in names}
    open_before = shops.state.stock.any(axis=1)
    sell_out_h = np.where(open_before, scenario.horizon_h, 0).astype(np.float64)
    for h in range(scenario.horizon_h):
        hour = shops.step(policy.ratios(shops.state))
        units = hour.units.astype(np.float64)
        records["ratio"][h] = np.where(open_before, hour.ratio.mean(axis=1), np.nan)
        records["stock"][h] = shops.state.stock.sum(axis=1)
        records["revenue"][h], records["leakage"][h] = hour.revenue, hour.leakage
        records["humans"][h], records["agents"][h] = (
            hour.arrivals[:, HUMAN],
            hour.arrivals[:, AGENT],
        )
        records["human_units"][h], records["agent_units"][h] = (
            units[:, :, HUMAN].sum(axis=1),
            units[:, :, AGENT].sum(axis=1),
        )
        records["human_excess"][h] = (units[:, :, HUMAN] * (hour.ratio - 1.0)).sum(axis=1)
        sell_out_h[open_before & hour.sold_out] = h + 1
        open_before = ~hour.sold_out
        progress(
            (h + 1) / scenario.horizon_h, f"{policy.name}: hour {h + 1:,} of {scenario.horizon_h:,}"
        )
    return Episodes(**records, sell_out_h=sell_out_h)
