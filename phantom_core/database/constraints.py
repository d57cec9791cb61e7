"""Database constraints: changes that the database itself rejects, whichever program makes them.

They are declared beside their table; `migrations` creates them in every database, new or old.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Final

import sqlalchemy as sa

_KEY: Final = "database_constraints"
_SQLITE: Final = (
    "CREATE TRIGGER {name} BEFORE {moment} ON {table} WHEN {condition} "
    "BEGIN SELECT RAISE(ABORT, '{says}'); END"
)
_POSTGRES_FUNCTION: Final = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF {condition} THEN RAISE EXCEPTION '{says}' USING ERRCODE = 'check_violation'; END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $body$"""
_POSTGRES: Final = (
    "CREATE TRIGGER {name} BEFORE {moment} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
)
_CREATE: Final[Mapping[str, Sequence[str]]] = {
    "sqlite": (_SQLITE,),
    "postgresql": (_POSTGRES_FUNCTION, _POSTGRES),
}
# An operator's own triggers stay: ours raise, or call a function of the same name.
_SQLITE_TRIGGERS: Final = """
SELECT name, tbl_name FROM sqlite_master
WHERE type = 'trigger' AND sql LIKE '%SELECT RAISE(ABORT, %'
"""
_POSTGRES_TRIGGERS: Final = """
SELECT t.tgname, c.relname
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_proc p ON p.oid = t.tgfoid
WHERE n.nspname = current_schema() AND p.pronamespace = n.oid AND p.proname = t.tgname
AND NOT t.tgisinternal
"""


@dataclass(frozen=True, slots=True)
class DatabaseConstraint:
    """A change that the database rejects.

    Attributes:
        table: name of the table.
        name: of the constraint, unique in the database.
        moment: INSERT, DELETE, UPDATE, or UPDATE OF columns.
        condition: SQL that is true for what is rejected; rows are OLD and NEW, in the dialect that
            SQLite and PostgreSQL share.
        says: the error message; no apostrophe.
    """

    table: str
    name: str
    moment: str
    condition: str
    says: str


def forbid_change(table: sa.Table, name: str, moment: str, condition: str, says: str) -> None:
    """Declare a constraint; see `DatabaseConstraint` for its parts."""
    table.info.setdefault(_KEY, []).append(
        DatabaseConstraint(table.name, name, moment, condition, says)
    )


def never_changed(table: sa.Table) -> None:
    """Declare that rows are only added, never changed or removed."""
    for moment in ("UPDATE", "DELETE"):
        forbid_change(
            table,
            f"{table.name}_no_{moment.lower()}",
            moment,
            "1 = 1",
            f"{table.name} is written once and never changed",
        )


def only_steps(table: sa.Table, column: str, steps: Mapping[Any, Sequence[str]]) -> None:
    """Declare the allowed transitions of a column; it may also stay as it is."""
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
    """A partial unique index: one row per value among those that match a condition."""
    where = sa.text(condition)
    return sa.Index(name, column, unique=True, sqlite_where=where, postgresql_where=where)


def constraints(metadata: sa.MetaData) -> tuple[DatabaseConstraint, ...]:
    """Every declared constraint, by table and name."""
    found = [one for table in metadata.tables.values() for one in table.info.get(_KEY, ())]
    return tuple(sorted(found, key=lambda one: (one.table, one.name)))


def digest(declared: Sequence[DatabaseConstraint]) -> str:
    """A short hash of all constraints."""
    return hashlib.sha256(repr([astuple(one) for one in declared]).encode()).hexdigest()[:16]


def create_constraints(connection: sa.Connection, declared: Sequence[DatabaseConstraint]) -> None:
    """Create the triggers behind constraints, which must not exist yet."""
    for one in declared:
        parts = {name: getattr(one, name) for name in DatabaseConstraint.__slots__}
        for text in _CREATE[connection.dialect.name]:
            # DDL is formatted with %, so a literal % is doubled.
            connection.execute(sa.DDL(text.format(**parts).replace("%", "%%")))  # type: ignore[no-untyped-call]


def drop_constraints(connection: sa.Connection) -> None:
    """Drop every trigger that any release of this product created in this database."""
    for name, table in list(_triggers(connection)):
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        else:
            connection.exec_driver_sql(f"DROP TRIGGER {name} ON {table}")
            connection.exec_driver_sql(f"DROP FUNCTION {name}()")


def _triggers(connection: sa.Connection) -> Iterator[tuple[str, str]]:
    query = _SQLITE_TRIGGERS if connection.dialect.name == "sqlite" else _POSTGRES_TRIGGERS
    for row in connection.execute(sa.text(query)):
        yield str(row[0]), str(row[1])
