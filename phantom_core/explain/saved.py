"""Saved explanations: kept beside the model they explain, until the model or the data change."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.explain.explanation import Explanation, Grain, Output, parse_explanation
from phantom_core.lake.lake import Lake
from phantom_core.model_kinds.model_kind import default_kind
from phantom_core.model_store.result_store import replace_table
from phantom_core.model_store.store import StoredModel, replace_file

FOLDER: Final = "explained"
SUMMARY: Final = "explanation.json"
POINTS: Final = "contributions.parquet"
INPUTS: Final = "inputs.parquet"
# Labels count: they decide which steps are whose, and what the folds' models learned.
TABLES_READ: Final[Mapping[Grain, tuple[str, ...]]] = {
    "sessions": ("events", "experiments", "session_labels"),
    "offers": ("events", "experiments", "session_labels", "quotes", "catalogue"),
}


@dataclass(frozen=True, slots=True, eq=False)
class SavedExplanation:
    """An explanation on disk.

    Attributes:
        explanation: what the model relies on.
        points: one row per explained session or offer: session_id (and product_id), and for each
            feature its contribution under the feature's name.
        inputs: the features of the same rows where they are an offer's, which nobody keeps
            elsewhere, with `label`; else None.
    """

    explanation: Explanation
    points: pa.Table
    inputs: pa.Table | None = None


def tables_read(lake: Lake, grain: Grain) -> tuple[int, ...]:
    """Versions of the tables that an explanation is read from, as they stand now."""
    return tuple(lake.version(table) for table in TABLES_READ[grain])


def folder_of(model: StoredModel, output: Output) -> Path:
    """Where the explanation of one answer is kept: the first answer's in the folder itself."""
    folder = model.folder / FOLDER
    return folder if output == "agent" else folder / output


def read_saved(model: StoredModel, output: Output) -> SavedExplanation:
    """What was found out about one answer of a model last.

    Raises:
        NotFoundError: it was never explained.
        DataError: what was kept cannot be read.
    """
    folder, version = folder_of(model, output), model.manifest.version
    if not (folder / SUMMARY).is_file():
        asked = "" if model.manifest.kind == default_kind() else f" --model {model.manifest.kind}"
        raise NotFoundError(
            f"Model {version} has not been explained yet.",
            hint=f"Explain it: python -m phantom_core explain{asked}",
        )
    try:
        explanation = parse_explanation((folder / SUMMARY).read_bytes())
        inputs = pq.read_table(folder / INPUTS) if explanation.grain == "offers" else None
        return SavedExplanation(explanation, pq.read_table(folder / POINTS), inputs)
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            f"What is known of model {version} cannot be read.", hint="Explain it again."
        ) from error


def find_explanation(model: StoredModel, output: Output) -> SavedExplanation | None:
    """What was found before; None where it is not there, or not whole: it is only a copy of what
    can be worked out again.
    """
    try:
        return read_saved(model, output)
    except (NotFoundError, DataError):
        return None


def save_explanation(model: StoredModel, saved: SavedExplanation) -> None:
    """Write the points, then the summary that says they are whole; between the two there is nothing
    to read.
    """
    folder = folder_of(model, saved.explanation.output)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SUMMARY).unlink(missing_ok=True)
    if saved.inputs is not None:
        replace_table(folder / INPUTS, saved.inputs)
    replace_table(folder / POINTS, saved.points)
    replace_file(folder / SUMMARY, saved.explanation.to_file())
