"""Learning data: what the network is trained and evaluated on, at one lake version."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from phantom_core.core.errors import DataError
from phantom_core.core.progress import Progress, part_progress
from phantom_core.evaluation.labelled_sessions import actors_to_fold_by, begun_in, read_subjects
from phantom_core.evaluation.multitask_report import OfferData
from phantom_core.features.offers.offers import RELATIONS, Moments, read_offers, usual_moments
from phantom_core.features.store import FeatureStore, version_of
from phantom_core.lake.lake import Lake
from phantom_core.model_store.store import file_digest
from phantom_core.models.multitask.inputs import concatenate_inputs, offer_inputs, session_inputs
from phantom_core.models.multitask.rows import LearningRows
from phantom_core.models.splits import make_folds, split_by_kind

LEAST_PURCHASES: Final = 20
_ALL_RELATIONS: Final = (*RELATIONS, "experiments", "session_labels")


@dataclass(frozen=True, slots=True, eq=False)
class Learning:
    """Offers, then whole labelled sessions, as training rows.

    Attributes:
        offers: as `read_offers` gives them, n_offers rows.
        sessions: of the feature store, the labelled ones, n_sessions rows.
        rows: n_offers + n_sessions rows, in this order.
        fold: of each row, shape (n_offers + n_sessions,); no actor is in two.
        start_ms, end_ms: first and last event of each row's session, UTC milliseconds, of the same
            shape.
        data: their description in the report.
    """

    offers: pa.Table
    sessions: pa.Table
    rows: LearningRows
    fold: NDArray[np.int64]
    start_ms: NDArray[np.int64]
    end_ms: NDArray[np.int64]
    data: OfferData

    @property
    def is_offer(self) -> NDArray[np.bool_]:
        """Which rows are offers."""
        return np.asarray(np.arange(len(self.rows)) < self.offers.num_rows)

    @property
    def has_agents(self) -> bool:
        """Whether there are labels of both kinds."""
        return bool(self.sessions.num_rows > 0)


def read_learning(
    lake: Lake,
    *,
    moments: Moments | None,
    n_folds: int,
    most_offers: int,
    rng: np.random.Generator,
    progress: Progress,
    period_ms: tuple[int, int] | None = None,
) -> Learning:
    """Read offers and labelled sessions.

    Args:
        lake: the events; the feature store is refreshed.
        moments: what an offer is; None means first quotes where there are quotes, else the moment
            before the first cart.
        n_folds: how many folds the actors must fill.
        most_offers: take whole sessions at random until there are about this many.
        rng: draws the folds of actors.
        progress: called throughout.
        period_ms: only sessions that began in [start, end), UTC milliseconds; None means all. What
            is known of an offer comes from all events before it, whatever the period.
    Raises:
        DataError: no offer, or too few purchases or actors.
    """
    store = FeatureStore(lake)
    store.refresh(part_progress(progress, 0, 0.4))
    everything = begun_in(store.matrix(), period_ms).sort_by("session_key")
    version = version_of(everything)
    progress(0.4, "looking up every quote as it was known then")
    with lake.connect(_ALL_RELATIONS, version=version if version >= 0 else None) as connection:
        chosen = moments or usual_moments(connection)
        offers = read_offers(connection, chosen, most=most_offers)
        offers = offers.filter(
            pc.is_in(offers["session_key"], value_set=everything["session_key"].combine_chunks())
        )
        subjects = read_subjects(connection, everything)
    progress(1, f"{offers.num_rows:,} offers")
    return _assembled(everything, offers, subjects, version, chosen, n_folds, rng)


def _assembled(
    everything: pa.Table,
    offers: pa.Table,
    subjects: pa.ChunkedArray,
    version: int,
    moments: str,
    n_folds: int,
    rng: np.random.Generator,
) -> Learning:
    at = np.searchsorted(everything["session_key"].to_numpy(), offers["session_key"].to_numpy())
    bought = offers["bought"].to_numpy().astype(np.bool_)
    _check_purchases(bought)
    label = pc.fill_null(pc.cast(everything["is_agent"], pa.float32()), np.nan).to_numpy()
    buys = np.zeros(everything.num_rows, np.bool_)
    buys[at[bought]] = True
    actor, fold = _actors_and_folds(everything, subjects, label, buys, n_folds, rng)
    is_labelled = ~np.isnan(label) if _both(label) else np.zeros(len(label), np.bool_)
    sessions = everything.filter(pa.array(is_labelled))
    rows = LearningRows(
        inputs=concatenate_inputs(offer_inputs(offers), session_inputs(sessions)),
        is_agent=np.concatenate(
            [label[at] if _both(label) else np.full(len(at), np.nan), label[is_labelled]]
        ).astype(np.float32),
        bought=np.concatenate([bought, np.full(sessions.num_rows, np.nan)]).astype(np.float32),
        actor=np.concatenate([actor[at], actor[is_labelled]]),
    )
    start_ms, end_ms = everything["start_ms"].to_numpy(), everything["end_ms"].to_numpy()
    return Learning(
        offers,
        sessions,
        rows,
        np.concatenate([fold[at], fold[is_labelled]]),
        np.concatenate([start_ms[at], start_ms[is_labelled]]),
        np.concatenate([end_ms[at], end_ms[is_labelled]]),
        _data(offers, sessions, rows, version, moments),
    )


def _both(label: NDArray[np.float32]) -> bool:
    return bool((label == 1).any() and (label == 0).any())


def _check_purchases(bought: NDArray[np.bool_]) -> None:
    if not LEAST_PURCHASES <= bought.sum() < len(bought):
        raise DataError(
            f"Of {len(bought):,} offers {int(bought.sum()):,} were bought; learning who buys "
            f"needs at least {LEAST_PURCHASES} that were, and some that were not.",
            hint="Load a longer period, with its purchase_complete events.",
        )


def _actors_and_folds(
    everything: pa.Table,
    subjects: pa.ChunkedArray,
    label: NDArray[np.float32],
    buys: NDArray[np.bool_],
    n_folds: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Actors and their folds, balanced by agents where enough are known, else by buyers."""
    is_agent = label == 1
    actor, _ = actors_to_fold_by(everything, subjects, is_agent, n_folds)
    kind = (
        is_agent
        if min(len(numbers) for numbers in split_by_kind(actor, is_agent)) >= n_folds
        else _buying_actors(actor, buys)
    )
    return actor, make_folds(actor, kind, n_folds, rng)


def _buying_actors(actor: NDArray[np.int64], buys: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether each session's actor ever buys, shape (n_sessions,)."""
    return np.asarray(np.bincount(actor, buys)[actor] > 0)


def _data(
    offers: pa.Table, sessions: pa.Table, rows: LearningRows, version: int, moments: str
) -> OfferData:
    key = offers["session_key"].to_numpy()
    return OfferData(
        lake_version=version,
        moments=moments,
        offers=offers.num_rows,
        bought=int(pc.sum(offers["bought"]).as_py() or 0),
        sessions=len(np.unique(key)),
        labelled_sessions=sessions.num_rows,
        actors=len(np.unique(rows.actor)),
        randomised=float(pc.mean(pc.cast(pc.is_valid(offers["propensity"]), pa.float64())).as_py()),
        sha256=_hash(rows, np.concatenate([key, sessions["session_key"].to_numpy()])),
        start_ms=pc.min(offers["quote_ms"]).as_py(),
        end_ms=pc.max(offers["quote_ms"]).as_py(),
    )


def _hash(rows: LearningRows, key: NDArray[np.int64]) -> str:
    """Equal for equal rows on every machine."""
    labels = np.nan_to_num(np.column_stack([rows.is_agent, rows.bought]), nan=-1.0).astype("<i8")
    return file_digest(np.column_stack([key, labels, rows.actor]).astype("<i8").tobytes())
