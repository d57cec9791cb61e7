"""The process that brings decisions into the lake is begun again, and missed where it is not."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from phantom_core.core.settings import Settings
from phantom_core.messages.decision_log import DecisionLog, segments_folder
from phantom_core.messages.segments import list_segments
from phantom_core.services.pricing import drain_process
from phantom_core.services.pricing.drain_process import DrainProcess, waiting_seconds
from phantom_core.use_cases.operations import drain_decisions as module
from phantom_core.use_cases.operations.drain_decisions import Drained, drain_until
from tests.services.conftest import wait_until
from tests.services.decisions import decision


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(drain_process, "_LOOK_EVERY_S", 0.02)
    return Settings(workspace=tmp_path)


def writes_its_number(folder: Path) -> list[str]:
    """A process that names itself in a file, and ends with its standard input."""
    program = (
        "import os, pathlib, sys; "
        "pathlib.Path(sys.argv[1], str(os.getpid())).touch(); sys.stdin.read()"
    )
    return [sys.executable, "-S", "-c", program, str(folder)]


def numbers(folder: Path) -> set[int]:
    return {int(path.name) for path in folder.iterdir()}


def test_a_killed_drain_is_begun_again(settings: Settings, tmp_path: Path) -> None:
    (folder := tmp_path / "running").mkdir()
    drain = DrainProcess(settings, writes_its_number(folder))
    drain.thread.start()
    wait_until(lambda: len(numbers(folder)) == 1)
    [first] = numbers(folder)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: len(numbers(folder)) == 2)
    assert drain.thread.n_restarts == 1
    drain.thread.stop()
    for number in numbers(folder):  # stopped with its parent, and waited for
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)


def test_decisions_that_stay_where_they_are_are_a_problem(
    settings: Settings, tmp_path: Path
) -> None:
    folder = segments_folder(settings.workspace)
    log = DecisionLog(folder)
    log.append(decision())
    log.close()
    [segment] = list_segments(folder)
    os.utime(segment, (time.time() - 100, time.time() - 100))
    assert 99 < waiting_seconds(folder) < 110
    (running := tmp_path / "running").mkdir()
    drain = DrainProcess(settings, writes_its_number(running), late_after_s=0.2)
    assert drain.thread.check() == ""
    drain.thread.start()
    wait_until(lambda: "decision-drain last succeeded" in drain.thread.check())
    segment.unlink()
    wait_until(lambda: drain.thread.check() == "")
    drain.thread.stop()


def test_a_round_that_fails_is_not_the_last_and_the_guard_looks_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes: Iterator[Drained | OSError] = iter(
        [OSError(28, "No space left on device"), Drained(3, 1, 0), Drained(4, 1, 0)]
    )

    def drained(_: Settings) -> Drained:
        outcome = next(outcomes)
        if isinstance(outcome, OSError):
            raise outcome
        return outcome

    monkeypatch.setattr(module, "drain_decisions", drained)
    over, looks = iter([False, False, True]), list[int]()
    found = drain_until(settings, lambda _: next(over), 0.0, lambda: looks.append(1))
    assert (found.decisions, len(looks)) == (7, 3)
