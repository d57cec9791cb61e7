"""Prepare the demo: a classifier, its money and learned rules, so that every page has figures."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError, InputError
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.core.settings import Settings
from phantom_core.jobs.jobs import Jobs
from phantom_core.lake.lake import open_lake
from phantom_core.model_kinds.classifier import CLASSIFIER
from phantom_core.model_store.store import ModelStore
from phantom_core.use_cases.models.job_study_classifier import StudyClassifierRequest
from phantom_core.use_cases.models.train_classifier import train_classifier
from phantom_core.use_cases.operations.job_monitor import MonitorRequest
from phantom_core.use_cases.overview.job_summarise_business import SummariseBusinessRequest
from phantom_core.use_cases.overview.prepared_demo import LEARNED, PreparedDemo
from phantom_core.use_cases.rules.job_measure_leakage import MeasureLeakageRequest
from phantom_core.use_cases.rules.job_trace_frontier import TraceFrontierRequest
from phantom_core.use_cases.rules.learn_policy import learn_policy
from phantom_core.use_cases.rules.rule_sets import save_rule_set

_DAYS: Final = (7, 28)
_TRAINED: Final = 0.5


@requires(Permission.WORK)
def prepare_demo(
    settings: Settings, *, now_ms: int, progress: Progress = no_progress
) -> PreparedDemo:
    """Train the classifier, work out revenue and leakage, and learn rules from the demo set.

    A classifier that is there stays in use. Nothing is proposed, approved or published: that is
    for people. A demo set too small for a part goes without it.

    Args:
        settings: workspace with a demo set.
        now_ms: UTC milliseconds.
        progress: called after every step.
    Raises:
        DataError: too few sessions to train on.
        CancelledError: progress cancelled the work.
    """
    version = ModelStore(settings.workspace, CLASSIFIER.name).in_use()
    if not version:
        report = train_classifier(
            settings,
            open_lake(settings),
            now_ms=now_ms,
            progress=part_progress(progress, 0, _TRAINED),
        )
        version = report.model_version
    problems, learned = [], ""
    parts = _money(settings, now_ms)
    for number, part in enumerate(parts):
        start = _TRAINED + (1 - _TRAINED) * number / len(parts)
        try:
            learned = part(part_progress(progress, start, start + (1 - _TRAINED) / len(parts)))
        except (DataError, InputError) as error:
            problems.append(error.message)
    progress(1, "prepared")
    Jobs(settings).start(StudyClassifierRequest(version=version))
    return PreparedDemo(version, learned, " ".join(problems))


def _money(settings: Settings, now_ms: int) -> tuple[Callable[[Progress], str], ...]:
    """What is worked out with a classifier; the last part returns the name of its rule set."""

    def summarise(n_days: int, progress: Progress) -> str:
        SummariseBusinessRequest(days=n_days).run(settings, now_ms=now_ms, progress=progress)
        return ""

    def measure(progress: Progress) -> str:
        MeasureLeakageRequest().run(settings, now_ms=now_ms, progress=progress)
        return ""

    def trace(progress: Progress) -> str:
        TraceFrontierRequest().run(settings, now_ms=now_ms, progress=progress)
        return ""

    def check(progress: Progress) -> str:
        MonitorRequest().run(settings, now_ms=now_ms, progress=progress)
        return ""

    def learn(progress: Progress) -> str:
        rules = learn_policy(settings, now_ms=now_ms, progress=progress).rules
        save_rule_set(settings, replace(rules, name=LEARNED))
        return LEARNED

    return (*(partial(summarise, n_days) for n_days in _DAYS), measure, check, trace, learn)
