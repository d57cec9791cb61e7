"""Quote moments: labelled sessions cut where they were shown a price, as known just before it."""

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats, Ints
from phantom_core.evaluation.history import History
from phantom_core.evaluation.labelled_sessions import LabelledSessions
from phantom_core.evaluation.quote_figures import Source
from phantom_core.lake.lake import Lake
from phantom_core.market.calibration.add_to_cart_quotes import SessionIndex
from phantom_core.models.classifier import LabelledRows
from phantom_core.models.encoding import encode_features
from phantom_core.models.event_curves import BAND_STARTS, EVENTS_SO_FAR, band_of
from phantom_core.replay.features_at_quote import features_just_before
from phantom_core.replay.period import Period
from phantom_core.replay.quotes import connect_quotes, read_quotes

ITEM_VIEWS: Final = ("view_item_page", "learn_more_about_item")
# More moments than these are sampled, so that memory stays within bounds.
MOST_MOMENTS: Final = 2_500_000


@dataclass(frozen=True, slots=True, eq=False)
class QuoteMoments:
    """Moments at which labelled sessions were shown a price, arrays of shape (n_moments,).

    Attributes:
        source: what stands for the moments: quotes where any is recorded; else item views, where
            a shop shows a price; else every event.
        session: row of the labelled sessions, rising.
        event_ms: of the quote, UTC milliseconds.
        money: base price of a product that went to the cart afterwards, currency; 0 where it did
            not, or where that is unknown.
    """

    source: Source
    session: Ints
    event_ms: Ints
    money: Floats

    def __getitem__(self, rows: NDArray[np.bool_]) -> "QuoteMoments":
        arrays = {
            field.name: getattr(self, field.name)[rows]
            for field in fields(self)
            if field.name != "source"
        }
        return replace(self, **arrays)


@dataclass(frozen=True, slots=True, eq=False)
class SessionsAtQuotes:
    """Labelled sessions as they were at each quote.

    Attributes:
        moments: of the quotes.
        values: encoded features just before each, shape (n_moments, n_names).
        n_events: events so far, shape (n_moments,).
    """

    moments: QuoteMoments
    values: NDArray[np.float32]
    n_events: Floats

    @property
    def band(self) -> Ints:
        """Band of events so far, of BAND_STARTS, shape (n_moments,)."""
        return band_of(self.n_events, BAND_STARTS)


def read_moments(lake: Lake, labelled: LabelledSessions, rng: np.random.Generator) -> QuoteMoments:
    """Find where labelled sessions were shown a price.

    Args:
        lake: quotes, and decisions of the pricing service.
        labelled: the sessions.
        rng: draws moments where there are more than MOST_MOMENTS.
    """
    index = _session_index(labelled)
    with connect_quotes(lake) as connection:
        quotes = read_quotes(connection, index, Period())
    if quotes.session.size:
        money = np.where(quotes.went_to_cart, np.nan_to_num(quotes.base_price), 0.0)
        found = QuoteMoments("quotes", quotes.session, quotes.event_ms, money)
    else:
        found = _moments_of_events(labelled.history)
    if found.session.size <= MOST_MOMENTS:
        return found
    chosen = np.zeros(found.session.size, np.bool_)
    chosen[rng.choice(chosen.size, MOST_MOMENTS, replace=False)] = True
    return found[chosen]


def sessions_at_quotes(
    lake: Lake, labelled: LabelledSessions, moments: QuoteMoments, names: tuple[str, ...]
) -> SessionsAtQuotes:
    """Features of labelled sessions just before each quote.

    A price shown before the session's first event has none, and is left out.

    Args:
        lake: the events.
        labelled: the sessions.
        moments: of their quotes.
        names: features wanted.
    """
    features = features_just_before(
        lake.files("events"), labelled.history.session_keys[moments.session], moments.event_ms
    )
    counted = encode_features(features, [EVENTS_SO_FAR])[:, 0].astype(np.float64)
    is_known = ~np.isnan(counted)
    return SessionsAtQuotes(
        moments[is_known], encode_features(features, names)[is_known], counted[is_known]
    )


def learning_rows(labelled: LabelledSessions, found: SessionsAtQuotes) -> LabelledRows:
    """Sessions at their quotes, then whole; each session weighs one in total, or its weight.

    The whole ones keep labelled sessions that were never shown a price.
    """
    rows = labelled.rows
    session = np.concatenate([found.moments.session, np.arange(len(rows.is_agent))])
    return LabelledRows(
        np.concatenate([found.values, rows.values]),
        rows.names,
        rows.is_agent[session],
        rows.groups[session],
        (1.0 if rows.weight is None else rows.weight[session]) / np.bincount(session)[session],
    )


def _session_index(labelled: LabelledSessions) -> SessionIndex:
    matrix, n = labelled.matrix, labelled.matrix.num_rows
    return SessionIndex(
        session_key=matrix["session_key"].to_numpy(),
        start_ms=matrix["start_ms"].to_numpy(),
        end_ms=matrix["end_ms"].to_numpy(),
        actor=labelled.rows.groups,
        label=labelled.rows.is_agent.astype(np.float64),
        p_agent=np.full(n, np.nan),
        model="",
    )


def _moments_of_events(history: History) -> QuoteMoments:
    """Item views, or every event where there is none."""
    session = np.repeat(np.arange(len(history.session_keys)), history.n_events)
    is_view = np.asarray(
        pc.is_in(history.events["event_name"], value_set=pa.array(ITEM_VIEWS)).to_numpy(), np.bool_
    )
    source: Source = "item views" if is_view.any() else "events"
    rows = is_view if is_view.any() else np.ones(len(session), np.bool_)
    return QuoteMoments(source, session[rows], history.event_ms[rows], np.zeros(int(rows.sum())))
