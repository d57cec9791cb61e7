"""Mapping detection: which shipped mappings read the start of a file, and how well."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from phantom_core.core.errors import PhantomError
from phantom_core.events.canonical import columns_fit
from phantom_core.events.columns import Columns
from phantom_core.events.file_start import FileStart
from phantom_core.events.mapping import Mapping, load_mapping, shipped_mappings
from phantom_core.events.staging import Staging
from phantom_core.events.text_options import DETECTED, TextOptions

TRIED_ROWS: Final = 200
_LEAST_VALID: Final = 0.5
_LEAST_VALID_BY_PLACE: Final = 0.9  # columns known by their place alone say less

Reader = Callable[[TextOptions], FileStart]


@dataclass(frozen=True, slots=True)
class MappingMatch:
    """A shipped mapping that reads the start of a file.

    Attributes:
        name: of the mapping.
        n_rows: rows tried.
        valid_share: of those, rows that become events, in [0, 1].
        filled: fields and metadata keys of the mapping that have a value in some row, count.
        filled_share: those among all that it names, in [0, 1].
    """

    name: str
    n_rows: int
    valid_share: float
    filled: int
    filled_share: float

    @property
    def sureness(self) -> float:
        """How sure it is, in [0, 1]: the rows that become events, by the fields found."""
        return self.valid_share * self.filled_share


def detect_mappings(read: Reader, now_ms: int) -> list[MappingMatch]:
    """Try the shipped mappings on the start of a file.

    Args:
        read: reads the file's start with some text options; raises PhantomError where it cannot.
        now_ms: UTC milliseconds.
    Returns:
        Those that fit, the surest first; none where nothing fits.
    """
    plain = _read(read, DETECTED)
    starts: dict[TextOptions, FileStart | None] = {DETECTED: plain}
    is_json = plain is not None and plain.columns.is_json
    found = []
    for mapping in map(load_mapping, shipped_mappings()):
        options = DETECTED if is_json else mapping.text_options
        if options not in starts:
            starts[options] = _read(read, options)
        start = starts[options]
        if start is not None and start.rows is not None and _may_fit(mapping, start.columns):
            found += _tried(mapping, start, now_ms)
    return sorted(found, key=lambda one: (-one.sureness, -one.filled, one.name))


def describe_match(match: MappingMatch) -> str:
    """What a mapping made of the start of a file, one sentence.

    >>> describe_match(MappingMatch("otto", 4, 0.75, 1, 1.0))
    'It looks like otto: 3 of the first 4 rows become events, and 1 of its fields have values.'
    """
    n_valid = round(match.valid_share * match.n_rows)
    return (
        f"It looks like {match.name}: {n_valid:,} of the first {match.n_rows:,} rows become "
        f"events, and {match.filled} of its fields have values."
    )


def _read(read: Reader, options: TextOptions) -> FileStart | None:
    try:
        return read(options)
    except PhantomError:
        return None


def _may_fit(mapping: Mapping, columns: Columns) -> bool:
    needs_text = bool(mapping.header or mapping.header_file)
    return not (columns.is_json and needs_text) and columns_fit(mapping, columns)


def _tried(mapping: Mapping, start: FileStart, now_ms: int) -> list[MappingMatch]:
    assert start.rows is not None
    rows = start.rows.slice(0, TRIED_ROWS)
    try:
        with Staging(
            None,
            mapping,
            start.columns,
            now_ms=now_ms,
            future_tolerance_s=0,
            max_chars=1 << 20,
        ) as staging:
            staging.add(rows)
            [(n_rows, n_valid)] = staging.connection.execute(
                "SELECT COUNT(*), COUNT(*) FILTER (WHERE reason IS NULL) FROM staged"
            ).fetchall()
            missing = staging.missing()
    except PhantomError:
        return []
    filled = sum(share < 1 for share in missing.values())
    match = MappingMatch(
        mapping.name,
        n_rows,
        n_valid / n_rows if n_rows else 0.0,
        filled,
        filled / len(missing) if missing else 1.0,
    )
    least = _LEAST_VALID_BY_PLACE if mapping.header else _LEAST_VALID
    return [match] if match.valid_share >= least and filled else []
