"""Robustness studies change one thing, and measure the expected fall."""

from pathlib import Path

import numpy as np
import pytest

from phantom_core.evaluation.history import History
from phantom_core.evaluation.robustness import (
    RobustnessStudy,
    delay_attack,
    human_clock_attack,
    prefix_results,
    unseen_families,
    with_features,
)
from phantom_core.features.catalogue import feature_names
from phantom_core.lake.lake import Lake
from phantom_core.models.classifier import LabelledRows
from phantom_core.models.cross_fit import cross_fit
from phantom_core.models.encoding import encode_features
from phantom_core.models.splits import make_folds
from tests.evaluation.sessions import Event, history_of

pytestmark = pytest.mark.slow

N = 180
IS_AGENT = np.arange(N) % 2 == 0
FAMILY = np.where(IS_AGENT, np.where(np.arange(N) % 4 == 0, "runner", "walker"), "browser")


def session(key: int, rng: np.random.Generator) -> list[Event]:
    """Runners click every second, walkers as slowly as humans.

    The fourth step of every agent is a search, of every human a view.
    """
    mean_gap_ms = 1_000 if FAMILY[key] == "runner" else 20_000
    at_ms = np.cumsum(rng.integers(mean_gap_ms // 2, mean_gap_ms * 3 // 2, 6))
    fourth = "search" if IS_AGENT[key] else "view_item_page"
    steps = [
        "page_view",
        "page_view",
        "page_view",
        fourth if rng.random() < 0.9 else "click",
        "page_view",
        "page_view",
    ]
    return [(key, name, int(ms)) for name, ms in zip(steps, at_ms, strict=True)]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    rng = np.random.default_rng(0)
    events = [event for key in range(N) for event in session(key, rng)]
    return history_of(Lake(Path(tmp_path_factory.mktemp("lake"))), events, list(range(N)))


def study_of(history: History, families: tuple[str, ...]) -> RobustnessStudy:
    """A study that reads only some families of features."""
    features = feature_names(
        without={"temporal", "behavioural", "product", "user_agent"} - set(families)
    )
    rows = LabelledRows(
        encode_features(history.features(), features), features, IS_AGENT, np.arange(N)
    )
    fold = make_folds(rows.groups, IS_AGENT, 3, np.random.default_rng(1))
    return RobustnessStudy(rows, cross_fit(rows, fold, seed=1), history, seed=1)


@pytest.fixture(scope="module")
def by_timing(history: History) -> RobustnessStudy:
    return study_of(history, ("temporal",))


@pytest.fixture(scope="module")
def by_steps(history: History) -> RobustnessStudy:
    return study_of(history, ("behavioural",))


def test_a_family_that_was_not_in_training_is_missed_when_it_alone_differs(
    by_timing: RobustnessStudy,
) -> None:
    runner, walker = unseen_families(by_timing, FAMILY)
    assert (runner.family, runner.n_sessions, walker.family) == ("runner", 45, "walker")
    assert runner.roc_auc.high < runner.roc_auc_known.low
    assert runner.roc_auc_known == by_timing.evaluate(
        by_timing.whole.margin, (FAMILY == "runner") | ~IS_AGENT
    )


def test_a_family_that_does_what_others_do_is_found_unseen(by_steps: RobustnessStudy) -> None:
    found = unseen_families(by_steps, FAMILY)
    assert [result.family for result in found] == ["runner", "walker"]
    assert min(result.roc_auc.value for result in found) > 0.85


def test_only_families_of_agents_are_left_out_and_unnamed_ones_are_none(
    by_steps: RobustnessStudy,
) -> None:
    assert unseen_families(by_steps, np.full(N, "")) == ()
    assert unseen_families(by_steps, np.where(IS_AGENT, "", "browser")) == ()


def test_the_only_family_of_agents_cannot_be_left_out(by_steps: RobustnessStudy) -> None:
    assert unseen_families(by_steps, np.where(IS_AGENT, "runner", "")) == ()


def test_prefixes_know_nothing_before_the_step_that_differs(by_steps: RobustnessStudy) -> None:
    three, four, all_six = prefix_results(by_steps, (3, 4, 6))
    assert [(result.n_events, result.cut_share) for result in (three, four, all_six)] == [
        (3, 1),
        (4, 1),
        (6, 0),
    ]
    assert three.roc_auc.value == three.roc_auc_retrained.value == 0.5
    assert min(four.roc_auc_retrained.value, all_six.roc_auc.value) > 0.85
    assert all_six.roc_auc == all_six.roc_auc_retrained == by_steps.evaluate(by_steps.whole.margin)


def test_human_waits_hide_what_only_the_clock_gave_away(by_timing: RobustnessStudy) -> None:
    attack = human_clock_attack(by_timing)
    assert attack is not None
    assert attack.roc_auc.value < by_timing.evaluate(by_timing.whole.margin).value - 0.1
    assert "as long as humans" in attack.trick


def test_no_clock_hides_what_the_steps_give_away(by_steps: RobustnessStudy) -> None:
    before = by_steps.evaluate(by_steps.whole.margin)
    assert delay_attack(by_steps).roc_auc == before
    attack = human_clock_attack(by_steps)
    assert attack is not None
    assert attack.roc_auc == before


def test_where_humans_never_wait_agents_cannot_copy_it(tmp_path: Path) -> None:
    events = [
        event
        for key in range(N)
        for event in session(key, np.random.default_rng(0))[: 6 if IS_AGENT[key] else 1]
    ]
    assert (
        human_clock_attack(
            study_of(history_of(Lake(tmp_path), events, list(range(N))), ("behavioural",))
        )
        is None
    )


def test_random_delays_fool_a_classifier_until_it_is_retrained(by_timing: RobustnessStudy) -> None:
    attack = delay_attack(by_timing, max_delay_s=40)
    assert attack.roc_auc.value < by_timing.evaluate(by_timing.whole.margin).value
    assert attack.roc_auc_retrained.value > 0.9
    assert "40 s" in attack.trick


def test_without_the_feature_that_differs_nothing_is_left(by_timing: RobustnessStudy) -> None:
    assert with_features(by_timing, ["session_start_hour"]).value == pytest.approx(0.5, abs=0.1)
