"""A generated price experiment: sessions of humans and agents in two arms."""

import numpy as np

from phantom_core.experiments.exposures import Exposed, Exposures


def exposed(
    rng: np.random.Generator,
    n: int,
    *,
    lift: float = 0.0,
    human_lift: float | None = None,
    share: float = 0.5,
    rate: float = 0.2,
    agents: float = 0.3,
    spend: float = 0.5,
) -> Exposed:
    """Sessions in the order of arrival.

    Args:
        rng: draws them.
        n: how many.
        lift: relative change of how many buy in the new arm, agents and humans alike.
        human_lift: of humans alone; None for the same.
        share: of the new arm.
        rate: of sessions that buy in the first arm.
        agents: share of agents; they buy half as often.
        spend: spread of what is spent, of its logarithm.
    """
    arm = (rng.random(n) < share).astype(np.int64)
    is_agent = rng.random(n) < agents
    wanted = np.where(is_agent, lift, lift if human_lift is None else human_lift)
    bought = (rng.random(n) < rate * np.where(is_agent, 0.5, 1.0) * (1 + arm * wanted)).astype(
        np.float64
    )
    revenue = bought * rng.lognormal(4.0, spend, n)
    p_agent = np.clip(is_agent * 0.6 + rng.random(n) * 0.4, 0, 1)
    return Exposed(Exposures.plain(arm, np.arange(n) * 1_000, p_agent, bought, revenue), 0, 0)
