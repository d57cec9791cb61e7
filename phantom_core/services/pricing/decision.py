"""The price decision: one price for one request, from published state and session state; no input
or output of its own.

Order: kill switch, price of the session where people approved such prices, arm of a running
experiment, live rules or the model's price, approved global price, base price. Where this order
needs something that is missing, the decision is the base price with the reason. Every price is
clipped to the guard rails, but that of the kill switch, which is the base price itself.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from phantom_core.core.errors import PhantomError
from phantom_core.core.limits import GuardRail
from phantom_core.core.telemetry.metrics import count_error
from phantom_core.events.decision import PriceDecision, Source
from phantom_core.model_kinds.classifier import CLASSIFIER
from phantom_core.model_kinds.multitask import NETWORK
from phantom_core.models.optimal_price import PricingObjective
from phantom_core.publishing.live import NOTHING_LIVE
from phantom_core.services.pricing.options import Option, Options, options_of
from phantom_core.services.pricing.product import PricedProduct
from phantom_core.services.pricing.published_state import PublishedState, Ready
from phantom_core.services.pricing.scores import SERVICE, ModelScores

Reason = Literal[
    "redis_down",
    "redis_slow",
    "bad_session_data",
    "no_session",
    "no_features",
    "late_features",
    "rules_missing",
    "rules_broken",
    "model_missing",
    "model_broken",
]
_HALF_A_CENT: Final = 0.005
# Seeded by the system once: ids need not be secret, and system randomness takes longer than the
# rules.
_IDS: Final = random.Random()


@dataclass(frozen=True, slots=True)
class PriceRequest:
    """A request for a price.

    Attributes:
        store_mode: hotel, airline or shop.
        product: requested product.
        session_id, experiment_id: as the client sent them.
        asked_ms: UTC milliseconds.
    """

    store_mode: str
    product: PricedProduct
    session_id: str | None
    experiment_id: str | None
    asked_ms: int


@dataclass(frozen=True, slots=True)
class SessionState:
    """What is session about a session.

    Attributes:
        price: set for this session and product, currency; None without one.
        features: by name; None where unknown.
        reason: why something is missing; None where nothing failed.
    """

    price: float | None = None
    features: Mapping[str, float | str | None] | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class PriceResult:
    """A price before it is logged.

    Attributes:
        price: currency, within the guard rails.
        source: origin of the price.
        reason: why it fell back.
        rule_id, rules_version: rule that decided, and its rule set.
        guard_rail: guard rail that changed it.
    """

    price: float
    source: Source
    reason: Reason | None = None
    rule_id: str | None = None
    rules_version: str | None = None
    guard_rail: GuardRail | None = None


def decide_price(
    state: PublishedState,
    request: PriceRequest,
    session: SessionState,
    objective: PricingObjective,
    log_share: float = 1.0,
) -> tuple[PriceDecision, PriceResult]:
    """Price a product for a session.

    Args:
        state: what is published.
        request: the request.
        session: what is session about the session.
        objective: of the model's price; its guard rails apply where nothing is live, else those of
            what is live.
        log_share: share of sessions whose decisions are logged.
    Returns:
        The decision to log, and its result.
    """
    pricing = _Pricing(state, request, session, objective)
    options = options_of(state.live, state.experiments, request.session_id)
    priced, propensity = pricing.priced(options)
    is_exposed = (
        priced.source in ("experiment", "rules", "model", "global_price", "base_price")
        and options.variant is not None
    )
    base = request.product.base_price
    return PriceDecision(
        decision_id=f"{_IDS.getrandbits(128):032x}",
        decided_ms=request.asked_ms,
        session_id=request.session_id,
        experiment_id=request.experiment_id,
        store_mode=request.store_mode,
        product_id=request.product.product_id,
        price=priced.price,
        base_price=base,
        propensity=propensity,
        source=priced.source,
        reason=priced.reason,
        rule_id=priced.rule_id,
        rules_version=priced.rules_version,
        epoch=state.live.epoch,
        price_experiment=options.experiment_id if is_exposed else None,
        variant=options.variant if is_exposed else None,
        classifier_version=state.classifier.version if state.classifier else None,
        network_version=state.network.version if state.network else None,
        agent_probability=pricing.scores.p_agent,
        purchase_probability=pricing.scores.p_purchase(priced.price / base),
        features=dict(session.features) if session.features is not None else None,
        log_share=log_share,
    ), priced


class _Pricing:
    """Prices one request, in the order of the module."""

    def __init__(
        self,
        state: PublishedState,
        request: PriceRequest,
        session: SessionState,
        objective: PricingObjective,
    ) -> None:
        self._state, self._request, self._session, self._objective = (
            state,
            request,
            session,
            objective,
        )
        is_live = state.live.epoch != NOTHING_LIVE.epoch
        self._guard_rails = state.live.guard_rails if is_live else objective.guard_rails
        self._base = request.product.base_price
        self.scores = ModelScores(state, request.product, session.features)

    def priced(self, options: Options) -> tuple[PriceResult, float | None]:
        """The price, and its probability for this session; None where nothing was randomised."""
        if self._state.live.is_killed:
            return PriceResult(self._base, "kill_switch"), None
        if self._session.reason in ("redis_down", "redis_slow"):
            return self._fall_back(self._session.reason), None
        if self._session.price is not None and self._state.allows_session_prices:
            return self._clip(self._session.price, "session_price"), None
        mine = self._by(options.chosen)
        if not options.others:
            return mine, None
        same = sum(
            one.share
            for one in options.others
            if abs(self._by(one).price - mine.price) < _HALF_A_CENT
        )
        return mine, min(1.0, options.chosen.share + same)

    def _by(self, option: Option) -> PriceResult:
        if option.way == "base":
            return self._clip(self._base, "experiment")
        if option.way == "unruled":
            return self._without_rules()
        if option.way == "rules":
            return self._by_rules(option.version)
        return self._by_model() or self._by_rules_instead(option.version)

    def _without_rules(self) -> PriceResult:
        price = self._state.approved_prices.get(self._request.product.product_id)
        return (
            self._clip(self._base, "base_price")
            if price is None
            else self._clip(price, "global_price")
        )

    def _by_rules(self, version: str) -> PriceResult:
        ready = self._state.releases.get(version)
        if ready is None:
            return self._fall_back(
                "rules_broken" if version in self._state.problems else "rules_missing", version
            )
        missing = self._missing(ready)
        if missing:
            return self._fall_back(missing, version)
        features = dict(self._session.features or {})
        if ready.reads_p_agent:
            features["p_agent"] = self.scores.p_agent
        try:
            decided = ready.decider.decide(features)
        except PhantomError as error:
            count_error(SERVICE, type(error).__name__)
            return self._fall_back("rules_broken", version)
        rules = ready.decider.rules
        return self._clip(
            self._base * decided.markup_ratio,
            "rules",
            rule_id=rules.title(decided.rule),
            rules_version=version,
        )

    def _missing(self, ready: Ready) -> Reason | None:
        """The reason if the rules read something unknown."""
        if not ready.reads_session:
            return None
        if self._session.features is None:
            reason = self._no_features()
            # Data that cannot be read says nothing about a session; that none came does.
            is_unknown = reason in ("no_session", "no_features", "late_features")
            return None if ready.prices_unknown and is_unknown else reason
        if ready.reads_p_agent and self.scores.p_agent is None:
            if self.scores.is_broken:
                return "model_broken"
            if CLASSIFIER.name in self._state.problems:
                return "model_broken"
            # Rules approved without a classifier define how to treat an undefined P(agent).
            return "model_missing" if CLASSIFIER.name in ready.release.models else None
        return None

    def _no_features(self) -> Reason:
        return self._session.reason or (
            "no_session" if self._request.session_id is None else "no_features"
        )

    def _by_model(self) -> PriceResult | None:
        ratio = self.scores.best_ratio(replace(self._objective, guard_rails=self._guard_rails))
        return None if ratio is None else self._clip(self._base * ratio, "model")

    def _by_rules_instead(self, version: str) -> PriceResult:
        """Decide by rules where the model cannot; the result says why it could not."""
        if self._session.features is None:
            return self._fall_back(self._no_features(), version)
        is_broken = self.scores.is_broken or NETWORK.name in self._state.problems
        why: Reason = "model_broken" if is_broken else "model_missing"
        found = self._by_rules(version)
        return PriceResult(
            found.price, found.source, why, found.rule_id, found.rules_version, found.guard_rail
        )

    def _fall_back(self, reason: Reason, version: str | None = None) -> PriceResult:
        return self._clip(self._base, "base_price", reason=reason, rules_version=version)

    def _clip(
        self,
        price: float,
        source: Source,
        *,
        reason: Reason | None = None,
        rule_id: str | None = None,
        rules_version: str | None = None,
    ) -> PriceResult:
        clipped, guard_rail = self._guard_rails.clamp_price(price, self._base)
        return PriceResult(clipped, source, reason, rule_id, rules_version, guard_rail)
