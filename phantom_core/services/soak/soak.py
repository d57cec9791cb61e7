"""Soak: shoppers in a running shop while faults strike, and what came of it."""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import redis

from phantom_core.core.settings import Settings
from phantom_core.messages.local import open_inbox, waiting_messages
from phantom_core.messages.segments import list_segments
from phantom_core.services.soak.clock import ServicesClock
from phantom_core.services.soak.faults import Strike
from phantom_core.services.soak.prepare import WHOLE_SHOP
from phantom_core.services.soak.probe import Probe
from phantom_core.services.soak.stage import Stage
from phantom_core.services.soak.usage import Usage
from phantom_core.services.stack.parts import USUAL, StackPart, free_ports, stack_parts
from phantom_core.services.traffic.traffic import Tally, traffic

HOST: Final = "127.0.0.1"
_PARTS: Final = ("worker", "ingest", "pricing", "watch")
_LOOK_EVERY_S: Final = 0.5
_LEAST_SAMPLES: Final = 60
_CAUGHT_UP_WITHIN_S: Final = 120.0
# What is well for so long is well again; late features show after two seconds.
_SETTLED_S: Final = 5.0

Notify = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Struck:
    """What came of one fault.

    Attributes:
        name: of the fault.
        at_s: when it began, seconds since the start.
        lasted_s: seconds.
        recovered_s: from its end until everything worked again; None where that was not seen.
        skipped: why it did not happen; empty where it did.
    """

    name: str
    at_s: float
    lasted_s: float = 0.0
    recovered_s: float | None = None
    skipped: str = ""


@dataclass(slots=True)
class Course:
    """How a soak went.

    Attributes:
        struck: faults in time order.
        usage: memory and disk.
        pricing_killed_s: monotonic times of kills of the pricing service.
        tally: of the shoppers.
        seconds: how long shoppers were in the shop.
        caught_up_s: from the last shopper until everything was in the lake; None where it was not.
    """

    struck: list[Struck] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    pricing_killed_s: list[float] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    seconds: float = 0.0
    caught_up_s: float | None = None


def soak_parts(settings: Settings, clock: ServicesClock | None) -> tuple[StackPart, ...]:
    """The services under a soak: those of the stack that a storefront depends on."""
    ports = free_ports(USUAL, HOST)
    environment = {
        "PHANTOM_REDIS_URL": "",
        "PHANTOM_KAFKA_BOOTSTRAP": "",
        **WHOLE_SHOP,
        **(clock.environment() if clock else {}),
    }
    return tuple(
        replace(part, environment={**environment, **part.environment})
        for part in stack_parts(settings.workspace, ports, host=HOST)
        if part.name in _PARTS
    )


@dataclass(slots=True)
class Soak:
    """A soak of running services.

    Args:
        settings: workspace of a prepared shop.
        strikes: faults at their times.
        seconds: length.
        per_minute: shoppers.
        seed: of the shoppers.
        notify: called with each piece of news, a sentence.
    """

    settings: Settings
    strikes: Sequence[Strike]
    seconds: float
    per_minute: float
    seed: int
    notify: Notify
    course: Course = field(default_factory=Course)
    _began_s: float = 0.0
    _is_over: bool = False

    async def run(self, stage: Stage, probe: Probe) -> Course:
        """Let shoppers in, strike, and wait until everything is in the lake."""
        self._began_s = time.monotonic()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        beside = [
            loop.create_task(self._supervise(stage)),
            loop.create_task(self._sample(stage)),
        ]
        inside = [
            loop.create_task(probe.run()),
            loop.create_task(self._strike_all(stage, probe)),
        ]
        try:
            self.course.tally = await traffic(
                stage.shop,
                per_minute=self.per_minute,
                seed=self.seed,
                is_over=lambda: self._is_over or self._elapsed_s() >= self.seconds,
                report=lambda _: None,
            )
            self.course.seconds = self._elapsed_s()
            await inside[1]
            await _end_tasks(inside)
            await self._catch_up()
        finally:
            await _end_tasks([*beside, *inside])
        return self.course

    def _end(self) -> None:
        self._is_over = True

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._began_s

    async def _supervise(self, stage: Stage) -> None:
        while True:
            stage.supervisor.look()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _sample(self, stage: Stage) -> None:
        every_s = min(60.0, self.seconds / _LEAST_SAMPLES)
        while True:
            at_s = self._elapsed_s()
            await asyncio.to_thread(self.course.usage.take, at_s, stage, self.settings.workspace)
            await asyncio.sleep(max(1.0, every_s))

    async def _strike_all(self, stage: Stage, probe: Probe) -> None:
        for strike in self.strikes:
            while self._elapsed_s() < strike.at_s:
                if self._is_over:
                    return
                await asyncio.sleep(min(_LOOK_EVERY_S, max(0.0, strike.at_s - self._elapsed_s())))
            self.course.struck.append(await self._strike(strike, stage, probe))

    async def _strike(self, strike: Strike, stage: Stage, probe: Probe) -> Struck:
        fault, at_s = strike.fault, round(self._elapsed_s(), 1)
        if problem := fault.problem(stage):
            self.notify(f"{fault.name} is left out: {problem}.")
            return Struck(fault.name, at_s, skipped=problem)
        self.notify(f"{fault.name}: {fault.about}.")
        probe.fault = fault.name
        began_s = time.monotonic()
        try:
            end = await asyncio.to_thread(fault.begin, stage)
        except (OSError, redis.RedisError) as error:
            return Struck(fault.name, at_s, skipped=f"it could not begin: {error}")
        if fault.name == "kill-pricing":
            self.course.pricing_killed_s.append(time.monotonic())
        try:
            await asyncio.sleep(strike.lasts_s)
        finally:
            end()
        ended_s = time.monotonic()
        recovered_s = await self._recovered(probe, ended_s)
        self.notify(
            f"{fault.name}: "
            + (
                "not well again."
                if recovered_s is None
                else f"well again {recovered_s:.1f} s after its end."
            )
        )
        return Struck(fault.name, at_s, round(ended_s - began_s, 1), recovered_s)

    async def _recovered(self, probe: Probe, ended_s: float) -> float | None:
        """Wait until everything works and goes on working, until the next fault at most."""
        later_s = [one.at_s for one in self.strikes if one.at_s > self._elapsed_s()]
        until_s = self._began_s + min([*later_s, self.seconds])
        while time.monotonic() < until_s:
            if time.monotonic() - max(probe.ill_s, ended_s) >= _SETTLED_S:
                return round(max(0.0, probe.ill_s - ended_s), 1)
            await asyncio.sleep(_LOOK_EVERY_S / 2)
        return None

    async def _catch_up(self) -> None:
        """Wait until nothing waits for the lake any more."""
        began_s = time.monotonic()
        inbox = open_inbox(self.settings.workspace)
        decisions = self.settings.paths.decisions
        while time.monotonic() - began_s < _CAUGHT_UP_WITHIN_S:
            waiting = sum(waiting_messages(inbox).values()) + len(list_segments(decisions))
            if not waiting:
                self.course.caught_up_s = round(time.monotonic() - began_s, 1)
                return
            await asyncio.sleep(_LOOK_EVERY_S)


async def _end_tasks(tasks: Sequence[asyncio.Task[None]]) -> None:
    """End tasks; an error of one of them is this soak's, and is raised.

    Raises:
        Exception: that of the first task that failed.
    """
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome
