"""The decision: one price for one request, from what is published and what is known of the session;
no input or output of its own.

Order: kill switch, price of the session, arm of a running experiment, live rules or the model's
price, global price, base price. Where something is missing that this order needs, the answer is the
base price and the reason why. Guard rails hold for every price.
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
# Seeded by the system once: ids need not be secret, and asking the system each time takes longer
# than the rules.
_IDS: Final = random.Random()


@dataclass(frozen=True, slots=True)
class PriceRequest:
    """A request.

    Attributes:
        store_mode: hotel, airline or shop.
        product: what is asked for.
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
    """What is known of a session.

    Attributes:
        price: set for this session and product, currency; None where there is none.
        features: by name; None where nobody knows them.
        reason: why something is missing; None where nothing went wrong.
    """

    price: float | None = None
    features: Mapping[str, float | str | None] | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class PriceResult:
    """A price before it is written down.

    Attributes:
        price: currency, within the guard rails.
        source: what set it.
        reason: why it fell back.
        rule_id, rules_version: what decided.
        rail: guard rail that moved it.
    """

    price: float
    source: Source
    reason: Reason | None = None
    rule_id: str | None = None
    rules_version: str | None = None
    rail: GuardRail | None = None


def decide_price(
    standing: PublishedState,
    asked: PriceRequest,
    known: SessionState,
    terms: PricingObjective,
    log_share: float = 1.0,
) -> tuple[PriceDecision, PriceResult]:
    """Price a product for a session.

    Args:
        standing: what is published.
        asked: the request.
        known: of the session.
        terms: how the model's price is judged; its guard rails hold where nothing is live, else
            those of what is live.
        log_share: share of sessions whose decisions are kept.
    Returns:
        What is written down, and how it came about.
    """
    pricing = _Pricing(standing, asked, known, terms)
    options = options_of(standing.live, standing.experiments, asked.session_id)
    priced, propensity = pricing.priced(options)
    is_exposed = (
        priced.source in ("experiment", "rules", "model", "global_price", "base_price")
        and options.variant is not None
    )
    base = asked.product.base_price
    return PriceDecision(
        decision_id=f"{_IDS.getrandbits(128):032x}",
        decided_ms=asked.asked_ms,
        session_id=asked.session_id,
        experiment_id=asked.experiment_id,
        store_mode=asked.store_mode,
        product_id=asked.product.product_id,
        price=priced.price,
        base_price=base,
        propensity=propensity,
        source=priced.source,
        reason=priced.reason,
        rule_id=priced.rule_id,
        rules_version=priced.rules_version,
        epoch=standing.live.epoch,
        price_experiment=options.experiment_id if is_exposed else None,
        variant=options.variant if is_exposed else None,
        classifier_version=standing.classifier.version if standing.classifier else None,
        network_version=standing.network.version if standing.network else None,
        agent_probability=pricing.scores.p_agent,
        purchase_probability=pricing.scores.p_purchase(priced.price / base),
        features=dict(known.features) if known.features is not None else None,
        log_share=log_share,
    ), priced


class _Pricing:
    """One request on its way through the order."""

    def __init__(
        self,
        standing: PublishedState,
        asked: PriceRequest,
        known: SessionState,
        terms: PricingObjective,
    ) -> None:
        self._standing, self._asked, self._known, self._terms = standing, asked, known, terms
        is_live = standing.live.epoch != NOTHING_LIVE.epoch
        self._guard_rails = standing.live.guard_rails if is_live else terms.guard_rails
        self._base = asked.product.base_price
        self.scores = ModelScores(standing, asked.product, known.features)

    def priced(self, options: Options) -> tuple[PriceResult, float | None]:
        """The price, and the probability with which this session would be asked it; None where
        nothing was drawn.
        """
        if self._standing.live.is_killed:
            return self._railed(self._base, "kill_switch"), None
        if self._known.reason in ("redis_down", "redis_slow"):
            return self._fallen(self._known.reason), None
        if self._known.price is not None:
            return self._railed(self._known.price, "session_price"), None
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
            return self._railed(self._base, "experiment")
        if option.way == "unruled":
            return self._unruled()
        if option.way == "rules":
            return self._by_rules(option.version)
        return self._by_model() or self._instead_of_model(option.version)

    def _unruled(self) -> PriceResult:
        price = self._standing.prices.get(self._asked.product.product_id)
        return (
            self._railed(self._base, "base_price")
            if price is None
            else self._railed(price, "global_price")
        )

    def _by_rules(self, version: str) -> PriceResult:
        ready = self._standing.releases.get(version)
        if ready is None:
            return self._fallen(
                "rules_broken" if version in self._standing.problems else "rules_missing", version
            )
        missing = self._missing(ready)
        if missing:
            return self._fallen(missing, version)
        session = dict(self._known.features or {})
        if ready.reads_p_agent:
            session["p_agent"] = self.scores.p_agent
        try:
            verdict = ready.decider.decide(session)
        except PhantomError as error:
            count_error(SERVICE, type(error).__name__)
            return self._fallen("rules_broken", version)
        rules = ready.decider.rules
        return self._railed(
            self._base * verdict.markup_ratio,
            "rules",
            rule_id=rules.title(verdict.rule),
            rules_version=version,
        )

    def _missing(self, ready: Ready) -> Reason | None:
        """What the rules read and nobody knows."""
        if not ready.reads_session:
            return None
        if self._known.features is None:
            return self._no_features()
        if ready.reads_p_agent and self.scores.p_agent is None:
            if self.scores.is_broken:
                return "model_broken"
            if CLASSIFIER.name in self._standing.problems:
                return "model_broken"
            # Rules that were approved without a classifier say themselves what an undefined
            # P(agent) means.
            return "model_missing" if CLASSIFIER.name in ready.release.models else None
        return None

    def _no_features(self) -> Reason:
        return self._known.reason or (
            "no_session" if self._asked.session_id is None else "no_features"
        )

    def _by_model(self) -> PriceResult | None:
        ratio = self.scores.best_ratio(replace(self._terms, guard_rails=self._guard_rails))
        return None if ratio is None else self._railed(self._base * ratio, "model")

    def _instead_of_model(self, version: str) -> PriceResult:
        """Rules decide where the model cannot; the answer says why it could not."""
        if self._known.features is None:
            return self._fallen(self._no_features(), version)
        is_broken = self.scores.is_broken or NETWORK.name in self._standing.problems
        why: Reason = "model_broken" if is_broken else "model_missing"
        found = self._by_rules(version)
        return PriceResult(
            found.price, found.source, why, found.rule_id, found.rules_version, found.rail
        )

    def _fallen(self, reason: Reason, version: str | None = None) -> PriceResult:
        return self._railed(self._base, "base_price", reason=reason, rules_version=version)

    def _railed(
        self,
        price: float,
        source: Source,
        *,
        reason: Reason | None = None,
        rule_id: str | None = None,
        rules_version: str | None = None,
    ) -> PriceResult:
        kept, rail = self._guard_rails.clamp_price(price, self._base)
        return PriceResult(kept, source, reason, rule_id, rules_version, rail)
