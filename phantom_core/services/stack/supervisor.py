"""Supervisor: starts parts, restarts those that die, and stops all of them."""

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from phantom_core.core.program import child_environment
from phantom_core.services.stack.parts import StackPart
from phantom_core.valkey.server_supervisor import die_with_parent

STOP_WITHIN_S: Final = 20.0
_LONG_ENOUGH_S: Final = 60.0
_LONGEST_PAUSE_S: Final = 30.0

Notify = Callable[[str], None]


@dataclass(slots=True)
class Running:
    """A part and its process.

    Attributes:
        part: what runs.
        log: file that its output goes to.
        process: None while it waits to be restarted.
        started_s: monotonic time.
        again_s: monotonic time of the next restart.
        deaths: in a row, without a long run between them.
        restarts: in all.
    """

    part: StackPart
    log: Path
    process: "subprocess.Popen[bytes] | None" = None
    started_s: float = 0.0
    again_s: float = 0.0
    deaths: int = 0
    restarts: int = 0


@dataclass(slots=True)
class Supervisor:
    """Keeps parts running.

    Attributes:
        folder: of the logs, one file a part.
        notify: called with each message, a sentence.
    """

    folder: Path
    notify: Notify
    running: list[Running] = field(default_factory=list)

    def start(self, parts: Sequence[StackPart]) -> None:
        """Start parts."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for part in parts:
            one = Running(part, _fresh(self.folder / f"{part.name}.log"))
            self.running.append(one)
            _spawn(one)

    def look(self) -> None:
        """Restart dead parts; the pause grows with every further death."""
        now_s = time.monotonic()
        for one in self.running:
            if one.process is None:
                if now_s >= one.again_s:
                    _spawn(one)
                    one.restarts += 1
                    self.notify(f"{one.part.name} was restarted.")
            elif (code := one.process.poll()) is not None:
                one.deaths = 1 if now_s - one.started_s > _LONG_ENOUGH_S else one.deaths + 1
                pause_s = min(_LONGEST_PAUSE_S, 2.0 ** (one.deaths - 1))
                one.process, one.again_s = None, now_s + pause_s
                self.notify(
                    f"{one.part.name} ended {_how(code)} and restarts in {pause_s:g} s; "
                    f"see {one.log}"
                )

    def wait_ready(self, within_s: float, is_over: Callable[[], bool]) -> list[str]:
        """Wait until every part with a health check is ready.

        Returns:
            Names of those that were not ready in time.
        """
        deadline_s = time.monotonic() + within_s
        waiting = [one for one in self.running if one.part.ready]
        while waiting and time.monotonic() < deadline_s and not is_over():
            self.look()
            waiting = [one for one in waiting if not _answers(one.part.ready)]
            time.sleep(0.2)
        return [one.part.name for one in waiting]

    def stop(self) -> list[str]:
        """Stop the parts in reverse start order, and wait for each.

        Returns:
            Names of those that had to be killed.
        """
        killed = []
        for one in reversed(self.running):
            if one.process is None or one.process.poll() is not None:
                continue
            one.process.send_signal(signal.SIGTERM)
            try:
                one.process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                one.process.kill()
                one.process.wait()
                killed.append(one.part.name)
        return killed


def _fresh(log: Path) -> Path:
    """A log for this run; the previous one is saved beside it."""
    if log.exists():
        log.replace(log.with_suffix(".before.log"))
    return log


def _spawn(one: Running) -> None:
    with one.log.open("ab") as log:
        one.process = subprocess.Popen(
            one.part.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**child_environment(os.environ), "PYTHONUNBUFFERED": "1", **one.part.environment},
            # Ctrl-C reaches the supervisor alone, which stops parts in order.
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - the supervisor has one thread
        )
    one.started_s = time.monotonic()


def _how(code: int) -> str:
    return f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=1.0) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        error.close()
        return False
    except OSError:
        return False
