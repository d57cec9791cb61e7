"""Prepare: the prerequisites of reactive prices: sessions, a classifier, and approved rules."""

from dataclasses import dataclass
from typing import Final

from phantom_core.core.errors import PhantomError
from phantom_core.core.settings import Settings
from phantom_core.jobs.jobs import Job, Jobs
from phantom_core.model_kinds.classifier import CLASSIFIER
from phantom_core.monitoring.promotion_decision import RetrainReport
from phantom_core.publishing.publish import read_live
from phantom_core.signing.keys import public_keys
from phantom_core.use_cases.data.demo import load_demo, wants_demo, weeks_until
from phantom_core.use_cases.models.job_retrain import RetrainRequest
from phantom_core.use_cases.models.model_use import pricing_version, take_first_model
from phantom_core.use_cases.models.publish_model import publish_approved
from phantom_core.valkey.server import connect_server

_KIND: Final = CLASSIFIER.name


@dataclass(slots=True)
class Preparation:
    """Progress of preparing an installation.

    Attributes:
        settings: workspace.
        job: the training in progress; None without one.
    """

    settings: Settings
    job: Job | None = None

    def load(self, now_ms: int) -> str:
        """Load the demo set into a workspace that was never used; returns a message, or nothing."""
        if not wants_demo(self.settings.workspace):
            return ""
        report = load_demo(self.settings, now_ms=now_ms, weeks=weeks_until(now_ms))
        return (
            f"Loaded a demo set of {report.sessions:,} generated sessions in "
            f"{report.seconds:.0f} s."
        )

    def train(self, now_ms: int) -> str:
        """Publish the classifier in use, or start training one; returns which."""
        version = pricing_version(self.settings, _KIND)
        if version:
            take_first_model(self.settings, _KIND, version, "Prepared.", now_ms=now_ms)
            return f"Classifier: {publish_approved(self.settings, _KIND, now_ms)}"
        self.job = Jobs(self.settings).start(RetrainRequest(kinds=(_KIND,)))
        return (
            "Classifier: training one, which takes about a minute; until then no session "
            "is classified as an agent."
        )

    def stop(self) -> None:
        """Cancel a training in progress; the next start begins another one."""
        if self.job is not None:
            Jobs(self.settings).cancel(self.job.job_id)

    def look(self) -> str:
        """The outcome of the training, once; else nothing."""
        if self.job is None:
            return ""
        job = Jobs(self.settings).get(self.job.job_id)
        if job.is_active:
            return ""
        self.job = None
        if job.state != "done":
            return (
                f"Classifier: the training {job.state}: {job.message} Train one on the page "
                "Agent classifier."
            )
        found, hint = job.report_as(RetrainReport).verdicts[0], ""
        if found.outcome in ("kept", "waiting"):
            hint = f" To use it anyway: python -m phantom_core promote {_KIND} {found.challenger}"
        return f"Classifier: {found.outcome}. {found.why} {found.published}".rstrip() + hint


def live_sentence(settings: Settings) -> str:
    """What determines prices now, or what to do to make rules live."""
    try:
        live = read_live(connect_server(settings), public_keys(settings))
    except PhantomError as error:
        return f"Rules: {error}"
    if live is None or not (live.version or live.stable):
        return (
            "Rules: none are live, so every session sees the base price. In the dashboard, submit "
            "a set on the page Rules and approve it as "
            "another person on the page Approvals; prices follow within a second."
        )
    if live.is_killed:
        return "Rules: the kill switch is on: all sessions see the base price. See the page Live."
    rest = live.stable or "the base price"
    return (
        f"Rules: {live.version or 'none'} for {live.share:.0%} of the sessions, {rest} for the "
        "others."
    ).replace("%", " %")
