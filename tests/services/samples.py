"""Things to publish and sessions to price."""

import time
from collections.abc import Mapping

import numpy as np

from phantom_core.core.settings import Settings
from phantom_core.features.catalogue import feature_names
from phantom_core.features.definitions import definition_hash
from phantom_core.model_store.manifest import FORMAT, Manifest
from phantom_core.model_store.store import ModelStore, StoredModel
from phantom_core.models.classifier import Classifier, LabelledRows, fit_classifier
from phantom_core.models.curves import Platt
from phantom_core.models.encoding import encode_session
from phantom_core.models.event_curves import EventCurves
from phantom_core.models.inference_classifier import QuoteDecision
from phantom_core.models.quote_classifier import QuoteClassifier
from phantom_core.models.saved_classifier import classifier_files, quote_files
from phantom_core.publishing.release import RuleRelease, release_of
from phantom_core.publishing.session_features import PublishedFeatures
from phantom_core.rules.text import parse_rules

Features = dict[str, float | str | None]
BOT: Features = {
    "interaction_velocity": 40.0,
    "item_views": 12.0,
    "browser_family": "Chrome",
    "std_price_seen": None,
}
PERSON: Features = {
    "interaction_velocity": 3.0,
    "item_views": 2.0,
    "browser_family": "Safari",
    "std_price_seen": None,
}
FAST = "IF interaction_velocity > 10 THEN markup {} AS recon\nELSE markup 1.00"
BANDS = "IF p_agent > 0.5 THEN markup 1.30 AS likely_agent\nELSE markup 1.00"


def release(version: str, text: str, models: Mapping[str, str] | None = None) -> RuleRelease:
    """Rules under a version."""
    return release_of(parse_rules(text, "demo"), version, f"request-{version}", 1, models or {})


def session(
    session_id: str, features: Features, *, updated_ms: int | None = None
) -> PublishedFeatures:
    """What the stream worker would have written."""
    now_ms = updated_ms or time.time_ns() // 1_000_000
    return PublishedFeatures(session_id, 5, now_ms, now_ms, "hotel", features)


def saved_classifier(settings: Settings, version: str = "trees-1") -> StoredModel:
    """A classifier that takes the fast for agents."""
    rng = np.random.default_rng(0)
    is_agent = np.arange(300) % 2 == 0
    rows = [
        encode_session({"interaction_velocity": float(v)}, feature_names())
        for v in rng.gamma(4.0, 1.0, 300) + 20 * is_agent
    ]
    booster = fit_classifier(
        LabelledRows(np.stack(rows), feature_names(), is_agent, np.arange(300)), 30, seed=1
    )
    classifier = Classifier(booster, feature_names(), Platt(1.0, 0.0), 0.5)
    manifest = Manifest(
        FORMAT,
        "classifier",
        version,
        1,
        2,
        definition_hash(feature_names()),
        "def",
        3,
        feature_names(),
        {},
        {},
        {},
    )
    at_quotes = QuoteClassifier(
        booster, feature_names(), QuoteDecision(EventCurves((0,), (Platt(1.0, 0.0),)), 0.5)
    )
    return ModelStore(settings.workspace, "classifier").save(
        manifest, classifier_files(classifier) | quote_files(at_quotes)
    )


def saved_network(settings: Settings, version: str = "net-1") -> StoredModel:
    """A network that has learned nothing, monotone in the price all the same."""
    import torch

    from phantom_core.models.multitask.description import Architecture, Description
    from phantom_core.models.multitask.network import Network
    from phantom_core.models.multitask.saved import network_files

    torch.manual_seed(1)
    architecture = Architecture(1.0, 0.0, has_price=True)
    files = network_files(
        Network(architecture),
        (),
        Description(architecture, Platt(1.0, 0.0), Platt(1.0, 0.0), knows_agents=True),
    )
    manifest = Manifest(
        FORMAT,
        "multitask",
        version,
        1,
        2,
        definition_hash(feature_names()),
        "def",
        3,
        feature_names(),
        {},
        {},
        {},
    )
    return ModelStore(settings.workspace, "multitask").save(manifest, files)
