"""Job: draw a distilled tree."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from phantom_core.core.progress import Progress, no_progress
from phantom_core.jobs.job_request import JobRequest, OptionalText, PlainReport

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings


@dataclass(frozen=True, slots=True)
class DrawnTree(PlainReport):
    """Path of the picture."""

    file: str


class DrawTreeRequest(JobRequest):
    """Draw a distilled tree with its sessions in every node.

    Attributes:
        tree: version of the tree; None means the newest.
        session: id of a session whose path is marked; None for none.
    """

    kind: ClassVar[str] = "draw_tree"
    title: ClassVar[str] = "Draw a tree"
    tree: OptionalText = None
    session: OptionalText = None

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> DrawnTree:
        """Draw and save the picture."""
        from phantom_core.lake.lake import open_lake
        from phantom_core.use_cases.explanations.draw_tree import draw_tree

        lake = open_lake(settings)
        return DrawnTree(
            str(
                draw_tree(
                    settings, lake, version=self.tree, session_id=self.session, progress=progress
                )
            )
        )
