"""Standing: everything published that prices depend on, as one object that is swapped as a
whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from phantom_core.models.inference_classifier import InferenceClassifier
from phantom_core.models.multitask.scorer import NetworkScorer
from phantom_core.publishing.experiments import LiveExperiment
from phantom_core.publishing.live import NOTHING_LIVE, Live
from phantom_core.publishing.release import RuleRelease
from phantom_core.rules.decide import Decider


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """A release ready to decide.

    Attributes:
        release: as it was published.
        decider: its rules.
        reads_p_agent: whether a rule reads P(agent).
        reads_session: whether a rule reads anything at all.
    """

    release: RuleRelease
    decider: Decider
    reads_p_agent: bool
    reads_session: bool


@dataclass(frozen=True, slots=True, eq=False)
class PublishedState:
    """What is published now.

    Attributes:
        live: which versions price which sessions, and the guard rails.
        releases: by version; one that cannot be used is missing and has a problem.
        experiments: that run.
        classifier, network: models; None where none is published or it cannot be used.
        prices: global price by product, currency.
        elasticities: by product.
        prices_version, elasticities_version: where they came from; empty without any.
        problems: what cannot be used and why, by what it is: plain sentences.
    """

    live: Live = NOTHING_LIVE
    releases: Mapping[str, Ready] = field(default_factory=dict)
    experiments: tuple[LiveExperiment, ...] = ()
    classifier: InferenceClassifier | None = None
    network: NetworkScorer | None = None
    prices: Mapping[str, float] = field(default_factory=dict)
    elasticities: Mapping[str, float] = field(default_factory=dict)
    prices_version: str = ""
    elasticities_version: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)


EMPTY: Final = PublishedState()
