"""Job: explain a model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, Field, JsonValue

from phantom_core.core.progress import Progress, no_progress
from phantom_core.jobs.job_request import JobRequest, OptionalText
from phantom_core.model_kinds.model_kind import MODEL_KINDS, default_kind

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings

ModelKindName = Annotated[str, AfterValidator(lambda name: MODEL_KINDS.find(name).name)]


@dataclass(frozen=True, slots=True)
class ExplanationReport:
    """What a model relies on, as the command line prints it."""

    found: Mapping[str, JsonValue]

    def to_json(self) -> Mapping[str, JsonValue]:
        """One object; of a model with several answers, one per answer."""
        return self.found


class ExplainRequest(JobRequest):
    """Find out what a model relies on.

    Attributes:
        model_kind: name of the kind of model.
        version: of the model; None means the one in use.
        paired: rows on which interactions are measured; 0 for none.
    """

    kind: ClassVar[str] = "explain"
    title: ClassVar[str] = "Explain a model"
    model_kind: ModelKindName = Field(
        default=default_kind(), validation_alias="kind", serialization_alias="kind"
    )
    version: OptionalText = Field(
        default=None, validation_alias="model", serialization_alias="model"
    )
    paired: int = 0

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> ExplanationReport:
        """Explain the whole model."""
        from phantom_core.lake.lake import open_lake
        from phantom_core.use_cases.explanations.explain import ExplanationScope, explain

        scope = ExplanationScope(version=self.version, n_paired=self.paired)
        return ExplanationReport(
            explain(settings, open_lake(settings), self.model_kind, scope, progress)
        )
