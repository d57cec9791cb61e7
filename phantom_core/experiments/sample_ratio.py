"""Sample ratio: whether the arms get the sessions that were planned, checked at every moment.

Source: Lindon and Malek 2022, Anytime-valid inference for multinomial count data, NeurIPS: the
Bayes factor of a Dirichlet alternative against the planned shares is a martingale under them, so
it ever exceeds 1 / p with a probability of at most p (Ville 1939). A chi-squared test looked at
every hour would not hold that.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy import special

from phantom_core.core.arrays import Ints

# How many sessions the alternative is worth: it is centred on the planned shares.
CONCENTRATION: Final = 100.0


def sample_ratio_p(arm: Ints, shares: Sequence[float]) -> float:
    """Sequential p-value of the planned shares: the lowest there ever was; 1 without sessions.

    Args:
        arm: of each session, in the order of arrival.
        shares: planned, of each arm.

    >>> round(sample_ratio_p(np.array([0, 1] * 500), (0.5, 0.5)), 6)
    1.0
    >>> sample_ratio_p(np.array([0, 0, 1] * 500), (0.5, 0.5)) < 1e-9
    True
    """
    if not arm.size:
        return 1.0
    planned = np.asarray(shares, np.float64)
    counts = np.cumsum(arm[:, None] == np.arange(planned.size), axis=0)
    prior = CONCENTRATION * planned
    n = np.arange(1, arm.size + 1)
    log_factor = (
        special.gammaln(CONCENTRATION)
        - special.gammaln(CONCENTRATION + n)
        + (special.gammaln(prior + counts) - special.gammaln(prior)).sum(axis=1)
        - counts @ np.log(planned)
    )
    return float(np.exp(-max(0.0, float(log_factor.max()))))
