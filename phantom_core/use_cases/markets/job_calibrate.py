"""Job: measure the market."""

from typing import TYPE_CHECKING, ClassVar

from phantom_core.core.progress import Progress, no_progress
from phantom_core.jobs.job_request import JobRequest

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings
    from phantom_core.market.calibration.calibration import Calibration


class CalibrateRequest(JobRequest):
    """Measure arrivals, agent share, base prices and price sensitivities on the loaded data.

    Attributes:
        seed: of the resamples; None means the installation's.
    """

    kind: ClassVar[str] = "calibrate"
    title: ClassVar[str] = "Measure the market"
    seed: int | None = None

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> "Calibration":
        """Measure and save."""
        from phantom_core.use_cases.markets.calibrate import calibrate_market

        return calibrate_market(settings, now_ms=now_ms, seed=self.seed, progress=progress)
