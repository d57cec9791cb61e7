"""Mark-up: what a teacher adds to the base price, and the bands of the first deployment."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.core.leakage_terms import USUAL_TERMS, LeakageTerms
from phantom_core.core.limits import GuardRails

PER_AGENT: Final = 0.5
PER_PURCHASE: Final = 0.3
# P(agent) above 0.4 and above 0.7, as mark-ups.
BAND_EDGES: Final = (1 + PER_AGENT * 0.4, 1 + PER_AGENT * 0.7)


def teacher_markup(
    agent_probability: Floats, guard_rails: GuardRails, purchase_probability: Floats | None = None
) -> Floats:
    """Mark up likely agents, and discount likely buyers.

    Args:
        agent_probability: shape (n_rows,).
        guard_rails: in force.
        purchase_probability: shape (n_rows,); None leaves it out.
    Returns:
        Price over base price, within the guard rails, shape (n_rows,).

    >>> teacher_markup(np.array([0.0, 1.0]), GuardRails(0.7, 1.5), np.array([1.0, 0.0])).tolist()
    [0.7, 1.5]
    """
    discount = 0.0 if purchase_probability is None else PER_PURCHASE * purchase_probability
    return guard_rails.clamp_all(1 + PER_AGENT * agent_probability - discount)


def band_markup(markup_ratio: Floats) -> NDArray[np.int64]:
    """Band of each mark-up: 0 for ×1.0, 1 for ×1.1, 2 for ×1.3.

    >>> band_markup(np.array([1.2, 1.21, 1.35, 1.36])).tolist()
    [0, 1, 1, 2]
    """
    return np.digitize(markup_ratio, BAND_EDGES, right=True)


def recovered_leakage(markup_ratio: Floats, terms: LeakageTerms = USUAL_TERMS) -> Floats:
    """Leakage recovered by a mark-up, as a share of the base price.

    It is leakage at the base price minus leakage at the marked-up one.

    >>> recovered_leakage(np.array([0.9, 1.0, 1.1, 1.5])).round(2).tolist()
    [-0.1, 0.0, 0.1, 0.2]
    """
    reference = terms.reference_ratio
    recovered: Floats = np.maximum(0, reference - 1) - np.maximum(0, reference - markup_ratio)
    return recovered
