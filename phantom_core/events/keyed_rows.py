"""Keyed rows: small tables with a row per key, read from files or PostgreSQL and checked by row."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import sqlalchemy as sa

from phantom_core.core.errors import MappingError, SourceError, UnavailableError
from phantom_core.events.formats.source_format import ROW_NAMES, Source
from phantom_core.events.text_rows import MAX_SHOWN

CONNECT_S: Final = 10
YES: Final = frozenset({"true", "t", "yes", "1", "1.0"})
NO: Final = frozenset({"false", "f", "no", "0", "0.0"})

Row = dict[str, str | None]
Names = Mapping[str, tuple[str, ...]]
Converted = dict[str, str | bool | float | None]


@dataclass(frozen=True, slots=True)
class Named:
    """A row as text values by column, or why it could not be read.

    Attributes:
        line: its number in the source, from 1.
        values: by column.
        problem: reason code of a row that cannot be read, else "".
        detail: what was found.
        text: the raw row.
    """

    line: int
    values: Row
    problem: str = ""
    detail: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was not accepted: its line, and why."""

    line: int
    reason: str
    detail: str
    text: str


@dataclass(frozen=True, slots=True)
class KeyedRows:
    """Rows of a keyed table, one per key (the last one wins), and the rejected ones.

    Attributes:
        rows: with the table's schema.
        n_read: rows read.
        n_repeated: rows whose key was repeated further down.
        refused: rows for the quarantine.
    """

    rows: pa.Table
    n_read: int
    n_repeated: int
    refused: tuple[Refused, ...]

    @property
    def reasons(self) -> dict[str, int]:
        """How often each reason occurs."""
        return dict(Counter(row.reason for row in self.refused))


def rows_of_source(source: Source) -> Iterator[Named]:
    """Rows of a file; malformed ones have a problem instead of values."""
    for batch in source.batches():
        for row in batch.rows.to_pylist():
            line, problem, detail, text = (row.pop(name) for name in ROW_NAMES)
            values = row
            if source.columns.is_json and not problem:
                text = row["doc"][:MAX_SHOWN]
                values, problem = _document(row["doc"])
            yield Named(
                line,
                {key: _text(value) for key, value in values.items()},
                problem or "",
                detail or "",
                text or "",
            )


def rows_of_postgres(url: str, table: str) -> Iterator[Named]:
    """Rows of a table of a PostgreSQL database.

    Args:
        url: postgresql://user@host:5432/database.
        table: its name, a trusted constant.
    Raises:
        UnavailableError: no connection.
        SourceError: no such table.
    """
    try:
        address = sa.make_url(url).set(drivername="postgresql+psycopg")
    except (sa.exc.ArgumentError, ValueError) as error:
        raise SourceError(
            f"This is no database URL: {error}.", hint="Write postgresql://user@host:5432/database."
        ) from error
    engine = sa.create_engine(address, connect_args={"connect_timeout": CONNECT_S})
    try:
        with engine.connect() as connection:
            for line, row in enumerate(
                connection.execute(sa.text(f"SELECT * FROM {table}")).mappings(), start=1
            ):
                yield Named(line, {key: _text(value) for key, value in row.items()})
    except sa.exc.OperationalError as error:
        raise UnavailableError(
            f"PostgreSQL does not answer: {_first_line(error)}.",
            hint="Check the URL and the server.",
        ) from error
    except sa.exc.SQLAlchemyError as error:
        raise SourceError(f"The table '{table}' cannot be read: {_first_line(error)}.") from error
    finally:
        engine.dispose()


def _first_line(error: sa.exc.SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0].rstrip(".")


def _document(text: str) -> tuple[dict[str, object], str]:
    """The values of a JSON object, or the reason code of a text that is none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}, "broken_json"
    return (document, "") if isinstance(document, dict) else ({}, "not_an_object")


def _text(value: object) -> str | None:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return None if value is None else text.strip()


def collect_keyed_rows(
    rows: Iterable[Named],
    names: Names,
    schema: pa.Schema,
    convert: Callable[[Row], Converted | tuple[str, str]],
) -> KeyedRows:
    """Turn named text values into rows of a table.

    Args:
        rows: in the order of the source.
        names: accepted source columns by column; the first column is the key.
        schema: of the table.
        convert: a row's values by column, or the reason code and the detail of its rejection.
    """
    accepted: dict[str, Converted] = {}
    refused: list[Refused] = []
    n_read = 0
    for named in rows:
        n_read += 1
        outcome: Converted | tuple[str, str] = (named.problem, named.detail)
        if not named.problem:
            outcome = convert(
                {field: _pick(named.values, options) for field, options in names.items()}
            )
        if isinstance(outcome, tuple):
            refused.append(
                Refused(
                    named.line,
                    *outcome,
                    named.text or json.dumps(named.values, ensure_ascii=False)[:MAX_SHOWN],
                )
            )
        else:
            accepted[str(outcome[schema.names[0]])] = outcome
    table = pa.Table.from_pylist(list(accepted.values()), schema=schema)
    return KeyedRows(table, n_read, n_read - len(accepted) - len(refused), tuple(refused))


def check_columns(source: Source, names: Names) -> None:
    """Reject a file without a key column.

    Args:
        source: the file.
        names: accepted source columns by column; the first column is the key.
    Raises:
        MappingError: there is none; lists the columns found.
    """
    needed = next(iter(names.values()))
    if not any(name in source.columns.names for name in needed):
        raise MappingError(
            f"No column {' or '.join(needed)}; the columns are "
            f"{', '.join(source.columns.names) or 'none'}."
        )


def _pick(values: Row, options: tuple[str, ...]) -> str | None:
    return next((values[name] for name in options if values.get(name) not in (None, "")), None)
