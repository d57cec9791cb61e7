"""Job: explain a model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from phantom_core.core.progress import Progress, no_progress
from phantom_core.core.settings import Settings
from phantom_core.jobs.job_request import JobReport, JobRequest, OptionalText

if TYPE_CHECKING:
    from phantom_core.explain.explanation import Explanation, Output


@dataclass(frozen=True, slots=True)
class NetworkExplanations:
    """Explanations of a network, by output."""

    by_output: Mapping["Output", "Explanation"]

    def to_json(self) -> Mapping[str, object]:
        """One object per output."""
        return {output: found.to_json() for output, found in self.by_output.items()}


class ExplainRequest(JobRequest):
    """Find out what a model relies on.

    Attributes:
        model_kind: classifier or multitask, the network.
        version: of the model; None means the one in use.
        paired: sessions on which interactions are measured; 0 for none.
    """

    kind: ClassVar[str] = "explain"
    title: ClassVar[str] = "Explain a model"
    model_kind: Literal["classifier", "multitask"] = Field(
        default="classifier", validation_alias="kind", serialization_alias="kind"
    )
    version: OptionalText = Field(
        default=None, validation_alias="model", serialization_alias="model"
    )
    paired: int = 0

    def run(
        self, settings: Settings, *, now_ms: int, progress: Progress = no_progress
    ) -> JobReport:
        """Explain the classifier or the network."""
        from phantom_core.lake.lake import open_lake

        lake = open_lake(settings)
        if self.model_kind == "multitask":
            from phantom_core.use_cases.explanations.explain_network import explain_network

            return NetworkExplanations(
                explain_network(settings, lake, version=self.version, progress=progress)
            )
        from phantom_core.use_cases.explanations.explain_model import explain_model

        return explain_model(
            settings, lake, version=self.version, n_paired=self.paired, progress=progress
        )
