"""Actors: experiments and session labels as they come in files or a PostgreSQL table, checked row by row."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import sqlalchemy as sa

from phantom_core.errors import MappingError, SourceError, UnavailableError
from phantom_core.events.schema import EXPERIMENTS, SESSION_LABELS
from phantom_core.events.sources import Source

_YES: Final = frozenset({"true", "t", "yes", "1", "1.0"})
_NO: Final = frozenset({"false", "f", "no", "0", "0.0"})
_AGENT: Final = frozenset({"agent", "bot", "automated", "robot", "scraper"}) | _YES
_HUMAN: Final = frozenset({"human", "user", "person", "people"}) | _NO

_EXPERIMENT_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "experiment_id": ("id", "experiment_id", "experimentId"),
    "subject_name": ("subject_name", "subjectName"),
    "xp_human_only": ("xp_human_only", "xpHumanOnly"),
    "xp_market_mode": ("xp_market_mode", "xpMarketMode"),
    "xp_task_id": ("xp_task_id", "xpTaskId"),
}
_LABEL_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "session_id": ("session", "session_id", "sessionId"),
    "is_agent": ("label", "is_agent", "isAgent", "class"),
    "family": ("family",),
}

Row = dict[str, str | None]
Numbered = tuple[int, Row]


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was not taken: where it stands, and why."""

    line: int
    reason: str
    detail: str
    text: str


@dataclass(frozen=True, slots=True)
class Actors:
    """Rows for `experiments` or `session_labels`, one per key (the last one wins), and what was refused.

    Attributes:
        rows: with the table's schema.
        n_read: rows read.
        n_repeated: rows whose key came again further down.
        refused: rows in quarantine.
    """

    rows: pa.Table
    n_read: int
    n_repeated: int
    refused: tuple[Refused, ...]

    @property
    def reasons(self) -> dict[str, int]:
        """How often each reason occurs."""
        return dict(Counter(row.reason for row in self.refused))


def read_experiments(rows: Iterable[Numbered]) -> Actors:
    """Experiments from named text values."""
    return _collect(rows, _EXPERIMENT_NAMES, EXPERIMENTS, _experiment)


def read_labels(rows: Iterable[Numbered]) -> Actors:
    """Session labels from named text values; label is agent/bot/1 or human/0."""
    return _collect(rows, _LABEL_NAMES, SESSION_LABELS, _label)


def rows_of_source(source: Source) -> Iterator[Numbered]:
    """Rows of a file as named text values; rows that are physically broken carry `_problem`."""
    for batch in source.batches():
        for row in batch.rows.to_pylist():
            line = row.pop("_line")
            values = json.loads(row["doc"]) if source.columns.is_json and _is_object(row.get("doc")) else row
            values["_problem"], values["_text"] = row.get("_problem"), row.get("_text")
            yield line, {key: None if value is None else str(value).strip() for key, value in values.items()}


def rows_of_postgres(url: str) -> Iterator[Numbered]:
    """Rows of the table `experiments` of a PostgreSQL database.

    Raises:
        UnavailableError: no connection.
        SourceError: no such table.
    """
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1).replace("postgres://", "postgresql+psycopg://", 1))
    try:
        with engine.connect() as connection:
            for line, row in enumerate(connection.execute(sa.text("SELECT * FROM experiments")).mappings(), start=1):
                yield line, {key: None if value is None else str(value) for key, value in row.items()}
    except sa.exc.OperationalError as error:
        raise UnavailableError(f"PostgreSQL does not answer: {_first_line(error)}.", hint="Check the URL and the server.") from error
    except sa.exc.SQLAlchemyError as error:
        raise SourceError(f"The table 'experiments' cannot be read: {_first_line(error)}.") from error
    finally:
        engine.dispose()


def _first_line(error: sa.exc.SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0].rstrip(".")


def _is_object(text: str | None) -> bool:
    try:
        return text is not None and isinstance(json.loads(text), dict)
    except json.JSONDecodeError:
        return False


def _collect(
    rows: Iterable[Numbered],
    names: Mapping[str, tuple[str, ...]],
    schema: pa.Schema,
    convert: Callable[[Row], dict[str, str | bool | None] | str],
) -> Actors:
    kept: dict[str, dict[str, str | bool | None]] = {}
    refused: list[Refused] = []
    n_read = 0
    for line, values in rows:
        n_read += 1
        if n_read == 1 and not values.get("_problem"):
            _check_names(values, names)
        row: Row = {field: _pick(values, options) for field, options in names.items()}
        outcome = values.get("_problem") or convert(row)
        if isinstance(outcome, str):
            text = values.get("_text") or json.dumps({key: value for key, value in values.items() if not key.startswith("_")})
            refused.append(Refused(line, outcome, "", text[:2_000]))
        else:
            kept[str(outcome[schema.names[0]])] = outcome
    table = pa.Table.from_pylist(list(kept.values()), schema=schema)
    return Actors(table, n_read, n_read - len(kept) - len(refused), tuple(refused))


def _check_names(values: Row, names: Mapping[str, tuple[str, ...]]) -> None:
    needed = next(iter(names.values()))
    if not any(option in values for option in needed):
        columns = ", ".join(key for key in values if not key.startswith("_"))
        raise MappingError(f"No column {' or '.join(needed)}; the columns are {columns}.")


def _pick(values: Row, options: tuple[str, ...]) -> str | None:
    return next((values[name] for name in options if values.get(name) not in (None, "")), None)


def _experiment(row: Row) -> dict[str, str | bool | None] | str:
    human_only = (row["xp_human_only"] or "").lower()
    if row["experiment_id"] is None:
        return "missing_experiment_id"
    if human_only not in _YES | _NO | {""}:
        return "bad_flag"
    return {**row, "xp_human_only": human_only in _YES if human_only else None}


def _label(row: Row) -> dict[str, str | bool | None] | str:
    label = (row["is_agent"] or "").lower()
    if row["session_id"] is None:
        return "missing_session_id"
    if label not in _AGENT | _HUMAN | {""}:
        return "unknown_label"
    if not label and row["family"] is None:
        return "missing_label"
    return {**row, "is_agent": label in _AGENT if label else None}
