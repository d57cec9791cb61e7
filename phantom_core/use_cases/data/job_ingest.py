"""Job: load files."""

from typing import TYPE_CHECKING, ClassVar

from phantom_core.core.progress import Progress, no_progress
from phantom_core.jobs.job_request import JobRequest, OptionalText, Texts
from phantom_core.use_cases.data.load_totals import LoadTotals

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings


class IngestRequest(JobRequest):
    """Load events, quotes, labels, experiments and a catalogue.

    Every row is accepted, a known duplicate, or in quarantine.
    """

    kind: ClassVar[str] = "ingest"
    title: ClassVar[str] = "Load files"
    paths: Texts = ()
    mapping: OptionalText = None
    experiments: OptionalText = None
    labels: OptionalText = None
    catalogue: OptionalText = None

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> LoadTotals:
        """Load, then bring the features up to date."""
        from phantom_core.core.progress import part_progress
        from phantom_core.events.mapping import load_mapping
        from phantom_core.features.store import FeatureStore
        from phantom_core.lake.lake import open_lake
        from phantom_core.use_cases.data.allowed_sources import require_named_files
        from phantom_core.use_cases.data.ingest import ingest_files

        require_named_files([self.mapping or ""])
        report = ingest_files(
            settings,
            self.paths,
            now_ms=now_ms,
            mapping=load_mapping(self.mapping) if self.mapping else None,
            experiments=self.experiments,
            labels=self.labels,
            catalogue=self.catalogue,
            progress=progress,
        )
        FeatureStore(open_lake(settings)).refresh(part_progress(progress, 0.95, 0.95))
        return report.totals()
