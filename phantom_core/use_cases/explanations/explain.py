"""Explain: what a saved model of any kind relies on, or why it says what it says of one session."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, cast

from pydantic import JsonValue

from phantom_core.core.progress import Progress, no_progress
from phantom_core.core.settings import Settings
from phantom_core.explain.explanation import Output
from phantom_core.lake.lake import Lake
from phantom_core.model_kinds.model_kind import MODEL_KINDS
from phantom_core.model_store.store import ModelFiles


@dataclass(frozen=True, slots=True)
class ExplanationScope:
    """What is to be explained.

    Attributes:
        output: which answer of the model; None means all it can give.
        session_id: one session; None means the whole model.
        product_id: with a session, one product; None means the first it was shown.
        version: of the model; None means the latest.
        n_rows: most sessions or offers that are explained, drawn at random; None means the kind's
            usual number.
        n_paired: on how many of them interactions are measured; 0 for none.
    """

    output: Output | None = None
    session_id: str | None = None
    product_id: str | None = None
    version: str | None = None
    n_rows: int | None = None
    n_paired: int = 0


class Explain(Protocol):
    """Explains models of one kind."""

    def __call__(
        self, settings: Settings, lake: Lake, request: ExplanationScope, progress: Progress
    ) -> Mapping[str, JsonValue]:
        """Explain; what was found before for the same model and data is read back.

        Raises:
            InputError: this kind of model cannot be asked so.
            NotFoundError: no such model, session or product.
            DataError: the model is damaged, or cannot give the answer.
        """


class AvailableAnswers(Protocol):
    """Finds what a saved model can be asked."""

    def __call__(self, model: ModelFiles) -> tuple[str, ...]:
        """Names of its answers."""


def explain(
    settings: Settings,
    lake: Lake,
    kind: str,
    request: ExplanationScope,
    progress: Progress = no_progress,
) -> Mapping[str, JsonValue]:
    """Explain a model of a kind; see `Explain`.

    Raises:
        InputError: there is no such kind.
    """
    explain_kind = cast(Explain, MODEL_KINDS.find(kind).explain.load())
    return explain_kind(settings, lake, request, progress)
