"""Held-out P(agent): of each recorded quote by a model that did not learn from its actor.

Rules that are learned from the probabilities of the model in use would trust them too much on the
very sessions it was trained on. Its training saved those of the folds.
"""

import io
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.arrays import Floats, Ints
from phantom_core.core.settings import Settings
from phantom_core.model_store.store import ModelStore
from phantom_core.use_cases.models.train_at_quotes import OUT_OF_FOLD_AT_QUOTES
from phantom_core.use_cases.models.train_classifier import KIND, OUT_OF_FOLD
from phantom_core.use_cases.rules.replay_data import ReplayData

UNLABELLED_FOLDS: Final = 5


@requires(Permission.READ)
def held_out_p_agent(settings: Settings, data: ReplayData, version: str) -> tuple[Floats, Ints]:
    """P(agent) of each quote, and its fold.

    Quotes that the model did not learn from keep its own P(agent); their actors are dealt to folds
    where the model has none for them.

    Args:
        settings: workspace.
        data: the quotes.
        version: of the classifier in use.
    Returns:
        Shape (n_quotes,) each; no actor is in two folds.
    Raises:
        DataError: a file of the model is gone or was changed.
    """
    model = ModelStore(settings.workspace, KIND).open(version)
    sessions, quotes = (
        pq.read_table(io.BytesIO(model.read(name))) for name in (OUT_OF_FOLD, OUT_OF_FOLD_AT_QUOTES)
    )
    session_id = data.matrix["session_id"].take(pa.array(data.quotes.session))
    held_out = _at_quotes(session_id, data.quotes.event_ms, quotes)
    place = pc.index_in(session_id, value_set=sessions["session_id"].combine_chunks())
    fold = pc.fill_null(sessions["fold"].take(place), -1).to_numpy().astype(np.int64)
    n_folds = int(fold.max(initial=-1)) + 1 or UNLABELLED_FOLDS
    return (
        np.where(np.isnan(held_out), data.p_agent_then, held_out),
        np.where(fold >= 0, fold, data.sessions.actor[data.quotes.session] % n_folds),
    )


def _at_quotes(session_id: pa.ChunkedArray, event_ms: Ints, known: pa.Table) -> Floats:
    """Held-out P(agent) by session and moment; NaN where the model did not learn from it."""
    asked = pa.table(
        {"session_id": session_id, "event_ms": event_ms, "row": np.arange(event_ms.size)}
    )
    once = known.group_by(["session_id", "event_ms"]).aggregate([("agent_probability", "mean")])
    found = asked.join(once, keys=["session_id", "event_ms"]).sort_by("row")
    return np.asarray(pc.fill_null(found["agent_probability_mean"], np.nan).to_numpy(), np.float64)
