"""Domains: what rules may assume of each session feature, and of P(agent)."""

from collections.abc import Mapping
from typing import Final

from phantom_core.features.catalogue import CATEGORIES, FEATURES, Feature
from phantom_core.rules.domain import Domain, Kind

P_AGENT: Final = "p_agent"
_KINDS: Final[Mapping[str, Kind]] = {
    "count": "whole",
    "hour": "whole",
    "yes/no": "whole",
    "category": "category",
}


def session_domains() -> dict[str, Domain]:
    """Domain of each session feature and of p_agent, which is undefined without a classifier.

    A session that is quoted a price at its very first event has no features yet: at a quote, each
    of them may be undefined.
    """
    return {feature.name: _domain(feature) for feature in FEATURES} | {
        P_AGENT: Domain("number", 0.0, 1.0, True)
    }


def _domain(feature: Feature) -> Domain:
    kind = _KINDS.get(feature.unit, "number")
    unit = "" if feature.unit in ("ratio", "yes/no", "category") else feature.unit
    return Domain(kind, feature.low, feature.high, True, CATEGORIES.get(feature.name, ()), unit)
