"""Explain: what a saved model of any kind relies on, or why it scores one session as it does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, cast

from pydantic import JsonValue

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
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
        output: of the model; None means all it has.
        session_id: one session; None means the whole model.
        product_id: with a session, one product; None means the first it was quoted.
        version: of the model; None means the latest.
        n_rows: most sessions or offers to explain, drawn at random; None means the kind's
            default number.
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
        """Explain; an explanation of the same model and data is read from its cache.

        Raises:
            InputError: this kind of model has no such explanation.
            NotFoundError: no such model, session or product.
            DataError: the model is damaged, or lacks the output.
        """


class AvailableAnswers(Protocol):
    """Finds the outputs of a saved model."""

    def __call__(self, model: ModelFiles) -> tuple[str, ...]:
        """Names of its outputs."""


@requires(Permission.WORK)
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
