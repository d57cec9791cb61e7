"""Faults: what goes wrong in a shop's night, each with its end."""

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import psutil

from phantom_core.core.errors import InputError
from phantom_core.core.registry import choose_named
from phantom_core.services.soak.stage import Stage, send_signal

End = Callable[[], None]
_HOUR_S: Final = 3_600.0
_NIGHT_S: Final = 5 * _HOUR_S
_JUMP_S: Final = 600.0


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault.

    Attributes:
        name: on the command line.
        about: what happens, a sentence.
        lasts_s: how long, in a soak that is long enough; seconds.
        begin: lets it happen; returns what ends it.
        needs: what it cannot happen without.
    """

    name: str
    about: str
    lasts_s: float
    begin: Callable[[Stage], End]
    needs: Literal["", "clock", "disk"] = ""

    def problem(self, stage: Stage) -> str:
        """Why it cannot happen here; empty where it can."""
        if self.needs == "clock" and stage.clock is None:
            return "libfaketime was not found; name it with --faketime"
        if self.needs == "disk" and stage.disk is None:
            return "this user may not mount a small file system"
        return ""


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault at its time.

    Attributes:
        fault: which.
        at_s: since the soak began, seconds.
        lasts_s: seconds.
    """

    fault: Fault
    at_s: float
    lasts_s: float


def _kill(find: Callable[[Stage], psutil.Process | None]) -> Callable[[Stage], End]:
    def begin(stage: Stage) -> End:
        send_signal(find(stage), signal.SIGKILL)
        return _nothing

    return begin


def _freeze(find: Callable[[Stage], psutil.Process | None]) -> Callable[[Stage], End]:
    def begin(stage: Stage) -> End:
        process = find(stage)
        send_signal(process, signal.SIGSTOP)
        return lambda: send_signal(process, signal.SIGCONT)

    return begin


def _part(name: str) -> Callable[[Stage], psutil.Process | None]:
    return lambda stage: stage.part(name)


def _empty_redis(stage: Stage) -> End:
    stage.server.flushall()
    return _nothing


def _fill_disk(stage: Stage) -> End:
    assert stage.disk is not None
    stage.disk.fill()
    return stage.disk.free


def _jump(stage: Stage) -> End:
    clock = stage.clock
    assert clock is not None
    clock.move(_JUMP_S)
    return lambda: clock.move(-_JUMP_S)


def _quiet(stage: Stage) -> End:
    stage.shop.is_quiet = True
    if stage.clock is not None:
        stage.clock.move(_NIGHT_S)

    def end() -> None:
        stage.shop.is_quiet = False

    return end


_KINDS: Final = (
    Fault("kill-worker", "kill -9 of the stream worker", 0.0, _kill(_part("worker"))),
    Fault(
        "quiet-hours",
        "no shopper for a while; the clock goes on by five hours meanwhile, where it can be moved",
        75.0,
        _quiet,
    ),
    Fault("freeze-valkey", "Redis is stopped, and goes on", 20.0, _freeze(Stage.valkey)),
    Fault("kill-pricing", "kill -9 of the pricing service", 0.0, _kill(_part("pricing"))),
    Fault("empty-redis", "Redis loses everything", 0.0, _empty_redis),
    Fault("full-disk", "the workspace's disk takes no more", 30.0, _fill_disk, needs="disk"),
    Fault(
        "clock-jump",
        "the clock of every service jumps ten minutes ahead, and back",
        60.0,
        _jump,
        needs="clock",
    ),
    Fault("kill-drain", "kill -9 of the drain of decisions", 0.0, _kill(Stage.drain)),
    Fault("kill-ingest", "kill -9 of the ingest service", 0.0, _kill(_part("ingest"))),
    Fault("freeze-worker", "the worker is stopped, and goes on", 30.0, _freeze(_part("worker"))),
    Fault("kill-valkey", "kill -9 of Redis", 0.0, _kill(Stage.valkey)),
    Fault("freeze-pricing", "pricing is stopped, and goes on", 10.0, _freeze(_part("pricing"))),
    Fault("freeze-ingest", "ingest is stopped, and goes on", 10.0, _freeze(_part("ingest"))),
    Fault("kill-watch", "kill -9 of the rules' watcher", 0.0, _kill(_part("watch"))),
)
FAULTS: Final[Mapping[str, Fault]] = {fault.name: fault for fault in _KINDS}


def schedule_faults(names: Sequence[str], seconds: float) -> list[Strike]:
    """Faults at equal distances, each over before the next one begins.

    Args:
        names: of the faults in their order; none means all.
        seconds: length of the soak.
    Raises:
        InputError: there is no such fault, or no time.
    """
    chosen = [FAULTS[choose_named("fault", name, FAULTS)] for name in names] or list(
        FAULTS.values()
    )
    if seconds <= 0:
        raise InputError("A soak takes some time.", hint="Give --hours or --minutes.")
    gap_s = seconds / (len(chosen) + 1)
    return [
        Strike(fault, gap_s * (place + 0.5), min(fault.lasts_s, gap_s / 2))
        for place, fault in enumerate(chosen)
    ]
