"""Decisions reach the lake once each, whatever dies on the way."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import orjson
import pytest
from filelock import FileLock

from phantom_core.core.settings import Settings
from phantom_core.events.decision import PriceDecision
from phantom_core.events.schema import DECISIONS
from phantom_core.lake.lake import open_lake
from phantom_core.messages import decision_log
from phantom_core.messages.decision_log import DecisionLog, segments_folder
from phantom_core.messages.segments import list_segments
from phantom_core.use_cases.operations.drain_decisions import Drained, drain_decisions
from tests.services.decisions import decision

Row = tuple[object, ...]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(workspace=tmp_path)


def rows(
    settings: Settings, sql: str = "SELECT decision_id FROM decisions ORDER BY decision_id"
) -> list[Row]:
    with open_lake(settings).connect(("decisions",)) as connection:
        return connection.sql(sql).fetchall()


def test_a_decision_has_the_columns_of_its_table() -> None:
    assert {one.name for one in fields(PriceDecision)} | {"session_key", "event_id"} == set(
        DECISIONS.names
    )


def test_every_decision_reaches_the_lake(settings: Settings) -> None:
    log = DecisionLog(segments_folder(settings.workspace))
    ids = sorted(one.decision_id for one in (decision() for _ in range(500)) if not log.append(one))
    log.close()
    assert drain_decisions(settings) == Drained(500, 1, 0)
    assert rows(settings) == [(one,) for one in ids]
    assert drain_decisions(settings) == Drained()
    assert list_segments(segments_folder(settings.workspace)) == []


def test_a_row_says_what_the_decision_said(settings: Settings) -> None:
    log = DecisionLog(segments_folder(settings.workspace))
    log.append(decision(decision_id="0" * 16 + "8000000000000005", propensity=0.25, variant="plus"))
    log.append(decision(decision_id="f" * 32, session_id=None, features=None))
    log.close()
    drain_decisions(settings)
    found = rows(
        settings,
        "SELECT event_id, session_id, session_key IS NULL, propensity, features FROM decisions "
        "ORDER BY event_id",
    )
    assert [row[:4] for row in found] == [(5, "s1", False, 0.25), (2**63 - 1, None, True, None)]
    assert json.loads(str(found[0][4])) == {
        "item_views": 3.0,
        "browser_family": "Chrome",
        "min_price_seen": None,
    }
    assert found[1][4] is None


def test_an_open_segment_is_left_to_the_process_that_writes_it(settings: Settings) -> None:
    log = DecisionLog(segments_folder(settings.workspace))
    log.append(decision())
    while not list_segments(segments_folder(settings.workspace)):
        time.sleep(0.01)
    assert drain_decisions(settings) == Drained()
    log.close()
    assert drain_decisions(settings).decisions == 1


@pytest.mark.slow
def test_what_a_killed_process_had_flushed_is_taken_up(settings: Settings) -> None:
    program = (
        "import sys, time; from pathlib import Path; from phantom_core.messages.decision_log "
        "import DecisionLog; "
        "from tests.services.decisions import decision; "
        "log = DecisionLog(Path(sys.argv[1])); [log.append(decision()) for _ in range(200)]; "
        "time.sleep(0.5); print('ready', flush=True); "
        "time.sleep(60)"
    )
    folder = segments_folder(settings.workspace)
    with subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    (torn,) = list_segments(folder)
    torn.write_bytes(torn.read_bytes() + b'0badc0de 000{"decision_id": "12')
    assert drain_decisions(settings) == Drained(200, 1, 1)
    assert list_segments(folder) == []


def test_a_damaged_decision_is_counted_and_left_out(settings: Settings) -> None:
    folder = segments_folder(settings.workspace)
    log = DecisionLog(folder)
    for name in ("a" * 32, "b" * 32):
        log.append(decision(decision_id=name))
    log.close()
    (segment,) = list_segments(folder)
    segment.write_bytes(segment.read_bytes().replace(b"a" * 32, b"c" * 32))
    assert drain_decisions(settings) == Drained(1, 1, 1)
    assert rows(settings) == [("b" * 32,)]


def test_what_an_earlier_release_left_is_drained_too(settings: Settings) -> None:
    """Lines without checksums: a closed file, one of a process that died, and one still written."""
    folder = segments_folder(settings.workspace)
    folder.mkdir(parents=True)
    ids = ["a" * 32, "b" * 32, "c" * 32]
    names = ["1a-00000001.jsonl", "2b-00000002.open", "3c-00000001.open"]
    for one, name in zip(ids, names, strict=True):
        (folder / name).write_bytes(orjson.dumps(decision(decision_id=one)) + b"\n")
    with (folder / names[1]).open("ab") as torn:
        torn.write(b'{"decision_id": "12')
    (folder / "2b.lock").touch()
    log = DecisionLog(folder)
    log.append(decision(decision_id="d" * 32))
    log.close()
    with FileLock(folder / "3c.lock"):
        assert drain_decisions(settings) == Drained(3, 3, 1)
        assert rows(settings) == [(one,) for one in ("a" * 32, "b" * 32, "d" * 32)]
    assert drain_decisions(settings) == Drained(1, 1, 0)
    assert [path.name for path in folder.iterdir()] == ["drain.lock"]


def test_a_drain_that_died_after_its_commit_writes_nothing_twice(settings: Settings) -> None:
    folder = segments_folder(settings.workspace)
    log = DecisionLog(folder)
    log.append(decision())
    log.close()
    (segment,) = list_segments(folder)
    content = segment.read_bytes()
    drain_decisions(settings)
    segment.write_bytes(content)
    assert drain_decisions(settings) == Drained()
    assert len(rows(settings)) == 1


def test_a_decision_that_cannot_be_written_stops_nothing(settings: Settings) -> None:
    log = DecisionLog(segments_folder(settings.workspace))
    log.append(decision(session_id="half \ud800"))
    log.append(decision())
    log.close()
    assert log.n_dropped == 1
    assert drain_decisions(settings).decisions == 1


def test_a_full_queue_drops_and_counts(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision_log, "MOST_WAITING", 0)
    log = DecisionLog(segments_folder(settings.workspace))
    log.append(decision())
    log.close()
    assert log.n_dropped == 1
    assert drain_decisions(settings) == Drained()
