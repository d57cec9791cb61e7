"""Metrics of the services: their names, labels and buckets, in one registry that Prometheus reads.

A label takes few values: rule, version, reason, route; never a session or a product.
"""

from collections.abc import Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

REGISTRY: Final = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

_FAST_S: Final = (
    0.0005,
    0.001,
    0.002,
    0.003,
    0.005,
    0.0075,
    0.01,
    0.02,
    0.03,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
)
_SLOW_S: Final = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600)
_TENTHS: Final = tuple(tenth / 10 for tenth in range(1, 11))
_MARKUPS: Final = (0.7, 0.8, 0.9, 0.999, 1.001, 1.1, 1.2, 1.3, 1.4, 1.5)

REQUEST_SECONDS: Final = Histogram(
    "phantom_http_request_seconds",
    "How long requests took, by service, route and status.",
    ("service", "route", "status"),
    buckets=_FAST_S,
    registry=REGISTRY,
)
ERRORS: Final = Counter(
    "phantom_errors",
    "What went wrong, by service and kind.",
    ("service", "kind"),
    registry=REGISTRY,
)

THREAD_RESTARTS: Final = Counter(
    "phantom_thread_restarts",
    "How often the work of a background thread was begun again after an error.",
    ("service", "thread"),
    registry=REGISTRY,
)
REFUSED_DOCUMENTS: Final = Counter(
    "phantom_refused_documents",
    "Content of Redis that was not followed, by key and reason: unsigned, outdated, missing, "
    "damaged.",
    ("key", "reason"),
    registry=REGISTRY,
)
STATEMENT_AGE: Final = Gauge(
    "phantom_statement_age_seconds",
    "Age of the newest statement of the control side that was verified.",
    registry=REGISTRY,
)
KILLED: Final = Gauge(
    "phantom_killed", "Whether the base price is given to everybody, 1 or 0.", registry=REGISTRY
)

PRICES: Final = Counter(
    "phantom_prices",
    "Prices given, by where they came from, rule and version.",
    ("source", "rule", "version"),
    registry=REGISTRY,
)
DECISION_SECONDS: Final = Histogram(
    "phantom_decision_seconds",
    "How long a price took to decide, without HTTP.",
    buckets=_FAST_S,
    registry=REGISTRY,
)
FALLBACKS: Final = Counter(
    "phantom_fallbacks",
    "Prices decided without all of their inputs, by reason.",
    ("reason",),
    registry=REGISTRY,
)
AGENT_PROBABILITY: Final = Histogram(
    "phantom_agent_probability",
    "P(agent) of sessions when they were priced; sum over count is the share of agents.",
    buckets=_TENTHS,
    registry=REGISTRY,
)
MARKUP: Final = Histogram(
    "phantom_markup_ratio",
    "Price given over base price.",
    buckets=_MARKUPS,
    registry=REGISTRY,
)
RULES_EPOCH: Final = Gauge(
    "phantom_rules_epoch",
    "Epoch of the rules that a service prices by.",
    ("service",),
    registry=REGISTRY,
)
MODEL_LOADED: Final = Gauge(
    "phantom_model_loaded",
    "1 for each model in use, by kind and version.",
    ("kind", "version"),
    registry=REGISTRY,
)
CATALOGUE_HELD: Final = Gauge(
    "phantom_catalogue_held",
    "Changes of base prices that wait for a second person.",
    registry=REGISTRY,
)
PROBLEMS: Final = Gauge(
    "phantom_problems",
    "What is wrong with a service now, as its /health tells, count.",
    ("service",),
    registry=REGISTRY,
)
DECISIONS_WAITING: Final = Gauge(
    "phantom_decisions_waiting_seconds",
    "For how long the oldest price decisions have waited for the lake.",
    registry=REGISTRY,
)
REDIS_UP: Final = Gauge(
    "phantom_redis_up", "Whether Redis answered last time, 1 or 0.", ("service",), registry=REGISTRY
)

EVENTS: Final = Counter(
    "phantom_events",
    "Events and quotes received, by service, topic and outcome.",
    ("service", "topic", "outcome"),
    registry=REGISTRY,
)
REFUSED: Final = Counter(
    "phantom_refused",
    "Events and quotes refused, by topic and reason.",
    ("topic", "reason"),
    registry=REGISTRY,
)
TURNED_AWAY: Final = Counter(
    "phantom_turned_away",
    "Requests answered with 429, by service.",
    ("service",),
    registry=REGISTRY,
)
BUFFERED: Final = Gauge(
    "phantom_buffered_bytes",
    "Bytes in the local buffer that the worker has not read, by topic.",
    ("topic",),
    registry=REGISTRY,
)
LAG_EVENTS: Final = Gauge(
    "phantom_lag_events",
    "Events in a topic of Kafka that the worker has not read.",
    ("topic", "partition"),
    registry=REGISTRY,
)
LAG_SECONDS: Final = Histogram(
    "phantom_lag_seconds",
    "Time from an event to its arrival at a sink.",
    ("sink",),
    buckets=_SLOW_S,
    registry=REGISTRY,
)
BATCH_SECONDS: Final = Histogram(
    "phantom_batch_seconds",
    "How long a batch took to reach its sink.",
    ("sink",),
    buckets=_SLOW_S,
    registry=REGISTRY,
)
LATE: Final = Counter(
    "phantom_late_events",
    "Events older than another one already counted in their session.",
    registry=REGISTRY,
)

CHECK_VALUE: Final = Gauge(
    "phantom_check_value",
    "Value of a check in the last monitoring run, by name.",
    ("check",),
    registry=REGISTRY,
)
CHECK_LIMIT: Final = Gauge(
    "phantom_check_limit", "Threshold of an alert, by check.", ("check",), registry=REGISTRY
)
CHECK_STATE: Final = Gauge(
    "phantom_check_state",
    "0 fine or undefined, 1 watched, 2 alert.",
    ("check",),
    registry=REGISTRY,
)
AGENT_SHARE: Final = Gauge(
    "phantom_agent_share",
    "Share of the last week's sessions classified as agents.",
    registry=REGISTRY,
)
LEAKAGE_MONEY: Final = Gauge(
    "phantom_leakage_money",
    "Expected leakage of the last week, constant reference price.",
    registry=REGISTRY,
)
LEAKAGE_SHARE: Final = Gauge(
    "phantom_leakage_share", "Expected leakage over revenue.", registry=REGISTRY
)
MODEL_TRAINED: Final = Gauge(
    "phantom_model_trained_timestamp_seconds",
    "When the model in use was trained, by kind.",
    ("kind",),
    registry=REGISTRY,
)
LAST_CHECKED: Final = Gauge(
    "phantom_last_look_timestamp_seconds", "When the last monitoring run ended.", registry=REGISTRY
)


def count_price(
    *,
    source: str,
    rule: str,
    version: str,
    markup_ratio: float,
    agent_probability: float | None,
    seconds: float,
) -> None:
    """Count one price.

    Args:
        source: what decided: rules, model, session, global, base …
        rule: name of the rule; empty where none decided.
        version: of the rules or prices; empty for the base price.
        markup_ratio: price over base price.
        agent_probability: in [0, 1]; None where unknown.
        seconds: the decision took.
    """
    PRICES.labels(source, rule, version).inc()
    MARKUP.observe(markup_ratio)
    DECISION_SECONDS.observe(seconds)
    if agent_probability is not None:
        AGENT_PROBABILITY.observe(agent_probability)


def count_fallback(reason: str) -> None:
    """Count a price decided without all of its inputs.

    Args:
        reason: redis_down, no_features, model_broken …
    """
    FALLBACKS.labels(reason).inc()


def count_error(service: str, kind: str) -> None:
    """Count an error, by the name of its kind."""
    ERRORS.labels(service, kind).inc()


def count_events(
    service: str,
    topic: str,
    *,
    accepted: int = 0,
    duplicates: int = 0,
    refused: Mapping[str, int] | None = None,
) -> None:
    """Count events or quotes.

    Args:
        service: ingest, worker …
        topic: user-interactions or price-logs.
        accepted: taken.
        duplicates: already stored.
        refused: counts by reason code.
    """
    wrong = refused or {}
    for outcome, n in (
        ("accepted", accepted),
        ("duplicate", duplicates),
        ("refused", sum(wrong.values())),
    ):
        if n:
            EVENTS.labels(service, topic, outcome).inc(n)
    for reason, n in wrong.items():
        REFUSED.labels(topic, reason).inc(n)


def use_model(kind: str, version: str) -> None:
    """Record which version of a model is in use from now on, in place of the one before."""
    # The client has no public way to list children.
    for labels in [one for one in MODEL_LOADED._metrics if one[0] == kind]:
        MODEL_LOADED.remove(*labels)
    MODEL_LOADED.labels(kind, version).set(1)
