"""Leakage terms: below which price an agent's purchase leaks, and what that costs.

Settings hold them (`PHANTOM_REFERENCE_RATIO`, `PHANTOM_LEAKAGE_WEIGHT`); a use case passes them on.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class LeakageTerms:
    """How money that agents do not pay is counted.

    Attributes:
        reference_ratio: price over base price below which an agent's purchase leaks.
        leakage_weight: cost of a unit of leakage (λ).
    """

    reference_ratio: float = 1.2
    leakage_weight: float = 0.5


USUAL_TERMS: Final = LeakageTerms()
