"""Simulator: run scenarios, train, cancel, resume, calibrate, replay rules on sessions."""

from pathlib import Path

import pytest

from phantom_core.core.errors import CancelledError
from phantom_core.core.settings import Settings
from phantom_core.jobs.jobs import Jobs
from phantom_core.market.scenario import load_scenario
from phantom_core.use_cases.markets.job_simulate import SimulateRequest
from phantom_core.use_cases.markets.job_train_policy import TrainPolicyRequest
from phantom_core.use_cases.markets.simulate import open_trial, saved_trials
from phantom_core.views.simulator.trial_list import trial_titles
from tests.pages.conftest import NOW_MS, Open, texts, wait_for_jobs

pytestmark = pytest.mark.slow

TRAIN = {"simulator_tab": "Train a policy"}


def simulate(workspace: Path, **changed: object) -> None:
    fields = {
        "scenario": "tight",
        "policies": ["surge", "optimum"],
        "episodes": 50,
        "seed": 1,
    } | changed
    SimulateRequest(**fields).run(Settings(workspace=workspace), now_ms=NOW_MS)


def test_the_first_trial_is_one_click_away_and_its_conclusion_names_both_sides(
    empty: Path, open_page: Open
) -> None:
    page = open_page(empty, "simulator")
    assert "No runs yet" in texts(page)
    page.button(key="first_trial").click().run()
    wait_for_jobs(empty)
    page.run()
    said = texts(page)
    assert "The highest possible reward is" in said
    assert all(word in said for word in ("leakage", "revenue", "humans pay", "best fixed price"))
    assert len(page.get("plotly_chart")) == 6
    assert not page.error


def test_changed_knobs_become_the_simulated_scenario(empty: Path, open_page: Open) -> None:
    settings = Settings(workspace=empty)
    page = open_page(empty, "simulator", scenario=load_scenario("seed").title)
    assert page.selectbox(key="scenario").value == "seed"
    page.slider(key="share").set_value(0.4).run()
    page.selectbox(key="second").set_value("the same, unchanged").run()
    page.multiselect(key="policies").set_value(["fixed", "best_fixed"]).run()
    page.number_input(key="episodes").set_value(50).run()
    page.button(key="try_prices").click().run()
    wait_for_jobs(empty)
    shares = {
        open_trial(settings, name).trial.scenario.agent_share for name in saved_trials(settings)
    }
    assert shares == {0.4, 0.7}


def test_without_a_policy_no_run_starts(empty: Path, open_page: Open) -> None:
    page = open_page(empty, "simulator")
    page.multiselect(key="policies").set_value([]).run()
    assert page.button(key="try_prices").disabled


def test_several_products_are_measured_by_a_bound(empty: Path, open_page: Open) -> None:
    simulate(empty, scenario=load_scenario("substitutes").to_toml(), policies=["surge"])
    page = open_page(empty, "simulator", scenario=load_scenario("substitutes").title)
    assert "an upper bound that may not be attainable" in texts(page)
    assert "Optimum" not in page.multiselect(key="policies").options
    assert "Optimum" in open_page(empty, "simulator").multiselect(key="policies").options


def test_two_runs_are_shown_side_by_side(empty: Path, open_page: Open) -> None:
    simulate(empty)
    simulate(empty, seed=2)
    titles = trial_titles(Settings(workspace=empty))
    second, first = titles
    page = open_page(empty, "simulator", trial=titles[first], beside=titles[second])
    assert page.selectbox(key="trial").value == first
    assert page.selectbox(key="beside").value == second
    assert len(page.get("plotly_chart")) == 12
    assert not page.error


def test_a_damaged_run_is_one_sentence(empty: Path, open_page: Open) -> None:
    simulate(empty)
    title = next(iter(trial_titles(Settings(workspace=empty)).values()))
    for path in (empty / "simulations").rglob("*.json"):
        path.write_text("{")
    page = open_page(empty, "simulator", trial=title)
    assert "No runs yet" in texts(page)
    assert not page.exception


def test_a_cancelled_training_can_be_resumed_and_simulated(empty: Path, open_page: Open) -> None:
    settings = Settings(workspace=empty)
    request = TrainPolicyRequest(
        scenario=load_scenario("tight").to_toml(), steps=10_000, seed=3, run_name="mine"
    )

    def stop_half_way(done: float, message: str, values: object = None) -> None:
        if done > 0.4:
            raise CancelledError("Stopped.")

    with pytest.raises(CancelledError):
        request.run(settings, now_ms=NOW_MS, progress=stop_half_way)
    page = open_page(empty, "simulator", **TRAIN)
    assert "stopped at" in str(page.dataframe[0].value["state"][0])
    page.button(key="resume_run").click().run()
    wait_for_jobs(empty)
    page.run()
    assert str(page.dataframe[0].value["state"][0]) == "finished"
    page.button(key="try_run").click().run()
    assert "ppo:mine" in page.multiselect(key="policies").value
    assert not page.error


def test_a_run_is_not_written_over(empty: Path, open_page: Open) -> None:
    TrainPolicyRequest(steps=1_000, seed=3, run_name="mine").run(
        Settings(workspace=empty), now_ms=NOW_MS
    )
    page = open_page(empty, "simulator", **TRAIN)
    next(box for box in page.text_input if box.label == "Name of the run").set_value("mine").run()
    next(button for button in page.button if button.label == "Train policy").click().run()
    assert "There is a run called 'mine' already." in page.error[0].value
    assert not Jobs(Settings(workspace=empty)).active()


def test_a_calibrated_market_is_handed_to_the_simulator(own: Path, open_page: Open) -> None:
    page = open_page(own, "simulator", simulator_tab="Calibrate from your data")
    assert "Not calibrated yet" in texts(page)
    page.button(key="calibrate").click().run()
    wait_for_jobs(own)
    page.run()
    assert not page.exception
    assert any(metric.label == "Sessions per day" for metric in page.metric)


SESSIONS = {"simulator_tab": "Rule replay on simulated sessions"}


def test_rules_are_replayed_on_simulated_sessions(own: Path, open_page: Open) -> None:
    page = open_page(own, "simulator", **SESSIONS)
    assert "No runs yet" in texts(page)
    page.text_area(key="session_rules_text").set_value(
        "IF mood > 1 THEN markup 1.1\nELSE markup 1.0"
    )
    next(button for button in page.button if button.label == "Save and select rules").click().run()
    assert "mood" in page.error[0].value
    page.text_area(key="session_rules_text").set_value(
        "IF p_agent > 0.5 THEN markup 1.2\nELSE markup 1.0"
    )
    next(button for button in page.button if button.label == "Save and select rules").click().run()
    assert page.multiselect(key="session_rules").value == ["bands", "my-rules"]
    page.number_input(key="n_sessions").set_value(200).run()
    next(button for button in page.button if button.label == "Run").click().run()
    wait_for_jobs(own)
    page.run()
    assert "Results" in texts(page)
    assert not page.error


def test_without_a_classifier_the_sessions_tab_says_where_to_get_one(
    empty: Path, open_page: Open
) -> None:
    assert "A classifier is required" in texts(open_page(empty, "simulator", **SESSIONS))


@pytest.mark.parametrize("name", ["Sessions meet rules", "Try prices"])
def test_a_link_with_the_old_name_of_a_tab_opens_it(
    empty: Path, open_page: Open, name: str
) -> None:
    said = texts(open_page(empty, "simulator", simulator_tab=name))
    assert ("A classifier is required" in said) is (name == "Sessions meet rules")
    assert ("No runs yet" in said) is (name == "Try prices")
