"""A decision to start from."""

import uuid
from dataclasses import replace

from phantom_core.events.decision import PriceDecision

NOON_MS = 1_772_366_400_000


def decision(**changes: object) -> PriceDecision:
    """A price by a rule, with whatever a test changes."""
    usual = PriceDecision(
        decision_id=uuid.uuid4().hex,
        decided_ms=NOON_MS,
        session_id="s1",
        experiment_id=None,
        store_mode="hotel",
        product_id="room",
        price=110.0,
        base_price=100.0,
        propensity=None,
        source="rules",
        reason=None,
        rule_id="rule 1",
        rules_version="bands-1",
        epoch=3,
        price_experiment=None,
        variant=None,
        classifier_version="c1",
        network_version=None,
        agent_probability=0.6,
        purchase_probability=None,
        features={"item_views": 3.0, "browser_family": "Chrome", "min_price_seen": None},
    )
    return replace(usual, **changes)
