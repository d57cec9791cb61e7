"""Features at quote: what was known of a session at each quote, as columns that rules read."""

from collections.abc import Sequence
from typing import Final, Literal, Protocol, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from phantom_core.core.arrays import Floats, Ints
from phantom_core.features.aggregate import SCOPE
from phantom_core.features.catalogue import feature_names
from phantom_core.features.domains import P_AGENT
from phantom_core.features.moments import features_at_many_moments
from phantom_core.market.calibration.add_to_cart_quotes import SessionIndex
from phantom_core.models.event_curves import EVENTS_SO_FAR
from phantom_core.replay.quotes import Quotes, real_column
from phantom_core.rules.evaluate import Column

AsOf = Literal["quote", "session end"]
AS_OF: Final[tuple[AsOf, ...]] = get_args(AsOf)


class ScoreQuotes(Protocol):
    """Gives P(agent) at quotes."""

    def __call__(self, features: pa.Table, session: Ints, event_ms: Ints) -> Floats:
        """P(agent) at each quote, shape (n_quotes,).

        Args:
            features: just before each quote.
            session: row of its session, shape (n_quotes,).
            event_ms: of the quote, UTC milliseconds, shape (n_quotes,).
        """


def features_at_quotes(
    event_files: Sequence[str],
    sessions: SessionIndex,
    quotes: Quotes,
    scorer: ScoreQuotes | None,
) -> pa.Table:
    """Features and P(agent) just before each quote.

    Args:
        event_files: of the lake.
        sessions: index of the quotes' sessions.
        quotes: the moments.
        scorer: gives p_agent; None leaves it undefined.
    Returns:
        One row per quote, all undefined for a price shown before the session's first event: the
        session features and p_agent.
    """
    found = features_just_before(event_files, sessions.session_key[quotes.session], quotes.event_ms)
    is_known = pc.is_valid(found[EVENTS_SO_FAR]).to_numpy()
    p_agent = (
        np.where(is_known, scorer(found, quotes.session, quotes.event_ms), np.nan)
        if scorer
        else np.full(found.num_rows, np.nan)
    )
    return found.append_column(P_AGENT, pa.array(p_agent, from_pandas=True))


def features_just_before(event_files: Sequence[str], session_key: Ints, event_ms: Ints) -> pa.Table:
    """Session features in the millisecond before each of many moments.

    Args:
        event_files: of the lake.
        session_key: of each moment, rising, shape (n_moments,).
        event_ms: of each moment, UTC milliseconds, shape (n_moments,).
    Returns:
        One row per moment, all undefined before the session's first event.
    """
    scope = pa.table(
        {
            "scope_key": np.arange(session_key.size),
            "session_key": session_key,
            "as_of_ms": event_ms - 1,
        },
        schema=SCOPE,
    )
    table = features_at_many_moments(event_files, scope)
    found = table.select(feature_names())
    if found.num_rows == scope.num_rows:
        return found
    return found.take(
        pc.index_in(scope["scope_key"], value_set=table["scope_key"].combine_chunks())
    )


def columns_of(table: pa.Table) -> dict[str, Column]:
    """Features, and p_agent if present, as rules read them: NaN or None where undefined."""
    found: dict[str, Column] = {}
    for name in (*feature_names(), P_AGENT):
        if name in table.column_names:
            column = table[name]
            found[name] = (
                np.array(column.to_pylist(), object)
                if pa.types.is_string(column.type)
                else real_column(column)
            )
    return found


def features_at_session_end(
    matrix: pa.Table, sessions: SessionIndex, quotes: Quotes
) -> dict[str, Column]:
    """Features and P(agent) of the whole session, at each of its quotes.

    Args:
        matrix: of the feature store, its rows those of the sessions.
        sessions: index with P(agent).
        quotes: the moments.
    """
    columns = columns_of(matrix) | {P_AGENT: sessions.p_agent}
    return {name: column[quotes.session] for name, column in columns.items()}
