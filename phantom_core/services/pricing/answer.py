"""Answers: the responses of the pricing API, as its OpenAPI document describes them."""

from collections.abc import Mapping
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from phantom_core.core.limits import GuardRail
from phantom_core.events.decision import PriceDecision, Source
from phantom_core.model_kinds.model_kind import MODEL_KINDS
from phantom_core.services.pricing.decision import PriceResult, Reason

_PERSONALISED: Final[Mapping[Source, str]] = {
    "session_price": "This price was set for your visit alone.",
    "rules": "Automated rules set this price, from how this visit went so far.",
    "model": "An automated model set this price, from how this visit went so far.",
}
_NOT_PERSONALISED: Final[Mapping[Source, str]] = {
    "experiment": "This price is part of a price test, whose prices are assigned at random.",
}
_SAME_FOR_ALL: Final = "Every shopper is offered this price at this moment."


class PriceAnswer(BaseModel):
    """A price."""

    productId: str  # noqa: N815 - the contract's name
    price: float = Field(description="Price to show to the shopper, in the shop's currency.")
    base_price: float
    markup: float = Field(description="price / base_price")
    elasticity: float | None = Field(
        description="Of purchases to price; null where it was not estimated."
    )
    model_version: str = Field(
        description="Model used: the network for a model's price, else the classifier; empty "
        "without any."
    )
    classifier_version: str | None
    network_version: str | None
    agent_probability: float | None = Field(
        description="P(agent) of the session; null without features or without a classifier."
    )
    purchase_probability: float | None = Field(
        description="P(purchase) at this price; null without features or without a network."
    )
    rule_id: str | None = Field(
        description="Rule that decided: its name or number, ELSE where none matched."
    )
    rules_version: str | None
    decision_id: str = Field(description="Finds this price in the decision log.")
    variant: str | None = Field(description="Arm of a running price experiment.")
    source: Source = Field(description="What set the price.")
    reason: Reason | None = Field(
        description="Why it fell back to the base price, or to rules instead of the model."
    )
    guard_rail: GuardRail | None = Field(description="Guard rail that moved the price.")
    personalised: bool = Field(
        description="Whether automated decision-making set the price from data about this session; "
        "the shopper is then told so before the contract (Directive 2011/83/EU, Article "
        "6(1)(ea))."
    )
    personalised_reason: str = Field(description="Why, or why not; a sentence for the shopper.")


class AgentAnswer(BaseModel):
    """What is known about a session."""

    sessionId: str  # noqa: N815 - the contract's name
    agent_probability: float | None
    is_agent: bool | None = Field(
        description="Whether the probability reaches the classifier's threshold; null where "
        "unknown."
    )
    threshold: float | None
    model_version: str = Field(description="Empty without a classifier.")
    reason: Reason | None = Field(description="Why there is no probability.")


class ModelAnswer(BaseModel):
    """A model in use."""

    kind: str = Field(json_schema_extra={"enum": list(MODEL_KINDS.names())})
    version: str


class ModelsAnswer(BaseModel):
    """Everything published that prices depend on, as this service has loaded it; each model also
    under the name of its kind, as the first storefronts read it.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, ModelAnswer] = Field(init=False)

    models: list[ModelAnswer]
    rules_version: str = Field(description="Rules of the canary; empty where none are live.")
    stable_version: str = Field(
        description="Rules of all other sessions; empty for the base price."
    )
    share: float
    policy: Literal["rules", "model"]
    epoch: int
    is_killed: bool
    experiments: list[str]
    prices_version: str
    elasticities_version: str
    problems: dict[str, str] = Field(description="What cannot be used, and why.")


class ReloadAnswer(ModelsAnswer):
    """What is in use after everything was reloaded."""

    success: bool
    elasticity_loaded: bool = Field(description="Whether elasticities are in use.")
    pricing_model_loaded: bool = Field(
        description="Whether prices follow something learned: global prices, rules or a model."
    )
    n_products: int = Field(description="Products that can be priced.")
    model_class: str = Field(description="What is learned and in use, in words; empty for nothing.")


class KillRequest(BaseModel):
    """Why every session shall pay the base price."""

    why: str = Field(min_length=1, max_length=500, description="Kept in the kill file.")


class HealthAnswer(BaseModel):
    """Whether the service is fully working."""

    status: Literal["healthy", "degraded"]
    redis: bool = Field(description="Whether Redis answers.")
    products: int
    catalogue_version: int = Field(description="Number of the approved catalogue; 0 without one.")
    catalogue_held: int = Field(
        description="Changes of base prices that wait for a second person; the approved prices "
        "are served."
    )
    epoch: int
    published_read_s: float | None = Field(
        description="Seconds since everything published was last read; null before the first read."
    )
    log: Literal["ok", "failing", "off"] = Field(description="Whether decisions can be logged.")
    decisions_dropped: int
    problems: dict[str, str]
    killed_by: list[str] = Field(
        description="Ways in which the kill switch is on; empty while it is off."
    )
    statement_age_s: float | None = Field(
        description="Seconds since the control side last confirmed what is live; null before it "
        "ever did."
    )
    refused: dict[str, int] = Field(
        description="How often content of Redis was not followed since the start, by kind."
    )
    thread_restarts: int = Field(
        description="How often background work was begun again after an error."
    )


def price_answer(
    decision: PriceDecision, priced: PriceResult, elasticity: float | None
) -> dict[str, object]:
    """A decision as the client receives it; the fields of PriceAnswer."""
    return {
        "productId": decision.product_id,
        "price": decision.price,
        "base_price": decision.base_price,
        "markup": round(decision.price / decision.base_price, 6),
        "elasticity": elasticity,
        "model_version": (decision.network_version or "")
        if priced.source == "model"
        else decision.classifier_version or decision.network_version or "",
        "classifier_version": decision.classifier_version,
        "network_version": decision.network_version,
        "agent_probability": decision.agent_probability,
        "purchase_probability": decision.purchase_probability,
        "rule_id": decision.rule_id,
        "rules_version": decision.rules_version,
        "decision_id": decision.decision_id,
        "variant": decision.variant,
        "source": decision.source,
        "reason": decision.reason,
        "guard_rail": priced.guard_rail,
        "personalised": decision.source in _PERSONALISED,
        "personalised_reason": _PERSONALISED.get(decision.source)
        or _NOT_PERSONALISED.get(decision.source, _SAME_FOR_ALL),
    }
