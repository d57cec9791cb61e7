"""Preparing the demo: every page has figures, and nothing is proposed or published."""

from functools import partial
from pathlib import Path

import pytest

from phantom_core.core.settings import Settings
from phantom_core.jobs.jobs import Jobs
from phantom_core.model_kinds.classifier import CLASSIFIER
from phantom_core.model_store.store import ModelStore
from phantom_core.policy_learning.constraints import PolicyConstraints
from phantom_core.use_cases.approvals.change_requests import list_requests
from phantom_core.use_cases.data.demo import load_demo
from phantom_core.use_cases.overview import prepare_demo as module
from phantom_core.use_cases.overview.prepare_demo import prepare_demo
from phantom_core.use_cases.overview.summarise_business import summaries
from phantom_core.use_cases.rules.check_rules import check_rule_set
from phantom_core.use_cases.rules.learn_policy import learn_policy, learned_store
from phantom_core.use_cases.rules.live_rules import is_anything_live
from phantom_core.use_cases.rules.rule_sets import open_rule_set
from phantom_core.views.overview.pricing_steps import pricing_steps

NOW_MS = 1_772_452_800_000
pytestmark = pytest.mark.slow


@pytest.fixture
def unstudied(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Kinds of the jobs that are started; their workers are not."""
    started: list[str] = []
    monkeypatch.setattr(Jobs, "start", lambda _, request: started.append(request.kind))
    return started


def test_it_trains_measures_and_learns_rules_that_pass_the_check(
    tmp_path: Path, unstudied: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As little as this many sessions can promise.
    modest = PolicyConstraints(leakage_cut=0.1, human_conversion_loss=0.2, human_premium=0.1)
    monkeypatch.setattr(module, "learn_policy", partial(learn_policy, constraints=modest))
    settings = Settings(workspace=tmp_path, demo_sessions=800)
    load_demo(settings, now_ms=NOW_MS)
    done: list[float] = []
    found = prepare_demo(
        settings, now_ms=NOW_MS, progress=lambda fraction, *_: done.append(fraction)
    )
    assert (found.rules, found.problem) == ("learned", "")
    assert done == sorted(done)
    assert set(summaries(settings).names()) == {"7-days", "28-days"}
    assert unstudied == ["study_classifier"]
    checked = check_rule_set(settings, open_rule_set(settings, "learned"))
    assert {one.severity for one in checked} <= {"note"}
    assert not list_requests(settings)
    assert not is_anything_live(settings)
    (step,) = pricing_steps(settings)
    assert (step.what, step.page) == ("Propose the learned rules", "approvals")


def test_what_is_too_small_for_a_part_goes_without_it_and_its_classifier_stays(
    trained: Path, unstudied: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(workspace=trained)
    version = ModelStore(trained, CLASSIFIER.name).latest()
    impossible = PolicyConstraints(leakage_cut=0.99, human_conversion_loss=0.0)
    monkeypatch.setattr(module, "learn_policy", partial(learn_policy, constraints=impossible))
    found = prepare_demo(settings, now_ms=NOW_MS)
    assert (found.rules, found.classifier) == ("", version)
    assert "No rules recover" in found.problem
    assert not learned_store(settings).names()
    (step,) = pricing_steps(settings)
    assert (step.what, step.tab) == ("Learn rules for money", "Learn")
