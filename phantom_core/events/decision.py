"""Price decision: one price that the pricing service returned, and everything that led to it."""

from dataclasses import dataclass, field
from typing import Literal

Source = Literal[
    "kill_switch", "session_price", "experiment", "rules", "model", "global_price", "base_price"
]


@dataclass(frozen=True, slots=True)
class PriceDecision:
    """A price and why; None where something does not apply.

    Attributes:
        decision_id: 32 hexadecimal digits; the lower 64 bits are the row's event_id.
        decided_ms: UTC milliseconds.
        session_id: session of the request; None for an anonymous one.
        experiment_id: as the client sent it.
        store_mode, product_id: what was priced.
        price, base_price: currency.
        propensity: probability with which this session is shown this price; None where
            nothing was left to chance.
        source: what set the price.
        reason: why it fell back, a code of docs/pricing.md; None without a fallback.
        rule_id, rules_version: the rule that decided, and its rule set.
        epoch: of the live pointer; 0 where nothing is live.
        price_experiment, variant: arm of a running price experiment.
        classifier_version, network_version: models that were used.
        agent_probability, purchase_probability: their predictions, the second at this price.
        features: of the session at that moment.
        log_share: share of the sessions whose decisions are stored.
        decide_ms: time that the decision took, milliseconds; None where it was not measured.
    """

    decision_id: str
    decided_ms: int
    session_id: str | None
    experiment_id: str | None
    store_mode: str
    product_id: str
    price: float
    base_price: float
    propensity: float | None
    source: Source
    reason: str | None
    rule_id: str | None
    rules_version: str | None
    epoch: int
    price_experiment: str | None
    variant: str | None
    classifier_version: str | None
    network_version: str | None
    agent_probability: float | None
    purchase_probability: float | None
    features: dict[str, float | str | None] | None = field(repr=False)
    log_share: float = 1.0
    decide_ms: float | None = None
