"""File start: the columns and first rows of a foreign file, read in a child with limits."""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from phantom_core.core.errors import SourceError
from phantom_core.core.limited_process import ProcessLimits, answer_limited, run_limited
from phantom_core.events.columns import Columns
from phantom_core.events.text_options import DETECTED, TextOptions

START_ROWS: Final = 2_000
START_BYTES: Final = 32 << 20  # fewer rows where they are wide
LIMITS: Final = ProcessLimits(output_bytes=64 << 20)
_HINT: Final = "Export it with shorter fields and fewer columns, or split it."


@dataclass(frozen=True, slots=True, eq=False)
class FileStart:
    """The start of a file.

    Attributes:
        columns: what the file offers.
        rows: its first rows as sources yield them; None where it has none.
    """

    columns: Columns
    rows: pa.Table | None


def read_file_start(
    path: Path,
    *,
    options: TextOptions = DETECTED,
    max_chars: int = 1 << 20,
    limits: ProcessLimits = LIMITS,
) -> FileStart:
    """Look at a file without trusting it.

    Args:
        path: of any supported format.
        options: how its text is written; the rest is detected.
        max_chars: longest field.
        limits: memory and time that looking may take.
    Raises:
        SourceError: the file cannot be read as a whole, or takes more than the limits.
    """
    request = {
        "path": str(path.absolute()),
        "options": asdict(options),
        "max_chars": max_chars,
    }
    written = run_limited(
        "phantom_core.events.file_start", request, limits, name=path.name, hint=_HINT
    )
    table = pa.ipc.open_stream(written).read_all()
    found = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    names = found["names"].split("\x00") if found["names"] else []
    nested = found["nested"].split("\x00") if found["nested"] else []
    columns = Columns(names, is_json=found["is_json"] == "yes", nested=nested)
    return FileStart(columns, table.replace_schema_metadata() if table.num_rows else None)


def _read(request: object) -> bytes:
    from phantom_core.events.sources import open_source  # noqa: PLC0415 - after the limits

    assert isinstance(request, dict)
    pa.set_cpu_count(1)
    source = open_source(
        Path(request["path"]),
        options=TextOptions(
            **{**request["options"], "header": tuple(request["options"]["header"])}
        ),
        max_chars=request["max_chars"],
        batch_rows=START_ROWS,
    )
    rows = next((batch.rows for batch in source.batches() if batch.rows.num_rows), None)
    table = pa.table({}) if rows is None else _within(rows.slice(0, START_ROWS))
    table = table.replace_schema_metadata(
        {
            "names": "\x00".join(source.columns.names),
            "nested": "\x00".join(source.columns.nested),
            "is_json": "yes" if source.columns.is_json else "no",
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _within(rows: pa.Table) -> pa.Table:
    """The first rows that take at most START_BYTES; at least one."""
    n_rows = rows.num_rows
    while n_rows > 1 and rows.slice(0, n_rows).nbytes > START_BYTES:
        n_rows = max(1, n_rows // 2)
    n_bytes = rows.slice(0, n_rows).nbytes
    if n_bytes > START_BYTES:
        raise SourceError(f"The first row takes {n_bytes >> 20:,} MB.", hint=_HINT)
    return rows.slice(0, n_rows)


if __name__ == "__main__":
    answer_limited(_read)
    sys.exit(0)
