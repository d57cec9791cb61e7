"""Compare models: two saved models on the same sessions, each held out from both."""

import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError
from phantom_core.core.progress import no_progress
from phantom_core.core.settings import Settings
from phantom_core.evaluation.labelled_sessions import LabelledSessions, read_labelled
from phantom_core.lake.lake import open_lake
from phantom_core.model_kinds.model_kind import MODEL_KINDS
from phantom_core.model_store.store import ModelStore, StoredModel
from phantom_core.models.splits import MIN_FOLDS
from phantom_core.monitoring.challenger_evaluation import (
    ComparedFigure,
    HeldOut,
    compare_figure,
)
from phantom_core.use_cases.models.train_at_quotes import OUT_OF_FOLD_AT_QUOTES

OUT_OF_FOLD: Final = "oof.parquet"
AT_QUOTE: Final = "agent_at_quote"
# Task → column of its out-of-fold probability, and of its label; the first one decides.
_TASKS: Final[Mapping[str, tuple[str, str]]] = {
    "purchase": ("purchase_probability", "purchased"),
    "agent": ("agent_probability", "is_agent"),
}

# Corrections of single labels are usual; more of them need somebody to look.
_MOST_CHANGED: Final = 0.05


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """A challenger beside the model that prices depend on.

    Attributes:
        champion: version; empty where none was approved.
        challenger: version.
        sessions: scored by both, each by a fold model that did not see its actor, count.
        labels_changed: sessions among them whose label differs from the one that the champion was
            trained on, count.
        figures: of both, by task, each difference with its interval over actors; the first decides.
        problem: why there are no figures; empty where there are.
    """

    champion: str
    challenger: str
    sessions: int = 0
    labels_changed: int = 0
    figures: tuple[ComparedFigure, ...] = ()
    problem: str = ""

    @property
    def is_worse(self) -> bool:
        """Whether the challenger is significantly worse in a figure."""
        return any(one.difference is not None and one.difference.high < 0 for one in self.figures)

    @property
    def doubt(self) -> str:
        """Why nobody should use the challenger without a second thought; empty where none is known.

        Labels that changed in bulk make a model look better that learned from wrong ones.
        """
        if self.is_worse:
            return f"{self.challenger} is significantly worse."
        if self.labels_changed > _MOST_CHANGED * self.sessions:
            return (
                f"The labels of {self.labels_changed:,} of {self.sessions:,} sessions changed "
                f"since {self.champion} was trained, so its figures say little."
            )
        return ""

    @property
    def sentence(self) -> str:
        """The comparison in a sentence."""
        if not self.champion:
            return "It is the first model of its kind for pricing."
        if not self.figures:
            return f"It could not be compared with {self.champion}: {self.problem}"
        one = self.figures[0]
        assert one.difference is not None and one.champion is not None
        changed = (
            f" The labels of {self.labels_changed:,} of them changed since."
            if self.labels_changed
            else ""
        )
        return (
            f"{one.name.replace('_', ' ').replace('roc auc', 'ROC-AUC')}: {one.challenger:.3f} "
            f"against {one.champion:.3f} of {self.champion}, difference "
            f"{one.difference.value:+.3f} "
            f"({one.difference.low:+.3f} to {one.difference.high:+.3f}) on "
            f"{self.sessions:,} held-out sessions.{changed}"
        )

    def payload(self) -> dict[str, object]:
        """As a governed change stores it."""
        return {**asdict(self), "sentence": self.sentence, "doubt": self.doubt}


@requires(Permission.READ)
def compare_models(
    settings: Settings, kind: str, champion: str, challenger: str
) -> ModelComparison:
    """Compare two saved models on the labelled sessions that both were cross-fitted on.

    Args:
        settings: workspace and seed.
        kind: of model.
        champion: version; empty for none.
        challenger: version.
    Returns:
        Without figures where the sessions or the files do not allow a comparison.
    Raises:
        NotFoundError: no such model.
    """
    store = ModelStore(settings.workspace, MODEL_KINDS.find(kind).name)
    mine = store.open(challenger)
    if not champion or champion == challenger:
        return ModelComparison(champion if champion == challenger else "", challenger)
    try:
        theirs = store.open(champion)
        labelled = read_labelled(open_lake(settings), (), MIN_FOLDS, no_progress)
        return _compared(settings, labelled, theirs, mine)
    except DataError as error:
        return ModelComparison(champion, challenger, problem=str(error))


def _compared(
    settings: Settings, labelled: LabelledSessions, champion: StoredModel, challenger: StoredModel
) -> ModelComparison:
    mine, theirs = (_out_of_fold(model) for model in (challenger, champion))
    session_id = labelled.matrix["session_id"]
    figures = _compared_at_quotes(settings, labelled, champion, challenger)
    n_sessions = n_changed = 0
    for task, (column, label) in _TASKS.items():
        if column not in mine.column_names or column not in theirs.column_names:
            continue
        scores = [_values(table, column, session_id) for table in (mine, theirs)]
        positive = pc.fill_null(labelled.matrix[label], False).to_numpy().astype(np.bool_)
        common = ~np.isnan(scores[0]) & ~np.isnan(scores[1])
        held_out = HeldOut(
            positive[common],
            labelled.rows.groups[common],
            scores[1][common],
            scores[0][common],
        )
        if not held_out.is_enough:
            continue
        figures += compare_figure(held_out, task, np.random.default_rng(settings.seed))
        n_sessions = max(n_sessions, int(common.sum()))
        if "is_agent" in theirs.column_names and label == "is_agent":
            learned = _values(theirs, "is_agent", session_id)[common]
            n_changed = int((learned != positive[common]).sum())
    if not figures:
        raise DataError("they were evaluated on too few sessions in common.")
    return ModelComparison(
        champion.manifest.version,
        challenger.manifest.version,
        n_sessions,
        n_changed,
        tuple(figures),
    )


def _compared_at_quotes(
    settings: Settings, labelled: LabelledSessions, champion: StoredModel, challenger: StoredModel
) -> list[ComparedFigure]:
    """Figures at the quotes that both were cross-fitted on, which come first: prices are set there.

    Empty for models that are not asked at quotes, or whose quotes differ.
    """
    if not all(OUT_OF_FOLD_AT_QUOTES in one.manifest.files for one in (champion, challenger)):
        return []
    mine, theirs = (_out_of_fold(one, OUT_OF_FOLD_AT_QUOTES) for one in (challenger, champion))
    both = mine.join(theirs, ["session_id", "event_ms"], join_type="inner", right_suffix="_before")
    both = both.group_by(["session_id", "event_ms"]).aggregate(
        [("agent_probability", "mean"), ("agent_probability_before", "mean")]
    )
    row = pc.index_in(both["session_id"], labelled.matrix["session_id"].combine_chunks())
    both, row = both.filter(pc.is_valid(row)), row.filter(pc.is_valid(row)).to_numpy()
    held_out = HeldOut(
        labelled.rows.is_agent[row],
        labelled.rows.groups[row],
        both["agent_probability_before_mean"].to_numpy(),
        both["agent_probability_mean"].to_numpy(),
    )
    rng = np.random.default_rng(settings.seed)
    return list(compare_figure(held_out, AT_QUOTE, rng)) if held_out.is_enough else []


def _out_of_fold(model: StoredModel, name: str = OUT_OF_FOLD) -> pa.Table:
    return pq.read_table(io.BytesIO(model.read(name)))


def _values(table: pa.Table, column: str, session_id: pa.ChunkedArray) -> NDArray[np.float64]:
    """A column by session, NaN where the table lacks the session."""
    at = pc.index_in(session_id, value_set=table["session_id"].combine_chunks())
    found = pc.cast(table[column].take(at), pa.float64())
    values: NDArray[np.float64] = pc.fill_null(found, np.nan).to_numpy()
    return values
