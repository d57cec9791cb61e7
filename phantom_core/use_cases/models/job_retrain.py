"""Job: retrain the models."""

from typing import TYPE_CHECKING, ClassVar, Literal

from phantom_core.core.progress import Progress, no_progress
from phantom_core.jobs.job_request import JobRequest, Texts

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings
    from phantom_core.monitoring.promotion_decision import RetrainReport


class RetrainRequest(JobRequest):
    """Train challengers on recent days, and compare them with the model in use afterwards.

    Without an approved promotion policy a better challenger waits for a person.

    Attributes:
        kinds: of models; empty means the classifier, and the network where one is in use.
        days: of the window.
        held_out_days: the last of them, to evaluate on.
        rule: of promotion.
        margin: of ROC-AUC, for not_worse.
        publish: whether services score with what is approved afterwards.
        Days, rule and margin default to the installation's.
    """

    kind: ClassVar[str] = "retrain"
    title: ClassVar[str] = "Retrain the models"
    kinds: Texts = ()
    days: int | None = None
    held_out_days: int | None = None
    rule: Literal["better", "not_worse"] | None = None
    margin: float | None = None
    publish: bool = True

    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> "RetrainReport":
        """Train and compare; promote where an approved policy allows it; publish."""
        from functools import partial

        from phantom_core.alerts.alerts import Alerts
        from phantom_core.lake.lake import open_lake
        from phantom_core.use_cases.models.publish_model import publish_approved
        from phantom_core.use_cases.models.retrain import retrain_models

        report = retrain_models(
            self.changed(settings),
            open_lake(settings),
            now_ms=now_ms,
            kinds=self.kinds or None,
            publish=partial(publish_approved, settings, now_ms=now_ms) if self.publish else None,
            progress=progress,
        )
        waiting = {
            f"waiting_{one.kind}": one.why for one in report.verdicts if one.outcome == "waiting"
        }
        decided = frozenset(
            f"waiting_{one.kind}" for one in report.verdicts if one.outcome in ("promoted", "kept")
        )
        # The next check of the traffic notifies the channels.
        Alerts(settings).follow(waiting, decided, now_ms)
        return report

    def changed(self, settings: "Settings") -> "Settings":
        """Settings of this retraining: the installation's where the request leaves them open."""
        overrides = self.model_dump(
            include={"days", "held_out_days", "rule", "margin"}, exclude_none=True
        )
        retraining = settings.retraining.model_copy(update=overrides)
        return settings.model_copy(update={"retraining": retraining})
