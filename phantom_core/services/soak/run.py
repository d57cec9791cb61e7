"""Run: a soak from an empty folder to its report."""

import asyncio
import datetime as dt
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from phantom_core.core.errors import UnavailableError
from phantom_core.core.limits import GuardRails
from phantom_core.core.settings import Settings
from phantom_core.lake.lake import open_lake
from phantom_core.services.soak.clock import ServicesClock
from phantom_core.services.soak.disk import bounded_disk
from phantom_core.services.soak.faults import schedule_faults
from phantom_core.services.soak.ledger import read_ledger
from phantom_core.services.soak.prepare import WHOLE_SHOP, prepare_shop
from phantom_core.services.soak.probe import Probe
from phantom_core.services.soak.report import SoakReport
from phantom_core.services.soak.shop import SoakShop
from phantom_core.services.soak.soak import Soak, soak_parts
from phantom_core.services.soak.stage import Stage
from phantom_core.services.stack.supervisor import Supervisor
from phantom_core.services.traffic.storefront import Storefront
from phantom_core.valkey.server import connect_server, stop_embedded

_READY_WITHIN_S: Final = 90.0


@dataclass(frozen=True, slots=True)
class SoakPlan:
    """What to do.

    Attributes:
        seconds: length.
        per_minute: shoppers.
        faults: names in their order; none means all.
        folder: for the workspace and the logs; new.
        disk_mb: size of the workspace's file system, where one can be mounted.
        faketime: libfaketime; None without it.
        seed: of the shoppers.
    """

    seconds: float
    per_minute: float
    faults: tuple[str, ...]
    folder: Path
    disk_mb: int
    faketime: Path | None
    seed: int


def run_soak(plan: SoakPlan, notify: Callable[[str], None]) -> SoakReport:
    """Prepare a shop, soak it, stop it, and compare.

    Args:
        plan: what to do.
        notify: called with each piece of news, a sentence.
    Raises:
        UnavailableError: the services do not start.
        InputError: there is no such fault.
    """
    strikes = schedule_faults(plan.faults, plan.seconds)
    workspace = plan.folder / "workspace"
    with ExitStack() as stack:
        disk = stack.enter_context(bounded_disk(workspace, plan.disk_mb))
        stack.enter_context(_environment(WHOLE_SHOP))
        settings = Settings(workspace=workspace, redis_url="")
        server = connect_server(settings)
        stack.callback(stop_embedded, settings)
        notify(f"Preparing a shop in {workspace}.")
        prepare_shop(settings, time.time_ns() // 1_000_000)
        clock = ServicesClock(plan.faketime, plan.folder / "clock") if plan.faketime else None
        parts = soak_parts(settings, clock)
        supervisor = Supervisor(plan.folder / "logs", notify)
        killed: list[str] = []
        try:
            supervisor.start(parts)
            if late := supervisor.wait_ready(_READY_WITHIN_S, lambda: False):
                raise UnavailableError(
                    f"These do not start: {', '.join(late)}.",
                    hint=f"See their logs in {plan.folder / 'logs'}.",
                )
            where = {part.name: part.address for part in parts}
            rails = GuardRails(settings.limits.lowest_markup, settings.limits.highest_markup)
            soak = Soak(settings, strikes, plan.seconds, plan.per_minute, plan.seed, notify)

            async def run() -> tuple[SoakShop, Probe]:
                shop = SoakShop(Storefront(where["ingest"], where["pricing"]), rails)
                probe = Probe(shop, server)
                try:
                    await soak.run(Stage(supervisor, server, shop, clock, disk), probe)
                finally:
                    await shop.close()
                return shop, probe

            shop, probe = asyncio.run(run())
        finally:
            notify("Stopping.")
            killed = supervisor.stop()
        ledger = read_ledger(open_lake(settings), shop, tuple(soak.course.pricing_killed_s))
    return SoakReport(
        _about(plan, soak.course.seconds), ledger, soak.course, probe.by_fault, killed
    )


def _about(plan: SoakPlan, seconds: float) -> dict[str, object]:
    return {
        "date": f"{dt.datetime.now(dt.UTC):%Y-%m-%d}",
        "minutes": round(seconds / 60, 1),
        "shoppers a minute": plan.per_minute,
        "seed": plan.seed,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Variables of this process for the time of the block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
