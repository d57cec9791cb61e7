"""Laws: what the database itself refuses, whoever asks and however."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

_SQLITE: Final = """CREATE TRIGGER {name} BEFORE {moment} ON {table} WHEN {condition} BEGIN SELECT RAISE(ABORT, '{says}'); END"""
_POSTGRES_FUNCTION: Final = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $law$
BEGIN
    IF {condition} THEN RAISE EXCEPTION '{says}' USING ERRCODE = 'check_violation'; END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $law$"""
_POSTGRES: Final = (
    "CREATE TRIGGER {name} BEFORE {moment} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
)


def forbid_change(table: sa.Table, name: str, moment: str, condition: str, says: str) -> None:
    """Have the database refuse a change.

    Args:
        table: which.
        name: of the law, unique.
        moment: INSERT, DELETE, UPDATE, or UPDATE OF columns.
        condition: SQL that is true for what is refused; rows are OLD and NEW, in the dialect that
            SQLite and PostgreSQL share.
        says: the sentence it is refused with; no apostrophe.
    """
    parts = {
        "name": name,
        "moment": moment,
        "table": table.name,
        "condition": condition,
        "says": says,
    }
    for dialect, texts in (("sqlite", (_SQLITE,)), ("postgresql", (_POSTGRES_FUNCTION, _POSTGRES))):
        for text in texts:
            # DDL is formatted with %, so what is meant literally is doubled.
            ddl = sa.DDL(text.format(**parts).replace("%", "%%"))  # type: ignore[no-untyped-call]
            sa.event.listen(table, "after_create", ddl.execute_if(dialect=dialect))


def never_changed(table: sa.Table) -> None:
    """Rows are added and never changed or removed."""
    for moment in ("UPDATE", "DELETE"):
        forbid_change(
            table,
            f"{table.name}_no_{moment.lower()}",
            moment,
            "1 = 1",
            f"{table.name} is written once and never changed",
        )


def only_steps(table: sa.Table, column: str, steps: Mapping[Any, Sequence[str]]) -> None:
    """A column moves along these steps alone; it may also stay."""
    legal = " OR ".join(
        f"(OLD.{column} = '{old}' AND NEW.{column} IN "
        f"({', '.join(repr(str(new)) for new in news)}))"
        for old, news in steps.items()
        if news
    )
    name = f"{table.name}_{column}_steps"
    forbid_change(
        table,
        name,
        f"UPDATE OF {column}",
        f"OLD.{column} <> NEW.{column} AND NOT ({legal})",
        f"this is no legal step of {table.name}",
    )


def only_one(name: str, column: str, condition: str) -> sa.Index:
    """An index that admits one row with a value among those for which a condition holds."""
    where = sa.text(condition)
    return sa.Index(name, column, unique=True, sqlite_where=where, postgresql_where=where)
