"""Job: distil a model into a small tree."""

from typing import TYPE_CHECKING, ClassVar

from phantom_core.core.progress import Progress, no_progress
from phantom_core.jobs.job_request import JobRequest, Texts

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings
    from phantom_core.distil.distillation import Distillation


class DistilRequest(JobRequest):
    """Distil a model's mark-ups into a small tree and its rules, and measure their fidelity.

    Attributes:
        teacher: classifier, network, or optimal: the network's optimal mark-up.
        method: tree, ahead (lookahead), hstree or figs.
        depth: most splits on a path.
        leaf_sessions: fewest sessions in a leaf.
        without: features no price may depend on; None means the installation's banned ones.
        seed: of everything random; None means the installation's.
    """

    kind: ClassVar[str] = "distil"
    title: ClassVar[str] = "Distil a tree"
    teacher: str = "classifier"
    method: str = "tree"
    depth: int = 5
    leaf_sessions: int = 50
    without: Texts | None = None
    seed: int | None = None

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> "Distillation":
        """Grow, measure, save."""
        from phantom_core.distil.grow import Recipe, method_named
        from phantom_core.lake.lake import open_lake
        from phantom_core.use_cases.explanations.distil import distil_rules

        return distil_rules(
            settings,
            open_lake(settings),
            now_ms=now_ms,
            teacher=self.teacher,
            recipe=Recipe(method_named(self.method), self.depth, self.leaf_sessions),
            without=self.without,
            seed=self.seed,
            progress=progress,
        )
