"""Drain decisions: from the pricing service's segment files into the lake, exactly once."""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson
import pyarrow as pa
from filelock import FileLock, Timeout

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.settings import Settings
from phantom_core.events.schema import DECISIONS
from phantom_core.lake.keys import connect_with_keys
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.messages.segments import is_finished, list_segments, read_records

# Endings of the segments of an earlier release, whose lines have no checksums.
_OPEN, _CLOSED, _LOCK = ".open", ".jsonl", ".lock"
_NOTE: Final = "phantom_decisions"
_AT_ONCE: Final = 8
_LOGGER: Final = logging.getLogger(__name__)
_COMPACT_AFTER: Final = 50
_RAW: Final = pa.schema(
    [field for field in DECISIONS if field.name not in ("session_key", "event_id")]
)


@dataclass(frozen=True, slots=True)
class Drained:
    """What one round wrote to the lake.

    Attributes:
        decisions: rows written.
        segments: files processed.
        torn: incomplete lines of processes that died, and damaged ones.
    """

    decisions: int = 0
    segments: int = 0
    torn: int = 0

    def __add__(self, other: "Drained") -> "Drained":
        return Drained(
            self.decisions + other.decisions, self.segments + other.segments, self.torn + other.torn
        )


@requires(Permission.WORK)
def drain_decisions(settings: Settings) -> Drained:
    """Write every closed segment to the lake, and the open ones of processes that died.

    A commit names the segments it holds, so that the next drain after a process died between the
    commit and the removal of its files removes them and writes nothing twice.
    """
    folder, lake = settings.paths.decisions, open_lake(settings)
    if not folder.is_dir():
        return Drained()
    with FileLock(folder / "drain.lock"):
        _adopt(folder)
        _remove(folder, json.loads(lake.last_note("decisions").get(_NOTE, "[]")))
        drained = Drained()
        while waiting := _finished(folder)[:_AT_ONCE]:
            drained += _write(lake, waiting)
            _remove(folder, [path.name for path in waiting])
        return drained


@requires(Permission.WORK)
def drain_until(
    settings: Settings,
    is_over: Callable[[float], bool],
    every_s: float,
    after_each: Callable[[], None],
) -> Drained:
    """Drain in a loop, and once more at the end.

    A round that fails, as on a full disk, is not the last: the next one takes its decisions too.
    What follows each round does so whatever came of it.

    Args:
        settings: workspace.
        is_over: waits that many seconds, or less, and says whether to stop.
        every_s: pause between two rounds.
        after_each: called after every round.
    """
    total, n_commits = Drained(), 0
    while True:
        was_last = is_over(every_s)
        try:
            found = drain_decisions(settings)
            total += found
            n_commits += bool(found.decisions)
            if n_commits >= _COMPACT_AFTER:
                open_lake(settings).compact("decisions")
                n_commits = 0
        except Exception as error:
            if was_last:
                raise
            _LOGGER.error("Decisions wait for the next round: %s", error)
        after_each()
        if was_last:
            return total


def _finished(folder: Path) -> list[Path]:
    return [*sorted(folder.glob(f"*{_CLOSED}")), *filter(is_finished, list_segments(folder))]


def _adopt(folder: Path) -> None:
    """Close the segments of an earlier release whose processes are gone: their lock is free."""
    for path in folder.glob(f"*{_OPEN}"):
        writer = path.name.partition("-")[0]
        with _free(folder / f"{writer}{_LOCK}") as is_free:
            if is_free:
                path.rename(path.with_suffix(_CLOSED))


@contextmanager
def _free(path: Path) -> Iterator[bool]:
    try:
        with FileLock(path, timeout=0):
            yield True
    except Timeout:
        yield False
    else:
        path.unlink(missing_ok=True)


def _remove(folder: Path, names: Sequence[str]) -> None:
    for name in names:
        (folder / name).unlink(missing_ok=True)


def _write(lake: Lake, paths: Sequence[Path]) -> Drained:
    rows, torn = [], 0
    for path in paths:
        lines, n_torn = _lines(path)
        torn += n_torn
        for line in lines:
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError:
                torn += 1
                continue
            if row is None:  # blanked, as its session was erased
                continue
            features = row["features"]
            text = None if features is None else orjson.dumps(features).decode()
            rows.append(row | {"features": text})
    if rows:
        note = {_NOTE: json.dumps([path.name for path in paths])}
        with lake.lock:
            lake.append("decisions", _keyed(pa.Table.from_pylist(rows, schema=_RAW)), note)
    return Drained(len(rows), len(paths), torn)


def _lines(path: Path) -> tuple[list[bytes], int]:
    """Lines of a segment, and the number of those that its checksums show as torn or damaged."""
    content = path.read_bytes()
    if path.suffix == _CLOSED:
        return content.splitlines(), 0
    records = list(read_records(content, 0))
    whole = [record.value for record in records if record.is_whole]
    is_torn = bool(content) and not content.endswith(b"\n")
    return whole, len(records) - len(whole) + is_torn


def _keyed(rows: pa.Table) -> pa.Table:
    """Add keys to rows, order them as sessions are read, and drop duplicate decisions."""
    columns = ", ".join(_RAW.names)
    with connect_with_keys() as connection:
        connection.register("rows_read", rows)
        keyed = connection.sql(
            f"SELECT DISTINCT ON (decision_id) key_of(session_id) AS session_key, {columns}, "
            "CAST(CAST(concat('0x', right(decision_id, 16)) AS UBIGINT) - "
            "9223372036854775808::HUGEINT AS BIGINT) AS event_id "
            "FROM rows_read ORDER BY session_key, decided_ms, event_id"
        )
        return keyed.select(*DECISIONS.names).to_arrow_table().cast(DECISIONS)
