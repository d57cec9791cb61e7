"""Verb that lets a shop run through a bad night."""

import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from phantom_core.cli.run import Json, emit, reporting_errors


def soak(
    *,
    hours: Annotated[float, typer.Option(min=0, help="Length, hours.")] = 0.0,
    minutes: Annotated[float, typer.Option(min=0, help="Length, minutes; added to the hours.")] = (
        0.0
    ),
    rate: Annotated[float, typer.Option(min=0.1, help="Generated shoppers a minute.")] = 60.0,
    fault: Annotated[
        list[str] | None, typer.Option(help="A fault, by name; again for more. Default all.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="New folder for workspace and logs; default a temporary one."),
    ] = None,
    disk_mb: Annotated[
        int, typer.Option(min=32, help="Size of the workspace's disk, where one can be mounted.")
    ] = 1_024,
    faketime: Annotated[
        Path | None, typer.Option(help="libfaketime.so.1; default where packages put it.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the shoppers.")] = 1,
    as_json: Json = False,
) -> None:
    """Run a shop while faults strike, and compare its promises with the lake."""
    from phantom_core.accounts.actors import Internal, acting_as
    from phantom_core.services.soak.clock import find_library
    from phantom_core.services.soak.run import SoakPlan, run_soak

    with reporting_errors(as_json=as_json), acting_as(Internal.SHELL):
        plan = SoakPlan(
            seconds=hours * 3_600 + minutes * 60,
            per_minute=rate,
            faults=tuple(fault or ()),
            folder=_new_folder(folder),
            disk_mb=disk_mb,
            faketime=faketime or find_library(),
            seed=seed,
        )
        report = run_soak(plan, _notify)
    if as_json:
        emit(report.to_json(), as_json)
    else:
        print(report.to_text())
    if not report.is_balanced:
        raise typer.Exit(1)


def _new_folder(folder: Path | None) -> Path:
    from phantom_core.core.errors import InputError

    if folder is None:
        return Path(tempfile.mkdtemp(prefix="phantom-soak-"))
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"The folder {folder} is not empty.", hint="Choose a new one.")
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def _notify(sentence: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {sentence}", file=sys.stderr, flush=True)
