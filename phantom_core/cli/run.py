"""How every verb runs: settings and progress in, one JSON object or a sentence out."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import Progress as Bar
from rich.text import Text

from phantom_core.accounts.actors import Internal, acting_as
from phantom_core.core.errors import PhantomError

if TYPE_CHECKING:
    from phantom_core.core.progress import ProgressValues
    from phantom_core.core.settings import Settings
    from phantom_core.lake.lake import Lake

console = Console(stderr=True)

Workspace = Annotated[
    Path | None,
    typer.Option(help="Folder of the workspace; default PHANTOM_WORKSPACE, else data/workspace."),
]
Seed = Annotated[int | None, typer.Option(help="Seed; default PHANTOM_SEED.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@contextmanager
def running(
    workspace: Path | None,
    what: str,
    *,
    as_json: bool = False,
    actor: Internal = Internal.SHELL,
) -> Iterator[tuple["Settings", "Reporter"]]:
    """Settings and progress for a verb; user errors become one sentence, and exit code 1.

    Args:
        workspace: as given on the command line.
        what: the verb does, for the progress bar.
        as_json: whether errors are printed as JSON.
        actor: that the verb acts as until a person is identified.
    """
    with (
        reporting_errors(as_json=as_json),
        Bar(console=console, transient=True) as bar,
        acting_as(actor),
    ):
        yield settings_of(workspace), Reporter(bar, what)


@contextmanager
def serving(workspace: Path | None, *, as_json: bool = False) -> Iterator["Settings"]:
    """Settings for a verb that runs until it is stopped."""
    with reporting_errors(as_json=as_json), acting_as(Internal.SHELL):
        yield settings_of(workspace)


@contextmanager
def reporting_errors(*, as_json: bool = False) -> Iterator[None]:
    """Turn errors that a user can fix into one sentence, and exit code 1."""
    from pydantic import ValidationError

    try:
        yield
    except PhantomError as error:
        fail(error.message, error.hint, as_json)
    except ValidationError as error:
        from phantom_core.core.settings import explain_invalid

        fail(explain_invalid(error), "", as_json)
    except Exception as error:
        _fail_plainly(error, as_json)
        raise


def _fail_plainly(error: Exception, as_json: bool) -> None:
    """Fail with a sentence where an error is about files; nothing where it is a bug."""
    import duckdb

    from phantom_core.core.damage import explain_damage

    if found := explain_damage(error):
        fail(found.message, found.hint, as_json)
    if isinstance(error, duckdb.IOException):
        fail(
            f"{str(error).splitlines()[0].removeprefix('IO Error: ').rstrip('.')}.",
            "Check the path, the rights and the disk.",
            as_json,
        )
    if isinstance(error, OSError):
        fail(
            f"{error.strerror or error}: {error.filename or ''}".rstrip(": ") + ".",
            "Check the path, the rights and the disk.",
            as_json,
        )


def fail(message: str, hint: str, as_json: bool) -> NoReturn:
    """Print why a verb failed, and exit."""
    if as_json:
        print(json.dumps({"error": message, "hint": hint}))
    console.print(Text.assemble(("✗ ", "bold red"), message))
    if hint:
        console.print(Text(f"  {hint}"))
    raise typer.Exit(1)


class Reporter:
    """Progress as a bar on standard error."""

    def __init__(self, bar: Bar, what: str) -> None:
        self._bar = bar
        self._task = bar.add_task(what, total=1.0)

    def __call__(
        self, fraction: float, message: str, values: "ProgressValues | None" = None
    ) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=fraction, description=message)


def settings_of(workspace: Path | None) -> "Settings":
    """Settings from the environment, with the workspace given on the command line."""
    from phantom_core.core.settings import Settings

    return Settings(workspace=workspace) if workspace else Settings()


def lake_of(settings: "Settings") -> "Lake":
    """The lake of a workspace."""
    from phantom_core.lake.lake import open_lake

    return open_lake(settings)


def emit(result: Mapping[str, object], as_json: bool) -> None:
    """Print a result: one JSON object, or a line per figure, what is nested indented."""
    if as_json:
        print(json.dumps(result, default=str))
        return
    for line in _lines(result, 0):
        print(line)


def _lines(result: Mapping[str, object], depth: int) -> Iterator[str]:
    """Lines of an object; lists of objects are parted by a dash."""
    blank = "  " * depth
    for name, value in result.items():
        if isinstance(value, Mapping):
            yield f"{blank}{name}"
            yield from _lines(value, depth + 1)
        elif isinstance(value, list | tuple) and any(isinstance(one, Mapping) for one in value):
            yield f"{blank}{name}"
            for one in value:
                first, *rest = [*_lines(one, depth + 2)] if isinstance(one, Mapping) else [str(one)]
                yield f"{blank}  - {first.lstrip()}"
                yield from rest
        elif isinstance(value, list | tuple):
            yield f"{blank}{name:<22} {', '.join(map(_shown, value)) or '–'}".rstrip()
        else:
            yield f"{blank}{name:<22} {_shown(value)}".rstrip()


def _shown(value: object) -> str:
    """A value for people: few digits, and a dash for nothing."""
    if value is None:
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def now_ms() -> int:
    """The clock, UTC milliseconds."""
    return time.time_ns() // 1_000_000
