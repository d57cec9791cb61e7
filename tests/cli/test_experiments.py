"""Verbs about price experiments: plan, start, status, stop, on the embedded server."""

import pytest

from phantom_core.core.settings import Settings
from phantom_core.publishing.experiments import read_experiments
from phantom_core.signing.keys import public_keys
from phantom_core.valkey.server import connect_server
from tests.cli.verbs import ANALYST, MANAGER, Phantom

ARMS = ("--arm", "control=0.5:live", "--arm", "none=0.5:base")
BASELINE = (
    "--metric",
    "conversion",
    "--effect",
    "0.2",
    "--mean",
    "0.1",
    "--sd",
    "0.3",
    "--per-day",
    "500",
)


@pytest.fixture
def planned(empty: Phantom) -> Phantom:
    empty.json(
        "experiments", "plan", "e1", *ARMS, *BASELINE, "--question", "Does it pay?", who=ANALYST
    )
    return empty


def served(phantom: Phantom) -> list[str]:
    """Experiments that price servers read."""
    settings = Settings(workspace=phantom.workspace, redis_url="")
    with connect_server(settings) as client:
        found = read_experiments(client, public_keys(settings))
    return [one.experiment_id for one in found.experiments] if found else []


def test_a_plan_says_how_many_sessions_it_takes_and_is_a_draft(empty: Phantom) -> None:
    found = empty.json("experiments", "plan", "e1", *ARMS, *BASELINE, who=ANALYST)
    assert (found["experiment"], found["state"], found["baseline_sessions"]) == ("e1", "draft", 0)
    assert (found["mean"], found["sd"], found["per_day"]) == (0.1, 0.3, 500.0)
    assert 0 < found["sessions_once"] < found["sessions"]
    assert found["days"] == pytest.approx(found["sessions"] / 500)
    assert empty.json("experiments", "status") == {"e1": {"state": "draft", "question": ""}}


def test_a_dry_run_needs_no_login_and_saves_nothing(empty: Phantom) -> None:
    found = empty.json("experiments", "plan", "e1", *ARMS, *BASELINE, "--dry-run")
    assert found["state"] == "not kept"
    assert empty.json("experiments", "status") == {}


def test_a_smaller_effect_or_a_higher_power_takes_more_sessions(empty: Phantom) -> None:
    def sessions(*more: str) -> int:
        return int(
            str(
                empty.json("experiments", "plan", "e1", *ARMS, *BASELINE, *more, "--dry-run")[
                    "sessions"
                ]
            )
        )

    usual = sessions()
    assert sessions("--effect", "0.1") > usual
    assert sessions("--power", "0.95") > usual
    assert sessions("--alpha", "0.01") > usual


def test_it_runs_from_start_to_stop_and_servers_know(planned: Phantom) -> None:
    before = planned.json("experiments", "status", "e1")
    assert (before["state"], before["question"], before["report"]) == (
        "draft",
        "Does it pay?",
        None,
    )
    assert planned.json("experiments", "start", "e1", who=MANAGER) == {
        "experiment": "e1",
        "state": "running",
    }
    assert served(planned) == ["e1"]
    assert planned.json("experiments", "status", "e1")["state"] == "running"
    stopped = planned.json("experiments", "stop", "e1", "--why", "Seen enough.", who=MANAGER)
    assert stopped == {"experiment": "e1", "state": "stopped", "why": "Seen enough."}
    assert served(planned) == []
    after = planned.json("experiments", "status", "e1")
    assert (after["stopped_by"], after["why"]) == (MANAGER, "Seen enough.")


PLAN = ("plan", "e2")
WRONG = {
    "not an arm": ((*PLAN, "--arm", "half"), ANALYST, "'half' is not an arm."),
    "one arm": (
        (*PLAN, "--arm", "control=1:live", *BASELINE),
        ANALYST,
        "An experiment has two arms or more, whose shares are above 0 and add up to 1.",
    ),
    "no metric": ((*PLAN, *ARMS, "--metric", "joy"), ANALYST, "There is no metric 'joy'."),
    "half a baseline": (
        (*PLAN, *ARMS, "--mean", "1"),
        ANALYST,
        "A mean needs its standard deviation, and vice versa.",
    ),
    "no effect": (
        (*PLAN, *ARMS, *BASELINE, "--effect", "0"),
        ANALYST,
        "An effect of 0 cannot be detected.",
    ),
    "no error rate": (
        (*PLAN, *ARMS, *BASELINE, "--alpha", "2"),
        ANALYST,
        "Error rate and power lie between 0 and 1.",
    ),
    "no name": (("plan", "A b", *ARMS, *BASELINE), ANALYST, "'A b' cannot name an experiment."),
    "nobody plans": ((*PLAN, *ARMS, *BASELINE), "", "This command needs an account."),
    "an analyst starts": (
        ("start", "e1"),
        ANALYST,
        "Demo analyst is an analyst and may not publish and roll back.",
    ),
    "nothing to start": (("start", "e9"), MANAGER, "There is no experiment 'e9'."),
    "nothing to look at": (("status", "e9"), "", "There is no experiment 'e9'."),
    "an analyst stops": (
        ("stop", "e1", "--why", "x"),
        ANALYST,
        "Demo analyst is an analyst and may not use the kill switch.",
    ),
    "stopped without a reason": (
        ("stop", "e1", "--why", ""),
        MANAGER,
        "The reason for the stop is missing.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage_is_one_sentence_and_changes_nothing(planned: Phantom, case: str) -> None:
    arguments, who, sentence = WRONG[case]
    before = planned.state()
    assert planned.refusal("experiments", *arguments, who=who) == sentence
    assert (planned.state(), served(planned)) == (before, [])
