"""Sources: for each kind of published content how it is fetched, verified, ordered and applied."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Generic, TypeVar

import redis

from phantom_core.core.telemetry.metrics import RULES_EPOCH, use_model
from phantom_core.model_kinds.model_kind import MODEL_KINDS
from phantom_core.publishing.announcement import Kind
from phantom_core.publishing.experiments import LiveExperiments, open_experiments
from phantom_core.publishing.figures import Figures, open_elasticities, open_prices
from phantom_core.publishing.live import Live, open_live
from phantom_core.publishing.models import PublishedModel, open_fields, read_fields
from phantom_core.publishing.names import ELASTICITIES, EXPERIMENTS, LIVE, PRICES, STATEMENT
from phantom_core.publishing.reading import read_stored
from phantom_core.publishing.statement import Statement, open_statement
from phantom_core.services.pricing.followed import Fields
from phantom_core.services.pricing.models import OpenedModel
from phantom_core.services.pricing.published_state import PublishedState
from phantom_core.signing.keys import PublicKeys

SERVICE: Final = "pricing"
DOCUMENT: Final = "document"
T = TypeVar("T")
OpenModel = Callable[[PublishedModel], OpenedModel]


@dataclass(frozen=True, slots=True)
class Source(Generic[T]):
    """A kind of published content.

    Attributes:
        kind: of content.
        key: on the server.
        fetch: its fields on the server, unverified; empty where there are none.
        open: verifies the fields and reads them.
        order: a greater number is later.
        apply: the state with it.
        is_exact: whether two documents of one number are a contradiction.
    """

    kind: Kind
    key: str
    fetch: Callable[[redis.Redis], Fields]
    open: Callable[[PublicKeys, Fields], T]
    order: Callable[[T], int]
    apply: Callable[[PublishedState, T], PublishedState]
    is_exact: bool = False


def make_sources(open_model: OpenModel) -> Mapping[Kind, Source[Any]]:
    """The sources by kind, in the order in which they are read.

    Args:
        open_model: opens a published model, and raises DataError for one that cannot be used.
    """
    found: list[Source[Any]] = [
        Source("rules", LIVE, _fetch(LIVE), _open(open_live), _epoch, _with_live, is_exact=True),
        Source(
            "experiments",
            EXPERIMENTS,
            _fetch(EXPERIMENTS),
            _open(open_experiments),
            _epoch_of_experiments,
            _with_experiments,
            is_exact=True,
        ),
        *(_model_source(kind, open_model) for kind in MODEL_KINDS.names()),
        Source("prices", PRICES, _fetch(PRICES), _open(open_prices), _created, _with_prices),
        Source(
            "elasticity",
            ELASTICITIES,
            _fetch(ELASTICITIES),
            _open(open_elasticities),
            _created,
            _with_elasticities,
        ),
        Source(
            "statement",
            STATEMENT,
            _fetch(STATEMENT),
            _open(open_statement),
            _signed_at,
            _with_statement,
        ),
    ]
    return {source.kind: source for source in found}


def _fetch(key: str) -> Callable[[redis.Redis], Fields]:
    def fetch(client: redis.Redis) -> Fields:
        content = read_stored(client, key)
        return {} if content is None else {DOCUMENT: content}

    return fetch


def _open(open_content: Callable[[PublicKeys, bytes], T]) -> Callable[[PublicKeys, Fields], T]:
    return lambda keys, fields: open_content(keys, fields.get(DOCUMENT, b""))


@dataclass(frozen=True, slots=True)
class _Model:
    published_ms: int
    model: OpenedModel


def _model_source(kind: str, open_model: OpenModel) -> Source[_Model]:
    def open_both(keys: PublicKeys, fields: Fields) -> _Model:
        published = open_fields(keys, kind, fields)
        return _Model(published.published_ms, open_model(published))

    def apply(state: PublishedState, found: _Model) -> PublishedState:
        use_model(kind, found.model.version)
        return replace(state, models={**state.models, kind: found.model})

    key = MODEL_KINDS.find(kind).published_as
    return Source(
        kind, key, partial(_fetch_model, kind), open_both, lambda one: one.published_ms, apply
    )


def _fetch_model(kind: str, client: redis.Redis) -> Fields:
    return read_fields(client, kind)


def _epoch(live: Live) -> int:
    return live.epoch


def _epoch_of_experiments(found: LiveExperiments) -> int:
    return found.epoch


def _created(figures: Figures) -> int:
    return figures.created_ms


def _signed_at(statement: Statement) -> int:
    return statement.at_ms


def _with_live(state: PublishedState, live: Live) -> PublishedState:
    RULES_EPOCH.labels(SERVICE).set(live.epoch)
    return replace(state, live=live)


def _with_experiments(state: PublishedState, found: LiveExperiments) -> PublishedState:
    return replace(state, published_experiments=found)


def _with_prices(state: PublishedState, found: Figures) -> PublishedState:
    return replace(
        state, prices=found.values, prices_ms=found.created_ms, prices_version=found.version
    )


def _with_elasticities(state: PublishedState, found: Figures) -> PublishedState:
    return replace(state, elasticities=found.values, elasticities_version=found.version)


def _with_statement(state: PublishedState, found: Statement) -> PublishedState:
    return replace(state, statement=found)
