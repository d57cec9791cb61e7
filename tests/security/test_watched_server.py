"""The watcher compares every key, restores what was approved, and says so in chain and alerts."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from phantom_core.accounts.actors import Internal, acting_as
from phantom_core.alerts.alerts import Alerts
from phantom_core.approvals import price_experiments
from phantom_core.approvals.experiment_plan import Plan, PlannedArm
from phantom_core.core.errors import ConflictError
from phantom_core.core.kill_file import KillOrder, read_kill_file, write_kill_file
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.database.connection import write_transaction
from phantom_core.publishing.experiments import read_experiments
from phantom_core.publishing.live import sign_live
from phantom_core.publishing.publish import read_live
from phantom_core.publishing.statement import read_statement
from phantom_core.signing.keys import public_keys, signing_key
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.experiments import start_experiment
from phantom_core.use_cases.approvals.kill_switch import kill_prices, lift_kill
from phantom_core.use_cases.approvals.live_status import read_live_status
from phantom_core.use_cases.approvals.publish_rules import publish_request, roll_back, set_share
from phantom_core.use_cases.approvals.watch_server import ALERT, watch_once
from phantom_core.valkey.server import connect_server, stop_embedded
from phantom_core.views.live.price_ways import price_ways
from tests.publishing.samples import STRANGER
from tests.use_cases.test_publish_rules import MAX, NOW, approved, proposed

__all__ = ["proposed"]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def published(proposed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace with request 1 live for 10 % of the sessions; never written to."""
    folder = shutil.copytree(proposed, tmp_path_factory.mktemp("published") / "shop")
    settings = Settings(workspace=folder, redis_url="")
    publish_request(settings, MAX, approved(settings), now_ms=NOW)
    stop_embedded(settings)
    control_database(settings).dispose()
    yield folder


@pytest.fixture
def settings(published: Path, tmp_path: Path) -> Iterator[Settings]:
    settings = Settings(workspace=shutil.copytree(published, tmp_path / "shop"), redis_url="")
    yield settings
    stop_embedded(settings)
    control_database(settings).dispose()


@pytest.fixture
def client(settings: Settings) -> Iterator[redis.Redis]:
    with connect_server(settings) as client:
        yield client


def look(settings: Settings, now_ms: int) -> tuple[str, ...]:
    with acting_as(Internal.WATCHER):
        return watch_once(settings, now_ms=now_ms).problems


def entries(settings: Settings, action: str) -> list[dict]:
    with control_database(settings).connect() as connection:
        return [
            json.loads(one.details) if isinstance(one.details, str) else dict(one.details)
            for one in audit.list_entries(connection)
            if one.action == action
        ]


def forged(settings: Settings, client: redis.Redis) -> bytes:
    live = read_live(client, public_keys(settings))
    assert live
    return replace(live, epoch=live.epoch + 500, share=1.0, highest_markup=10.0).to_bytes()


FORGERIES: dict[str, Callable[[Settings, redis.Redis], object]] = {
    "rules:live": lambda s, r: r.set("rules:live", forged(s, r)),
    "rules:live signed by a stranger": lambda s, r: r.set(
        "rules:live", sign_live(STRANGER, read_live(r, public_keys(s)))
    ),
    "rules:evil": lambda s, r: r.set("rules:evil", "x"),
    "experiments:live": lambda s, r: r.set("experiments:live", "{}"),
    "classifier:agent_detector:latest": lambda s, r: r.hset(
        "classifier:agent_detector:latest", "file:model.ubj", "x"
    ),
    "multitask_model:latest": lambda s, r: r.set("multitask_model:latest", "x"),
    "prices:latest": lambda s, r: r.set("prices:latest", "{}"),
    "elasticity:latest": lambda s, r: r.set("elasticity:latest", "[" * 100_000),
    "phantom:statement": lambda s, r: r.set("phantom:statement", "{}"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_key_is_found_healed_audited_and_alerted(
    settings: Settings, client: redis.Redis, forgery: str
) -> None:
    assert look(settings, NOW + 1) == ()
    key = forgery.split(maxsplit=1)[0]
    before = (client.type(key), client.get(key) if client.type(key) == b"string" else None)
    FORGERIES[forgery](settings, client)
    assert any(key in problem for problem in look(settings, NOW + 60_000))
    after = (client.type(key), client.get(key) if client.type(key) == b"string" else None)
    assert after[0] == before[0]
    if key in ("rules:live", "rules:evil"):
        assert after == before
    assert look(settings, NOW + 65_000) == ()
    [entry] = entries(settings, "server.healed")
    assert key in str(entry)
    [alert] = [one for one in Alerts(settings).all() if one.name == ALERT]
    assert key in alert.sentence and not alert.is_open


def test_the_watcher_confirms_what_is_live(settings: Settings, client: redis.Redis) -> None:
    look(settings, NOW + 1)
    statement = read_statement(client, public_keys(settings))
    assert statement and statement.at_ms == NOW + 1
    assert statement.newest["rules"] == 1 and statement.newest["classifier"] > 0


def test_a_later_signed_epoch_waits_for_a_person(settings: Settings, client: redis.Redis) -> None:
    live = read_live(client, public_keys(settings))
    assert live
    later = sign_live(signing_key(settings), replace(live, epoch=99))
    client.set("rules:live", later)
    assert any("later than epoch 1" in one for one in look(settings, NOW + 1))
    assert client.get("rules:live") == later


def test_an_unsigned_server_of_an_earlier_release_is_signed(
    settings: Settings, client: redis.Redis
) -> None:
    live = read_live(client, public_keys(settings))
    assert live
    client.set("rules:live", live.to_bytes())
    assert look(settings, NOW + 1)
    assert read_live(client, public_keys(settings)) == live


def start(settings: Settings, version: str, now_ms: int) -> None:
    arms = (PlannedArm("control", 0.9, ""), PlannedArm("rules", 0.1, version))
    plan = Plan("Does it pay?", arms, "revenue", 0.1, 0.05, 0.8, 0.05, 10_000, 1.0, 1.0, 0.0)
    price_experiments.draft_experiment(
        control_database(settings), "demo-analyst", "arms", plan, salt="s", now_ms=now_ms
    )
    start_experiment(settings, MAX, "arms", now_ms=now_ms)


def served(settings: Settings, client: redis.Redis) -> tuple[str, ...]:
    found = read_experiments(client, public_keys(settings))
    live = read_live(client, public_keys(settings))
    assert found and live and (not found.experiments or found.live_epoch == live.epoch)
    return tuple(one.experiment_id for one in found.experiments)


@pytest.mark.parametrize("way", ["roll back", "kill"])
def test_no_arm_serves_what_was_taken_away(
    settings: Settings, client: redis.Redis, way: str
) -> None:
    version = read_live(client, public_keys(settings)).version  # type: ignore[union-attr]
    start(settings, version, NOW + 1)
    assert served(settings, client) == ("arms",)
    if way == "kill":
        kill_prices(settings, MAX, why="odd", now_ms=NOW + 2)
        lift_kill(settings, MAX, why="fine", now_ms=NOW + 3)
    else:
        roll_back(settings, MAX, "", why="odd", now_ms=NOW + 2)
    assert served(settings, client) == ()
    with control_database(settings).connect() as connection:
        experiment = price_experiments.find_experiment(connection, "arms")
    assert (experiment.state, experiment.stopped_by) == ("stopped", Internal.WATCHER.value)
    if way == "roll back":
        with pytest.raises(ConflictError, match="which is rolled back"):
            arms = (PlannedArm("a", 0.9, ""), PlannedArm("b", 0.1, version))
            plan = Plan("Again?", arms, "revenue", 0.1, 0.05, 0.8, 0.05, 10_000, 1.0, 1.0, 0.0)
            price_experiments.draft_experiment(
                control_database(settings), "demo-analyst", "again", plan, salt="t", now_ms=NOW + 4
            )
            start_experiment(settings, MAX, "again", now_ms=NOW + 5)


def test_live_names_every_way_in_which_a_price_comes_about(settings: Settings) -> None:
    assert ways(settings) == {
        "Rules (canary)": pytest.approx(0.1),
        "Base price (control)": pytest.approx(0.9),
        "Base price where something was missing": None,
    }
    status = read_live_status(settings, now_ms=NOW)
    assert status.release
    start(settings, status.release.version, NOW + 1)
    assert ways(settings)["Experiment arms, arm rules"] == pytest.approx(0.1)
    write_kill_file(settings, KillOrder("max", "odd", NOW))
    assert ways(settings) == {"Base price for everybody: kill file": 1.0}


def ways(settings: Settings) -> dict[str, float | None]:
    return {one.name: one.share for one in price_ways(settings, now_ms=NOW)}


def test_an_experiment_goes_on_over_a_change_of_the_rollout(
    settings: Settings, client: redis.Redis
) -> None:
    version = read_live(client, public_keys(settings)).version  # type: ignore[union-attr]
    start(settings, version, NOW + 1)
    set_share(settings, MAX, 0.05, why="less", now_ms=NOW + 2)
    assert served(settings, client) == ("arms",)


def test_a_kill_file_is_published_and_audited_afterwards(
    settings: Settings, client: redis.Redis
) -> None:
    write_kill_file(settings, KillOrder("max", "the database was away", NOW))
    look(settings, NOW + 1)
    live = read_live(client, public_keys(settings))
    assert live and live.is_killed
    [entry] = entries(settings, "release.kill")
    assert "kill file by max: the database was away" in str(entry)
    assert read_kill_file(settings) is not None
    lift_kill(settings, MAX, why="fine again", now_ms=NOW + 2)
    assert read_kill_file(settings) is None
    assert not read_live(client, public_keys(settings)).is_killed  # type: ignore[union-attr]
    look(settings, NOW + 3)
    assert not read_live(client, public_keys(settings)).is_killed  # type: ignore[union-attr]


def test_a_server_out_of_reach_keeps_no_kill_away(settings: Settings) -> None:
    """The file is there at once; the watcher publishes it once the lock is gone."""
    with write_transaction(control_database(settings)) as connection:
        connection.exec_driver_sql("SELECT 1")
        nowhere = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
        done = kill_prices(nowhere, MAX, why="odd", now_ms=NOW + 1)
    assert done.release is None and "not running" in done.problem
    assert read_kill_file(settings) == KillOrder(MAX, "odd", NOW + 1)
    look(settings, NOW + 2)
    status = read_live_status(settings, now_ms=NOW + 3)
    assert status.release and status.release.is_killed
