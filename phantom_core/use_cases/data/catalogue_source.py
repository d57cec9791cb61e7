"""Catalogue source: the products that a shop wants to sell, from the lake, a file or PostgreSQL."""

from pathlib import Path
from typing import Final

import pyarrow as pa

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import InputError
from phantom_core.core.settings import Settings
from phantom_core.events.keyed_rows import check_columns, rows_of_postgres, rows_of_source
from phantom_core.events.products import PRODUCT_NAMES, read_products
from phantom_core.events.schema import CATALOGUE
from phantom_core.events.sources import open_source
from phantom_core.lake.lake import open_lake

_TABLE: Final = "catalogue"


@requires(Permission.READ)
def is_lake_source(settings: Settings) -> bool:
    """Whether the catalogue is the lake's table, which only loads change."""
    return not settings.pricing.catalogue


@requires(Permission.READ)
def read_source(settings: Settings) -> pa.Table:
    """Products as the source has them, with the schema of the lake's table.

    Args:
        settings: its `catalogue` is empty for the table of the lake, a file, or postgresql://… with
            a table `catalogue`.
    Raises:
        InputError: the file is missing or has other columns.
        UnavailableError: the database does not answer.
    """
    where = settings.pricing.catalogue
    if not where:
        with open_lake(settings).connect((_TABLE,)) as connection:
            columns = ", ".join(CATALOGUE.names)
            return connection.sql(f"SELECT {columns} FROM {_TABLE}").to_arrow_table()
    if _is_database(where):
        return read_products(rows_of_postgres(where, _TABLE)).rows
    path = Path(where)
    if not path.is_file():
        raise InputError(
            f"There is no catalogue {path}.",
            hint="Set PHANTOM_CATALOGUE to a file or a database, or load one into the lake.",
        )
    source = open_source(path, max_chars=settings.loading.max_field_bytes)
    check_columns(source, PRODUCT_NAMES)
    return read_products(rows_of_source(source)).rows


@requires(Permission.READ)
def source_mark(settings: Settings) -> object:
    """A value that changes with the source; None where only reading shows a change."""
    where = settings.pricing.catalogue
    if not where:
        return open_lake(settings).version(_TABLE)
    if _is_database(where):
        return None
    try:
        status = Path(where).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _is_database(where: str) -> bool:
    return where.startswith(("postgresql://", "postgres://"))
