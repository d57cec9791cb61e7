"""A price experiment from plan to end: control database, server and decision log."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from phantom_core.accounts.sign_in import sign_in_demo
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.approvals.experiment_plan import PlannedArm
from phantom_core.core.errors import ConflictError, InputError, NotFoundError, UnavailableError
from phantom_core.core.settings import AuditSettings, Settings
from phantom_core.experiments.experiment_size import Baseline
from phantom_core.experiments.exposures import WINDOW_MS, read_exposures
from phantom_core.experiments.interference import measure_interference
from phantom_core.lake.lake import open_lake
from phantom_core.messages.decision_log import DecisionLog, segments_folder
from phantom_core.publishing.experiments import (
    LiveExperiments,
    publish_experiments,
    read_experiments,
)
from phantom_core.signing.keys import public_keys, signing_key
from phantom_core.use_cases.approvals.experiments import (
    experiment_status,
    experiments_of,
    reconcile_experiments,
    start_experiment,
    stop_experiment,
    watch_experiments,
)
from phantom_core.use_cases.approvals.plan_experiment import (
    Sized,
    parse_arms,
    plan_experiment,
    size_experiment,
)
from phantom_core.use_cases.approvals.watch_price_experiments import Watch
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.use_cases.operations.drain_decisions import drain_decisions
from phantom_core.valkey.server import connect_server, stop_embedded
from tests.services.decisions import decision

ARMS = parse_arms(["control=0.5:live", "none=0.5:base"])
START_MS = 1_772_366_400_000
LATER_MS = START_MS + 100 * WINDOW_MS


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    workspace = tmp_path_factory.mktemp("experiments")
    yield workspace
    stop_embedded(Settings(workspace=workspace, redis_url=""))


@pytest.fixture
def settings(workspace: Path, tmp_path: Path) -> Settings:
    """A control database of its own, and a server that all tests here share, emptied."""
    settings = Settings(
        workspace=workspace,
        redis_url="",
        database_url=f"sqlite:///{tmp_path / 'control.sqlite'}",
        audit=AuditSettings(anchor_file=tmp_path / "anchor.jsonl"),
    )
    for login in ("demo-analyst", "demo-manager"):
        sign_in_demo(control_engine(settings), login, now_ms=1, hours=1)
    with connect_server(settings) as client:
        client.flushall()
    return settings


def plan(
    settings: Settings,
    name: str = "e1",
    arms: tuple[PlannedArm, ...] = ARMS,
    *,
    tolerated_drop: float = 0.0,
) -> None:
    sized = size_experiment(
        settings, arms, "conversion", 0.2, now_ms=1, baseline=Baseline(0.1, 0.3, 500.0)
    )
    plan_experiment(
        settings,
        "demo-analyst",
        name,
        "?",
        arms,
        sized,
        metric="conversion",
        effect=0.2,
        now_ms=1,
        tolerated_drop=tolerated_drop,
    )


def live(settings: Settings) -> list[str]:
    with connect_server(settings) as client:
        found = read_experiments(client, public_keys(settings))
    return [one.experiment_id for one in found.experiments] if found else []


def test_it_is_published_while_it_runs_and_not_after(settings: Settings) -> None:
    plan(settings)
    assert live(settings) == []
    start_experiment(settings, "demo-manager", "e1", now_ms=2)
    assert live(settings) == ["e1"]
    assert experiment_status(settings, "e1", now_ms=3).problem == ""
    stop_experiment(settings, "demo-manager", "e1", "seen enough", now_ms=4)
    assert live(settings) == []
    assert [one.state for one in experiments_of(settings)] == ["stopped"]


def test_only_released_versions_can_be_served(settings: Settings) -> None:
    plan(settings, arms=(ARMS[0], PlannedArm("new", 0.5, "bands-9")))
    with pytest.raises(NotFoundError, match="There is no version 'bands-9'"):
        start_experiment(settings, "demo-manager", "e1", now_ms=2)
    assert experiments_of(settings)[0].state == "draft"


def test_without_a_server_nothing_is_started(settings: Settings) -> None:
    plan(settings)
    nowhere = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    with pytest.raises(UnavailableError):
        start_experiment(nowhere, "demo-manager", "e1", now_ms=2)
    assert experiments_of(settings)[0].state == "draft"


def test_what_the_server_lost_or_invented_is_reconciled(settings: Settings) -> None:
    plan(settings)
    start_experiment(settings, "demo-manager", "e1", now_ms=2)
    with connect_server(settings) as client:
        publish_experiments(client, signing_key(settings), LiveExperiments(99, ()))
    assert [one.problem for one in watch_experiments(settings, now_ms=3)] == [""]
    assert live(settings) == ["e1"]
    with connect_server(settings) as client:
        client.delete("experiments:live")
    reconcile_experiments(settings, now_ms=4)
    assert live(settings) == ["e1"]


def test_a_stop_is_stored_even_if_the_server_cannot_be_updated(settings: Settings) -> None:
    plan(settings)
    start_experiment(settings, "demo-manager", "e1", now_ms=2)
    nowhere = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    with pytest.raises(UnavailableError):
        stop_experiment(nowhere, "demo-manager", "e1", "harm", now_ms=3)
    assert experiments_of(settings)[0].state == "stopped"
    watch_experiments(settings, now_ms=4)
    assert live(settings) == []


def traffic(
    settings: Settings,
    name: str,
    n: int,
    *,
    bought: dict[str, float],
    seed: int = 1,
    sessions_of_actor: int = 1,
) -> None:
    """Decisions and purchases of human sessions of an experiment; every tenth has two quotes."""
    rng = np.random.default_rng(seed)
    log, lines = DecisionLog(segments_folder(settings.workspace)), []
    for k in range(n):
        session, variant = f"{name}-{k}", ("control", "none")[k % 2]
        usual = decision(
            session_id=session,
            variant=variant,
            price_experiment=name,
            decided_ms=START_MS + k * 1_000,
            agent_probability=0.0,
        )
        log.append(usual)
        if k % 10 == 0:
            log.append(
                replace(
                    usual, decision_id=decision().decision_id, decided_ms=usual.decided_ms + 5_000
                )
            )
        seen = {
            "sessionId": session,
            "experimentId": f"{name}-actor-{k // sessions_of_actor}"
            if sessions_of_actor > 1
            else None,
            "storeMode": "hotel",
            "ts": usual.decided_ms + 1,
            "eventName": "search",
        }
        lines.append(seen)
        if rng.random() < bought[variant]:
            lines.append(
                {
                    **seen,
                    "ts": usual.decided_ms + 60_000,
                    "eventName": "purchase",
                    "productId": "room",
                }
            )
        elif k % 7 == 0:  # bought before, or too late
            lines += [
                {**seen, "ts": usual.decided_ms + ms, "eventName": "purchase", "productId": "room"}
                for ms in (-60_000, WINDOW_MS)
            ]
    log.close()
    drain_decisions(settings)
    path = settings.workspace / f"{name}.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    ingest_files(settings, [path], now_ms=LATER_MS)


def test_exposures_count_each_session_once_with_what_it_bought_within_an_hour(
    settings: Settings,
) -> None:
    traffic(settings, "counted", 100, bought={"control": 1.0, "none": 0.0})
    lake = open_lake(settings)
    found = read_exposures(lake, "counted", ("control", "none"), LATER_MS)
    assert (len(found.settled), found.waiting, found.mixed) == (100, 0, 0)
    assert found.settled.arm.tolist() == [0, 1] * 50
    assert found.settled.bought.tolist() == [1.0, 0.0] * 50
    assert set(found.settled.revenue.tolist()) == {0.0, 110.0}
    assert set(found.settled.p_agent.tolist()) == {0.0}
    early = read_exposures(lake, "counted", ("control", "none"), START_MS + WINDOW_MS + 9_500)
    assert (len(early.settled), early.waiting) == (10, 90)
    assert read_exposures(lake, "counted", ("control",), LATER_MS).mixed == 50


def test_sessions_of_one_actor_are_known_as_such(settings: Settings) -> None:
    traffic(settings, "paired", 60, bought={"control": 1.0, "none": 1.0}, sessions_of_actor=2)
    found = read_exposures(open_lake(settings), "paired", ("control", "none"), LATER_MS).settled
    assert (found.actor[0::2] == found.actor[1::2]).all()
    assert np.unique(found.actor).size == 30
    assert found.is_returning.tolist() == [False, True] * 30
    crossed = measure_interference(found.arm, found.actor, found.bought)
    assert (crossed.actors, crossed.purchases, crossed.share) == (30, 30, 0.5)


@pytest.mark.slow
def test_harm_to_humans_stops_it_and_updates_the_server(settings: Settings) -> None:
    plan(settings, "harm")
    start_experiment(settings, "demo-manager", "harm", now_ms=2)
    traffic(settings, "harm", 3_000, bought={"control": 0.4, "none": 0.2})
    found = experiment_status(settings, "harm", now_ms=LATER_MS)
    assert found.report is not None
    assert (found.experiment.state, found.experiment.stopped_by) == ("stopped", "@watcher")
    assert "The guardrail stopped it: with none at least" in found.experiment.why
    assert live(settings) == []
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["report"]["is_guard_tripped"]


@pytest.mark.slow
def test_the_drain_of_decisions_stops_it_too(settings: Settings) -> None:
    plan(settings, "asleep")
    start_experiment(settings, "demo-manager", "asleep", now_ms=2)
    traffic(settings, "asleep", 3_000, bought={"control": 0.4, "none": 0.2})
    watch = Watch(settings)
    watch.look()
    assert experiments_of(settings)[0].stopped_by == "@watcher"
    assert live(settings) == []
    watch.look()  # nothing runs any more, and the next check is not due


def test_a_tolerated_drop_does_not_stop_it(settings: Settings) -> None:
    plan(settings, "harm", tolerated_drop=0.9)
    start_experiment(settings, "demo-manager", "harm", now_ms=2)
    assert experiment_status(settings, "harm", now_ms=LATER_MS).experiment.state == "running"


def test_the_baseline_is_what_sessions_bring_today(settings: Settings) -> None:
    traffic(settings, "today", 400, bought={"control": 0.25, "none": 0.25})
    sized = size_experiment(settings, ARMS, "conversion", 0.2, now_ms=int(time.time() * 1_000))
    assert sized.seen >= 400
    assert 0.1 < sized.baseline.mean < 0.6
    assert sized.size.days > 0


def test_a_lake_without_purchases_needs_a_baseline(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Without purchases"):
        size_experiment(Settings(workspace=tmp_path), ARMS, "revenue", 0.1, now_ms=1)
    stated = size_experiment(
        Settings(workspace=tmp_path), ARMS, "revenue", 0.1, now_ms=1, baseline=Baseline(10.0, 30.0)
    )
    assert isinstance(stated, Sized)


def test_arms_are_written_plainly(settings: Settings) -> None:
    with pytest.raises(InputError, match="'half' is not an arm"):
        parse_arms(["half"])
    plan(settings)
    with pytest.raises(ConflictError, match="already"):
        plan(settings)
