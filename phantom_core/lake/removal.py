"""Removal: the rows of a load taken out of the lake, because of a better reading or a wrong file.

The rows go first, in one commit whose note names the loads; the ledger keeps their entries, marked
as removed. A removal that was killed in between is finished by the next load.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from phantom_core.core.errors import InputError, NotFoundError
from phantom_core.events.load_warning import LoadWarning
from phantom_core.lake.lake import Lake
from phantom_core.lake.ledger import Load

_NOTE: Final = "phantom_removal"
_TABLES: Final = ("events", "quotes")


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A load as the ledger knows it.

    Attributes:
        load_id, load_seq: of the load.
        kind: events, quotes, experiments, labels or catalogue.
        file, mapping: as they were named.
        accepted: rows it brought.
        mapping_sha256: digest of its mapping; None in loads of earlier releases.
    """

    load_id: str
    load_seq: int
    kind: str
    file: str
    mapping: str
    accepted: int
    mapping_sha256: str | None


def find_load(lake: Lake, load_id: str) -> LedgerEntry:
    """The load with an id, or with an id that starts like this, whose rows are in the lake.

    Raises:
        NotFoundError: there is none.
        InputError: there are several.
    """
    found = _entries(lake, "starts_with(load_id, ?)", load_id) if load_id else []
    if not found:
        raise NotFoundError(
            f"There is no load '{load_id[:40]}' in this workspace.",
            hint="`phantom loads` lists them with their ids.",
        )
    if len(found) > 1:
        raise InputError(
            f"{len(found)} loads have an id that starts with '{load_id}'.",
            hint="Give more of it.",
        )
    return found[0]


def other_readings(lake: Lake, load: Load) -> list[LedgerEntry]:
    """Loads of the same file by another mapping, whose rows this load replaces."""
    if not load.sha256:
        return []
    found = _entries(lake, "sha256 = ? AND kind = ?", load.sha256, load.kind)
    return [one for one in found if not _reads_alike(one, load)]


def replacement_warning(replaced: Sequence[LedgerEntry]) -> LoadWarning:
    """The warning about loads that were replaced."""
    rows = sum(one.accepted for one in replaced)
    names = ", ".join(f"'{name}'" for name in dict.fromkeys(one.mapping for one in replaced))
    text = (
        f"This file was loaded before by the mapping {names}: its {rows:,} "
        f"{'row was' if rows == 1 else 'rows were'} replaced."
    )
    return LoadWarning("replaced", rows, text)


def remove_load(lake: Lake, load: LedgerEntry, now_ms: int) -> int:
    """Take the rows of a load out of the lake.

    Args:
        lake: that holds them.
        load: of events or quotes.
        now_ms: UTC milliseconds.
    Returns:
        How many rows there were.
    Raises:
        InputError: a load of keyed rows, which replaced others and cannot be undone.
    """
    if load.kind not in _TABLES:
        raise InputError(
            f"A load of {load.kind} cannot be taken out: it replaced rows with the same key.",
            hint="Load a file with the right values.",
        )
    note = removal_note([load.load_id], now_ms)
    n_rows = lake.delete(load.kind, f"load_seq = {load.load_seq}", note)
    mark_removed(lake, [load.load_id], now_ms)
    return n_rows


def removal_note(load_ids: Sequence[str], now_ms: int) -> dict[str, str]:
    """The note of the commit that takes rows of loads out."""
    return {_NOTE: json.dumps({"loads": list(load_ids), "removed_ms": now_ms})}


def finish_removal(lake: Lake, note: Mapping[str, str]) -> None:
    """Mark loads whose rows are gone, where the process died before it did. Hold the lock."""
    if _NOTE in note:
        found = json.loads(note[_NOTE])
        if _entries(lake, "list_contains(?::VARCHAR[], load_id)", found["loads"]):
            mark_removed(lake, found["loads"], found["removed_ms"])


def mark_removed(lake: Lake, load_ids: Sequence[str], now_ms: int) -> None:
    """Mark loads in the ledger as taken out. Hold the lock."""
    if load_ids:
        names = ", ".join(f"'{load_id}'" for load_id in load_ids)
        lake.update("loads", {"removed_ms": str(now_ms)}, f"load_id IN ({names})")


def _reads_alike(entry: LedgerEntry, load: Load) -> bool:
    if entry.mapping_sha256 is None:  # of an earlier release: its name is all there is
        return entry.mapping == load.mapping
    return entry.mapping_sha256 == load.mapping_sha256


def _entries(lake: Lake, condition: str, *values: object) -> list[LedgerEntry]:
    with lake.connect(("loads",)) as connection:
        rows = connection.execute(
            "SELECT load_id, load_seq, kind, file, mapping, accepted, mapping_sha256 FROM loads "
            f"WHERE removed_ms IS NULL AND {condition} ORDER BY load_seq",
            list(values),
        ).fetchall()
    return [LedgerEntry(*row) for row in rows]
