"""Sample: the first rows of a foreign file, suggested meanings, and a preview of a mapping."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import pandas as pd
import pyarrow as pa

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import SourceError
from phantom_core.core.settings import Settings
from phantom_core.events.canonical import fitting_mappings
from phantom_core.events.columns import Columns, quote_name
from phantom_core.events.file_start import read_file_start
from phantom_core.events.mapping import Mapping
from phantom_core.events.mapping_suggestion import suggest_event_name
from phantom_core.events.staging import Staging, mapped_select, with_texts
from phantom_core.events.text_options import DETECTED, TextOptions
from phantom_core.events.vocabulary import canonical_name
from phantom_core.lake.lake import open_lake
from phantom_core.use_cases.data.allowed_sources import allowed_sources
from phantom_core.use_cases.data.ingest import scratch_folder

SHOWN_ROWS: Final = 200
MAX_NAMES: Final = 200


@dataclass(frozen=True, slots=True, eq=False)
class FileSample:
    """The start of a file.

    Attributes:
        columns: what the file offers.
        raw: its first rows as sources yield them.
        values: the same rows, every column as text; of JSON the keys found, inner ones as
            `outer.inner`.
        fitting: shipped mappings whose columns the file has.
    """

    columns: Columns
    raw: pa.Table
    values: pa.Table
    fitting: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """Result of a mapping on a sample.

    Attributes:
        n_rows: rows mapped, count.
        n_accepted: of those, rows that become events or quotes.
        accepted: the first of them; of events: at (UTC), session_id, event_name, page, product_id,
            price_seen, amount_paid, …
        rejected: the first rows that do not; columns line, reason, detail, text.
        reasons: rows by reason code.
        n_duplicates: of the accepted rows, those whose own id another row of their session has.
    """

    n_rows: int
    n_accepted: int
    accepted: pd.DataFrame
    rejected: pd.DataFrame
    reasons: dict[str, int]
    n_duplicates: int = 0


@requires(Permission.WORK)
def read_sample(path: Path, settings: Settings, options: TextOptions = DETECTED) -> FileSample:
    """Read the start of a file of any supported format.

    Raises:
        SourceError: the file cannot be read as a whole, holds no row, or takes too much memory or
            time to look at.
        NotAllowedError: the current actor may not name this file.
    """
    allowed_sources(settings).require_file(path)
    start = read_file_start(path, options=options, max_chars=settings.loading.max_field_bytes)
    columns, raw = start.columns, start.rows
    if raw is None or not columns.names:
        raise SourceError(
            f"'{path.name}' holds no row{'' if raw is None else ' that is a table or an object'}.",
            hint="Choose a file with some rows.",
        )
    return FileSample(columns, raw, _as_text(columns, raw), tuple(fitting_mappings(columns)))


@needs_no_permission
def foreign_names(sample: FileSample, mapping: Mapping) -> pd.DataFrame:
    """Event names that a mapping finds in a sample, before it translates them.

    Returns:
        Columns name, rows, meaning (canonical; by the mapping, else known or suggested; None
        without a suggestion), is_known (PHANTOM knows it without a mapping); most frequent first.
    """
    untranslated = mapping.model_copy(update={"event_names": {}})
    with duckdb.connect() as connection:
        connection.register("raw", sample.raw)
        names = connection.execute(
            f"""
            SELECT event_name AS name, COUNT(*) AS rows
            FROM ({mapped_select(untranslated, sample.columns)})
            WHERE event_name IS NOT NULL GROUP BY event_name
            ORDER BY rows DESC, name LIMIT {MAX_NAMES}"""
        ).df()
    meanings = [mapping.event_names.get(name) or suggest_event_name(name) for name in names["name"]]
    return names.assign(
        meaning=pd.Series(meanings, dtype=object),
        is_known=[canonical_name(name) is not None for name in names["name"]],
    )


@requires(Permission.READ)
def preview_mapping(
    sample: FileSample, mapping: Mapping, settings: Settings, now_ms: int
) -> Preview:
    """Apply a mapping to a sample; nothing is loaded.

    Args:
        sample: the start of a file.
        mapping: what its columns mean.
        settings: limits.
        now_ms: UTC milliseconds.
    Raises:
        MappingError: the mapping names a column that the sample does not have.
    """
    with scratch_folder(open_lake(settings)) as folder:
        staging = Staging(
            folder,
            mapping,
            sample.columns,
            now_ms=now_ms,
            future_tolerance_s=settings.loading.future_tolerance_s,
            max_chars=settings.loading.max_field_bytes,
        )
        with staging:
            staging.add(sample.raw)
            staging.finish()
            return _preview(staging.connection, mapping)


def _preview(staged: duckdb.DuckDBPyConnection, mapping: Mapping) -> Preview:
    wanted = (
        "event_name, page, product_id, price_seen, amount_paid, "
        if mapping.kind == "events"
        else "product_id, price, base_price, propensity, "
    )
    rest = "experiment_id, store_mode" + (
        ", user_agent, metadata" if mapping.kind == "events" else ""
    )
    accepted = staged.execute(
        f"""
        SELECT line, make_timestamp(event_ms * 1000) AS at, session_id, {wanted}{rest}
        FROM staged WHERE reason IS NULL ORDER BY line LIMIT {SHOWN_ROWS}"""
    ).df()
    rejected = staged.execute(
        "SELECT line, reason, detail, text FROM staged WHERE reason IS NOT NULL ORDER BY line "
        f"LIMIT {SHOWN_ROWS}"
    ).df()
    reasons = staged.execute(
        "SELECT reason, COUNT(*) FROM staged WHERE reason IS NOT NULL GROUP BY reason ORDER BY 2 "
        "DESC, 1"
    ).fetchall()
    ((n_rows, n_duplicates),) = staged.execute(
        "SELECT COUNT(*), COUNT(*) FILTER (WHERE reason IS NULL AND client_event_id IS NOT NULL) - "
        "COUNT(DISTINCT event_id) FILTER (WHERE reason IS NULL AND client_event_id IS NOT NULL) "
        "FROM staged"
    ).fetchall()
    n_accepted = n_rows - sum(n for _, n in reasons)
    return Preview(n_rows, n_accepted, accepted, rejected, dict(reasons), n_duplicates)


def _as_text(columns: Columns, raw: pa.Table) -> pa.Table:
    valid = (
        "SELECT doc FROM raw WHERE json_valid(doc) AND json_type(doc) = 'OBJECT'"
        if columns.is_json
        else "SELECT * FROM raw"
    )
    selected = ", ".join(f"{columns.text(name)} AS {quote_name(name)}" for name in columns.names)
    # After the keys were asked for: their texts are taken out in one pass.
    source = with_texts(valid, columns) if columns.is_json else valid
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("raw", raw)
        return connection.sql(f"SELECT {selected} FROM ({source})").to_arrow_table()
