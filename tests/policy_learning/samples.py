"""Quotes by hand-made shoppers, whose agents are price-sensitive, and rules learned from none."""

import numpy as np

from phantom_core.core.estimate import Estimate
from phantom_core.distil.tree import Leaf, SplitNode
from phantom_core.policy_learning.constraints import PolicyConstraints
from phantom_core.policy_learning.demand_curves import DemandCurves
from phantom_core.policy_learning.frontier import PolicyFrontier, ReachedPoint
from phantom_core.policy_learning.learned_policy import (
    ComparedPolicy,
    LearnedFrom,
    LearnedPolicy,
)
from phantom_core.policy_learning.policy_figures import Changes, PolicyFigures
from phantom_core.policy_learning.quote_sample import QuoteSample
from phantom_core.policy_learning.sweep import ExchangeRates
from phantom_core.policy_learning.target import Target
from phantom_core.rules.condition import Condition

TRUE = DemandCurves(2.0, 0.0, 5.0, 0.0)
ARMS = np.array([0.7, 0.85, 1.0, 1.2, 1.4])
PROPENSITY = np.array([0.2, 0.2, 0.3, 0.15, 0.15])


def drawn_sample(
    n: int, seed: int, curves: DemandCurves = TRUE, *, is_logged: bool = True
) -> QuoteSample:
    """Products in carts at randomised prices, four to an actor."""
    rng = np.random.default_rng(seed)
    actor = np.arange(n) // 4
    is_agent = (rng.random(n // 4 + 1) < 0.5)[actor].astype(np.float64)
    arm = rng.choice(ARMS.size, n, p=PROPENSITY)
    ratio = ARMS[arm]
    buys = np.where(is_agent > 0, curves.agent(ratio), curves.human(ratio))
    columns = {
        "p_agent": np.clip(0.25 + 0.5 * is_agent + 0.2 * rng.standard_normal(n), 0, 1),
        "total_interactions": rng.integers(1, 30, n).astype(np.float64),
        "avg_time_between_events": np.where(
            rng.random(n) < 0.1, np.nan, 2 + 6 * (1 - is_agent) + rng.gamma(2, 2, n)
        ),
    }
    return QuoteSample(
        columns=columns,
        p_agent=is_agent,
        base_price=np.exp(rng.normal(4, 0.5, n)).round(2),
        in_cart=np.ones(n, np.bool_),
        bought=rng.random(n) < buys,
        ratio=ratio,
        propensity=PROPENSITY[arm] if is_logged else np.full(n, np.nan),
        actor=actor,
        source="log",
    )


def changes(revenue: float, leakage: float) -> Changes:
    """Changes with intervals of a point each side."""
    return Changes(*(Estimate(one, one - 0.01, one + 0.01) for one in (revenue, leakage, -0.002)))


def figures(revenue: float, leakage: float) -> PolicyFigures:
    """Figures by curves and doubly robust."""
    found = changes(revenue, leakage)
    return PolicyFigures(found, found, Estimate(0.01, 0.0, 0.02), 0.3)


def learned_sample(version: str = "20260301-000000-abcdef") -> LearnedPolicy:
    """Learned rules with one split."""
    high, low = Condition("p_agent", ">", 0.5), Condition("p_agent", "<=", 0.5, True)
    return LearnedPolicy(
        version=version,
        created_ms=1_772_452_800_000,
        constraints=PolicyConstraints(agent_share=(0.2, 0.6)),
        rates=ExchangeRates(1.6, 0.1),
        tree=SplitNode(high, low, Leaf(1.1, 40, 30), Leaf(1.0, 60, 5)),
        figures=figures(-0.035, -0.33),
        learned_from=LearnedFrom(
            "log", 3, "c1", 100, 50, 40, 1.0, Estimate(2, 1, 3), Estimate(5, 4, 6), 0.5, 1
        ),
        compared=(ComparedPolicy("none", "Base price", figures(0.0, 0.0), changes(-0.03, -0.3)),),
    )


RULES = "MARKUP RISES WITH p_agent\nIF p_agent > 0.5 THEN markup 1.10\nELSE markup 1.00\n"


def frontier_sample(version: str = "20260301-000000-abcdef") -> PolicyFrontier:
    """A frontier with a point of each kind, and a second learned one."""
    learned = learned_sample()
    return PolicyFrontier(
        version=version,
        created_ms=learned.created_ms,
        constraints=learned.constraints,
        target=Target(),
        points=(
            ReachedPoint(
                "learned", "lambda-1", "Learned rules, λ = 1", 1.0, figures(0.01, 0.05), RULES
            ),
            ReachedPoint(
                "learned",
                "lambda-1.6",
                "Learned rules, λ = 1.6",
                1.6,
                figures(-0.035, -0.33),
                RULES,
            ),
            ReachedPoint("known classes", "known-0.76", "Agents ×0.76", 0.0, figures(0.087, 2.54)),
            ReachedPoint(
                "known classes", "known-1.05", "Agents ×1.05", 1.6, figures(-0.027, -0.31)
            ),
            ReachedPoint("other", "none", "Base price", None, figures(0.0, 0.0)),
        ),
        learned_from=learned.learned_from,
    )
