"""Published state: everything published that prices depend on, replaced as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, cast

from phantom_core.model_kinds.classifier import CLASSIFIER
from phantom_core.model_kinds.multitask import NETWORK
from phantom_core.models.inference_classifier import InferenceClassifier
from phantom_core.models.multitask.scorer import NetworkScorer
from phantom_core.publishing.experiments import LiveExperiment, LiveExperiments
from phantom_core.publishing.live import NOTHING_LIVE, Live
from phantom_core.publishing.release import RuleRelease
from phantom_core.publishing.statement import APPROVED_PRICES, SESSION_PRICES, Statement
from phantom_core.rules.decide import Decider
from phantom_core.services.pricing.models import OpenedModel


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """A release prepared for decisions.

    Attributes:
        release: as it was published.
        decider: its rules.
        reads_p_agent: whether a rule reads P(agent).
        reads_session: whether a rule reads any feature.
        prices_unknown: whether a rule says what a session costs of which nothing is known.
    """

    release: RuleRelease
    decider: Decider
    reads_p_agent: bool
    reads_session: bool
    prices_unknown: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class PublishedState:
    """What is published now.

    Attributes:
        live: rollout of rule versions, and the guard rails.
        releases: by version; one that cannot be used is missing and has a problem.
        experiments: running ones, published for what is live now.
        published_experiments: the newest document of experiments; None before the first.
        models: by kind, each opened for its kind; one that is not published or cannot be used is
            missing.
        prices: global price by product, currency, as signed; see `approved_prices`.
        prices_ms: when these were approved, UTC milliseconds.
        elasticities: by product.
        prices_version, elasticities_version: their origin; empty without any.
        statement: what the control side last said is the newest; None without one.
        problems: what cannot be used and why, by name, as sentences.
    """

    live: Live = NOTHING_LIVE
    releases: Mapping[str, Ready] = field(default_factory=dict)
    experiments: tuple[LiveExperiment, ...] = ()
    published_experiments: LiveExperiments | None = None
    models: Mapping[str, OpenedModel] = field(default_factory=dict)
    prices: Mapping[str, float] = field(default_factory=dict)
    elasticities: Mapping[str, float] = field(default_factory=dict)
    prices_ms: int = 0
    prices_version: str = ""
    elasticities_version: str = ""
    statement: Statement | None = None
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def classifier(self) -> InferenceClassifier | None:
        """The agent classifier; None without a usable one."""
        return cast(InferenceClassifier | None, self.models.get(CLASSIFIER.name))

    @property
    def network(self) -> NetworkScorer | None:
        """The network that predicts demand; None without a usable one."""
        return cast(NetworkScorer | None, self.models.get(NETWORK.name))

    @property
    def approved_prices(self) -> Mapping[str, float]:
        """The global prices, where the control side states that these are the approved ones."""
        stated = self.statement.newest.get(APPROVED_PRICES, 0) if self.statement else 0
        return self.prices if stated and stated == self.prices_ms else {}

    @property
    def allows_session_prices(self) -> bool:
        """Whether the control side states that prices of single sessions were approved."""
        return bool(self.statement and self.statement.newest.get(SESSION_PRICES, 0))

    def with_experiments_in_force(self) -> "PublishedState":
        """The state with those experiments that were published for what is live now.

        After a rollback or the kill switch, experiments wait until they are published again.
        """
        found = self.published_experiments
        in_force = found is not None and found.live_epoch == self.live.epoch
        return replace(self, experiments=found.experiments if found and in_force else ())

    def killed(self) -> "PublishedState":
        """The state with the kill switch on."""
        return replace(self, live=replace(self.live, is_killed=True))


EMPTY: Final = PublishedState()
