"""Database constraints: changes that the database itself rejects, whichever program makes them.

They are declared beside their table; `migrations` creates them in every database, new or old.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Final

import sqlalchemy as sa

_KEY: Final = "database_constraints"
# SQLite numbers the rows of a table whose key is no whole number, and REPLACE also finds a row
# by that number.
ROW_IS_TAKEN: Final = "ROW_IS_TAKEN"
ROW_MOVES: Final = "ROW_MOVES"
_MACROS: Final[Mapping[str, Mapping[str, str]]] = {
    "sqlite": {
        ROW_IS_TAKEN: "EXISTS (SELECT 1 FROM {table} o WHERE o.rowid = NEW.rowid)",
        ROW_MOVES: "OLD.rowid <> NEW.rowid",
    },
    "postgresql": {ROW_IS_TAKEN: "1 = 0", ROW_MOVES: "1 = 0"},
}
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
_POSTGRES_TRUNCATE_FUNCTION: Final = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION '{says}' USING ERRCODE = 'check_violation';
END $body$"""
_POSTGRES_TRUNCATE: Final = (
    "CREATE TRIGGER {name} BEFORE {moment} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
)
_TRUNCATE: Final = "TRUNCATE"
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
_SQLITE_HELD: Final = (
    "SELECT type, name, sql FROM sqlite_master WHERE type = 'trigger' "
    "AND sql LIKE '%SELECT RAISE(ABORT, %'",
    "SELECT type, name, sql FROM sqlite_master WHERE type = 'index' AND sql LIKE 'CREATE UNIQUE%'",
)
_POSTGRES_HELD: Final = (
    """
SELECT 'trigger', t.tgname,
replace(pg_get_triggerdef(t.oid), quote_ident(current_schema()) || '.', '')
|| chr(10) || t.tgenabled::text || chr(10) || p.prosrc
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_proc p ON p.oid = t.tgfoid
WHERE n.nspname = current_schema() AND p.pronamespace = n.oid AND p.proname = t.tgname
AND NOT t.tgisinternal
""",
    """
SELECT 'index', c.relname, d.relname
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_class d ON d.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND i.indisunique AND i.indisvalid AND i.indpred IS NOT NULL
""",
)


@dataclass(frozen=True, slots=True)
class DatabaseConstraint:
    """A change that the database rejects.

    Attributes:
        table: name of the table.
        name: of the constraint, unique in the database.
        moment: INSERT, DELETE, UPDATE, UPDATE OF columns, or TRUNCATE, which only PostgreSQL has.
        condition: SQL that is true for what is rejected; rows are OLD and NEW, in the dialect that
            SQLite and PostgreSQL share, with ROW_IS_TAKEN and ROW_MOVES for SQLite's row numbers.
        says: the error message; no apostrophe.
    """

    table: str
    name: str
    moment: str
    condition: str
    says: str

    def is_of(self, dialect: str) -> bool:
        """Whether a kind of database knows its moment."""
        return self.moment != _TRUNCATE or dialect == "postgresql"

    def statements(self, dialect: str) -> tuple[str, ...]:
        """SQL that creates it: a trigger, after its function in PostgreSQL."""
        condition = self.condition
        for macro, text in _MACROS[dialect].items():
            condition = condition.replace(macro, text.format(table=self.table))
        parts = {name: getattr(self, name) for name in DatabaseConstraint.__slots__}
        parts["condition"] = condition
        texts = (
            (_POSTGRES_TRUNCATE_FUNCTION, _POSTGRES_TRUNCATE)
            if self.moment == _TRUNCATE
            else _CREATE[dialect]
        )
        return tuple(text.format(**parts) for text in texts)


def forbid_change(table: sa.Table, name: str, moment: str, condition: str, says: str) -> None:
    """Declare a constraint; see `DatabaseConstraint` for its parts."""
    table.info.setdefault(_KEY, []).append(
        DatabaseConstraint(table.name, name, moment, condition, says)
    )


def never_changed(table: sa.Table) -> None:
    """Declare that rows are only added, never changed, replaced or removed."""
    says = f"{table.name} is written once and never changed"
    for moment in ("UPDATE", "DELETE", _TRUNCATE):
        forbid_change(table, f"{table.name}_no_{moment.lower()}", moment, "1 = 1", says)
    _new_keys(table, says)


def keep_rows(table: sa.Table) -> None:
    """Declare that rows are never removed or replaced, and keep their key."""
    says = f"{table.name} are kept for ever"
    for moment in ("DELETE", _TRUNCATE):
        forbid_change(table, f"{table.name}_no_{moment.lower()}", moment, "1 = 1", says)
    _new_keys(table, says)
    keys = " OR ".join(f"OLD.{one.name} <> NEW.{one.name}" for one in table.primary_key)
    forbid_change(table, f"{table.name}_key", "UPDATE", f"{keys} OR {ROW_MOVES}", says)


def frozen(table: sa.Table, *columns: str) -> None:
    """Declare that columns never change."""
    condition = " OR ".join(f"OLD.{name} <> NEW.{name}" for name in columns)
    forbid_change(
        table,
        f"{table.name}_frozen",
        "UPDATE",
        condition,
        f"this part of {table.name} is written once and never changed",
    )


def keep_alone(table: sa.Table, name: str, condition: str, says: str) -> None:
    """Declare that no row takes the place of another one, as REPLACE does with `only_one`.

    Args:
        table: whose key is one column.
        name: of the constraint.
        condition: of the rows of which there is one, with {row} before each column.
        says: the error message.
    """
    (key,) = (column.name for column in table.primary_key)
    other = f"SELECT 1 FROM {table.name} o WHERE o.{key} <> NEW.{key} AND "
    taken = f"{condition.format(row='NEW')} AND EXISTS ({other}{condition.format(row='o')})"
    for moment in ("INSERT", "UPDATE"):
        forbid_change(table, f"{name}_{moment.lower()}", moment, taken, says)


def _new_keys(table: sa.Table, says: str) -> None:
    """Declare that no INSERT names a key that exists, as REPLACE does."""
    unique = [[column.name for column in table.primary_key]]
    unique += [[column.name] for column in table.columns if column.unique]
    taken = [
        f"EXISTS (SELECT 1 FROM {table.name} o WHERE "
        + " AND ".join(f"o.{name} = NEW.{name}" for name in names)
        + ")"
        for names in unique
    ]
    condition = " OR ".join([*taken, ROW_IS_TAKEN])
    forbid_change(table, f"{table.name}_new_key", "INSERT", condition, says)


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
    dialect = connection.dialect.name
    for one in declared:
        for text in one.statements(dialect) if one.is_of(dialect) else ():
            # DDL is formatted with %, so a literal % is doubled.
            connection.execute(sa.DDL(text.replace("%", "%%")))  # type: ignore[no-untyped-call]


def drop_constraints(connection: sa.Connection) -> None:
    """Drop every trigger that any release of this product created in this database."""
    for name, table in list(_triggers(connection)):
        _drop(connection, name, table)


def fingerprint(connection: sa.Connection) -> str:
    """A short hash of the triggers and partial indexes that a database has, as it holds them."""
    return hashlib.sha256(repr(sorted(_held(connection).items())).encode()).hexdigest()[:16]


def damaged_constraints(
    connection: sa.Connection, declared: Sequence[DatabaseConstraint]
) -> tuple[DatabaseConstraint, ...]:
    """Constraints that a database lacks, has switched off, or holds with another content."""
    held, dialect = _held(connection), connection.dialect.name
    return tuple(one for one in declared if one.is_of(dialect) and not _holds(one, held, dialect))


def missing_indexes(connection: sa.Connection, metadata: sa.MetaData) -> tuple[sa.Index, ...]:
    """Declared partial unique indexes that a database lacks."""
    held = _held(connection)
    return tuple(
        index
        for table in metadata.sorted_tables
        for index in sorted(table.indexes, key=lambda one: str(one.name))
        if index.unique and f"index {index.name}" not in held
    )


def restore_constraints(connection: sa.Connection, damaged: Sequence[DatabaseConstraint]) -> None:
    """Create constraints again, in place of what has their names."""
    for one in damaged:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {one.name}")
        else:
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {one.name} ON {one.table}")
    create_constraints(connection, damaged)


def _holds(one: DatabaseConstraint, held: Mapping[str, str], dialect: str) -> bool:
    found = held.get(f"trigger {one.name}", "")
    if dialect == "sqlite":
        return found == one.statements(dialect)[0]
    body = one.statements(dialect)[0].partition("$body$")[2].rpartition("$body$")[0]
    return f"BEFORE {one.moment} ON {one.table} " in found and found.endswith(f"\nO\n{body}")


def _held(connection: sa.Connection) -> Mapping[str, str]:
    """Kind and name → text of every trigger and partial unique index of this product."""
    queries = _SQLITE_HELD if connection.dialect.name == "sqlite" else _POSTGRES_HELD
    return {
        f"{row[0]} {row[1]}": str(row[2])
        for query in queries
        for row in connection.execute(sa.text(query))
    }


def _drop(connection: sa.Connection, name: str, table: str) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    else:
        connection.exec_driver_sql(f"DROP TRIGGER {name} ON {table}")
        connection.exec_driver_sql(f"DROP FUNCTION {name}()")


def _triggers(connection: sa.Connection) -> Iterator[tuple[str, str]]:
    query = _SQLITE_TRIGGERS if connection.dialect.name == "sqlite" else _POSTGRES_TRIGGERS
    for row in connection.execute(sa.text(query)):
        yield str(row[0]), str(row[1])
