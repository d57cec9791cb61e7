"""Score at quotes: P(agent) at each quote by the classifier that prices are set with.

A quote of a training session keeps its out-of-fold probability, as whole sessions do.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.arrays import Floats, Ints
from phantom_core.core.settings import Settings
from phantom_core.features.domains import P_AGENT
from phantom_core.model_kinds.classifier import CLASSIFIER
from phantom_core.model_store.store import ModelStore, StoredModel
from phantom_core.models.event_curves import EVENTS_SO_FAR
from phantom_core.models.inference_classifier import learned_from_quotes
from phantom_core.models.quote_classifier import QuoteClassifier
from phantom_core.models.saved_classifier import read_quote_classifier
from phantom_core.replay.features_at_quote import ScoreQuotes
from phantom_core.rules.rule_set import RuleSet
from phantom_core.use_cases.models.train_at_quotes import OUT_OF_FOLD_AT_QUOTES


@dataclass(frozen=True, slots=True, eq=False)
class QuoteScorer:
    """Scores quotes of recorded sessions.

    Attributes:
        classifier: of unfinished sessions.
        learned: quotes of the training sessions with their out-of-fold probabilities.
    """

    classifier: QuoteClassifier
    learned: pa.Table

    def of_sessions(self, matrix: pa.Table) -> ScoreQuotes:
        """A scorer of quotes whose sessions are rows of a feature matrix."""

        def score(features: pa.Table, session: Ints, event_ms: Ints) -> Floats:
            known = _held_out(self.learned, matrix, features, session, event_ms)
            return np.where(np.isnan(known), self.classifier.agent_probability(features), known)

        return score


@requires(Permission.READ)
def open_quote_scorer(
    settings: Settings, version: str | None, read_by: Sequence[RuleSet]
) -> QuoteScorer | None:
    """The scorer of a saved classifier; None without one.

    One that learned from whole sessions only leaves P(agent) at quotes undefined, where no rule
    reads it.

    Raises:
        DataError: a rule reads P(agent), and the classifier learned from whole sessions only.
        NotFoundError: no such model.
    """
    if not version:
        return None
    model = ModelStore(settings.workspace, CLASSIFIER.name).open(version)
    is_read = any(P_AGENT in rules.features for rules in read_by)
    return read_scorer(model) if is_read or learned_from_quotes(model.manifest) else None


@requires(Permission.READ)
def read_scorer(model: StoredModel) -> QuoteScorer:
    """The scorer of a saved classifier.

    Raises:
        DataError: it learned from whole sessions only, or is damaged.
    """
    classifier = read_quote_classifier(model)
    return QuoteScorer(classifier, pq.read_table(io.BytesIO(model.read(OUT_OF_FOLD_AT_QUOTES))))


def _held_out(
    learned: pa.Table, matrix: pa.Table, features: pa.Table, session: Ints, event_ms: Ints
) -> Floats:
    """Out-of-fold probability of quotes that are as they were in training; NaN for the others."""
    ids = matrix["session_id"].combine_chunks()
    row = pc.fill_null(pc.index_in(learned["session_id"], value_set=ids), -1)
    known = learned.append_column("row", row).filter(pc.greater_equal(row, 0))
    if not known.num_rows:
        return np.full(session.size, np.nan)
    learned_ms = known["event_ms"].to_numpy()
    moments, code = np.unique(np.concatenate([learned_ms, event_ms]), return_inverse=True)
    key = np.concatenate([known["row"].to_numpy(), session]).astype(np.int64) * moments.size + code
    mine, wanted = key[: learned_ms.size], key[learned_ms.size :]
    order = np.argsort(mine, kind="stable")
    at = order[np.minimum(np.searchsorted(mine[order], wanted), mine.size - 1)]
    events = pc.fill_null(features[EVENTS_SO_FAR], -1).to_numpy()
    same = (mine[at] == wanted) & (known[EVENTS_SO_FAR].to_numpy()[at] == events)
    return np.where(same, known["agent_probability"].to_numpy()[at], np.nan)
