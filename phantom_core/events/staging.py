"""Staging: raw rows validated and converted to events or quotes in a DuckDB file of their own."""

from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from phantom_core.core.errors import SourceError
from phantom_core.events.checks import check_statement, register_checks
from phantom_core.events.columns import TEXTS, Columns, quote_name, quote_text
from phantom_core.events.load_warning import LoadWarning
from phantom_core.events.mapping import (
    EVENT_FIELDS,
    METADATA_KEY,
    QUOTE_FIELDS,
    Extract,
    Mapping,
)
from phantom_core.events.staged_warnings import (
    left_out_warnings,
    missing_shares,
    staged_warnings,
)
from phantom_core.events.text_rows import MAX_SHOWN
from phantom_core.events.unfolding import unfolded_documents, unfolded_rows
from phantom_core.events.visitor_sessions import part_sessions

_FEW_ROWS: Final = 10_000
# Metadata that is not JSON is left as it is, to be rejected by the checks.
_MERGED: Final = """CASE
    WHEN sent IS NULL THEN picked
    WHEN picked IS NULL OR NOT json_valid(sent) THEN sent
    ELSE CAST(json_merge_patch(picked, sent) AS VARCHAR)
END"""


class Staging:
    """A source whose rows are validated before they are committed to the lake.

    Args:
        folder: of the scratch database, removed by the caller; None for a few rows, in memory.
        mapping: what the source's columns mean.
        columns: of the source.
        now_ms: the clock, UTC milliseconds.
        future_tolerance_s: how far an event may be ahead of the clock.
        max_chars: longer fields are rejected.

    Attributes:
        connection: has the table `staged` after `add`: line, reason, detail, text, and
            the canonical columns.
        n_rows: raw rows added so far, without those left out.
        n_left_out: rows that the mapping says are no events.
    """

    def __init__(
        self,
        folder: Path | None,
        mapping: Mapping,
        columns: Columns,
        *,
        now_ms: int,
        future_tolerance_s: int,
        max_chars: int,
    ) -> None:
        self.connection = duckdb.connect(folder / "staging.duckdb" if folder else ":memory:")
        self._mapping = mapping
        register_checks(
            self.connection,
            mapping,
            newest_ms=now_ms + future_tolerance_s * 1_000,
            max_chars=max_chars,
        )
        self._mapped, self._checks = mapped_select(mapping, columns), check_statement(mapping.kind)
        self._tolerance_ms = future_tolerance_s * 1_000
        self._started = False
        self.n_rows = 0
        self.n_left_out = 0

    def add(self, rows: pa.Table) -> None:
        """Validate a batch of raw rows and store the outcome.

        Raises:
            SourceError: the values cannot be read by the mapping.
        """
        self.connection.register("raw", rows)
        # On a few rows, finding the best plan takes longer than that plan saves.
        self.connection.execute(
            f"PRAGMA {'disable' if rows.num_rows < _FEW_ROWS else 'enable'}_optimizer"
        )
        try:
            self.connection.execute(f"CREATE OR REPLACE TEMP TABLE mapped AS {self._mapped}")
        except duckdb.Error as error:
            reason = str(error).splitlines()[0].rstrip(".")
            raise SourceError(
                f"The rows cannot be read by the mapping '{self._mapping.name}': {reason}."
            ) from error
        n_left = self._leave_out() if self._mapping.left_out else 0
        into = "INSERT INTO staged" if self._started else "CREATE TABLE staged AS"
        self.connection.execute(f"{into} {self._checks}")
        self._started = True
        self.connection.execute("PRAGMA enable_optimizer")
        self.connection.unregister("raw")
        self.n_left_out += n_left
        self.n_rows += rows.num_rows - n_left

    def _leave_out(self) -> int:
        """Remove the mapped rows that are no events; returns how many."""
        [(n_left,)] = self.connection.execute("DELETE FROM mapped WHERE left_out").fetchall()
        return int(n_left)

    def set_clock(self, now_ms: int) -> None:
        """Move the clock by which the next rows are of the future or not."""
        self.connection.execute("UPDATE clock SET newest_ms = ?", [now_ms + self._tolerance_ms])

    def restart(self) -> None:
        """Remove all rows, for the next rows of the same source."""
        self.connection.execute("DROP TABLE IF EXISTS staged")
        self._started, self.n_rows, self.n_left_out = False, 0, 0

    def finish(self) -> None:
        """Do what needs all rows of a file: part visitors' events into sessions."""
        if self._mapping.session_gap_min and self.n_rows:
            part_sessions(self.connection, self._mapping.session_gap_min)

    def warnings(self) -> list[LoadWarning]:
        """Warnings about the whole file."""
        left_out = left_out_warnings(self.n_left_out, self._mapping)
        if not self.n_rows:
            return left_out or [LoadWarning("no_rows", 0, "The file has no row.")]
        return [*staged_warnings(self.connection, self._mapping), *left_out]

    def missing(self) -> dict[str, float]:
        """Share of the valid rows without a value, by mapped field, in [0, 1]."""
        return missing_shares(self.connection, self._mapping) if self.n_rows else {}

    def __enter__(self) -> "Staging":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()


def mapped_select(mapping: Mapping, columns: Columns) -> str:
    """SQL that selects a source's values by field: all as text, NULL where missing.

    Raises:
        MappingError: the mapping names a column that the source does not have.
    """
    fields = EVENT_FIELDS if mapping.kind == "events" else QUOTE_FIELDS
    columns = columns.written(missing=mapping.missing, percent_encoded=mapping.percent_encoded)
    if mapping.each and not columns.is_json:
        columns = columns.with_nested(mapping.each)
    values = {field: _value(field, mapping, columns) for field in fields if field != "metadata"}
    if mapping.kind == "events":
        values["sent_name"] = _sent_name(mapping, columns)
        values |= _metadata(mapping, columns)
    selected = ", ".join(f"{sql} AS {field}" for field, sql in values.items())
    if columns.is_json:
        source = with_texts(_valid_documents(mapping.each), columns)
    else:
        rows = unfolded_rows(mapping.each, columns)
        source = f"SELECT *, {_whole_row(columns)} AS _row FROM ({rows})"
    inner = (
        "SELECT _line AS line, _part AS part, _problem AS problem, _detail AS detail, "
        f"_text AS text, _row AS row, {_row_text(columns)} AS row_text, "
        f"{_elements_left(mapping, columns)} AS elements_left, "
        f"{_left_out(mapping, columns)} AS left_out, {selected} FROM ({source})"
    )
    # In steps, so that a value needed several times is computed once, even by an unoptimised plan.
    whole = (
        f"SELECT * EXCLUDE (sent, picked), {_MERGED} AS metadata FROM ({inner})"
        if "picked" in values
        else inner
    )
    longest = ", ".join(f"COALESCE(length({field}), 0)" for field in fields)
    return f"SELECT *, greatest({longest}) AS longest_field FROM ({whole})"


def with_texts(source: str, columns: Columns) -> str:
    """Documents with the texts of all keys that the mapping names, in one pass over each."""
    return f"SELECT *, {columns.all_texts()} AS {TEXTS} FROM ({source})"


def _whole_row(columns: Columns) -> str:
    return (
        "struct_pack("
        + ", ".join(f"{quote_name(name)} := {quote_name(name)}" for name in columns.names)
        + ")"
    )


def _row_text(columns: Columns) -> str:
    """SQL for all that a row says, in one text: equal for equal rows, whatever the columns' order.

    Empty cells and white space between JSON's tokens say nothing.
    """
    if columns.is_json:
        return "CAST(json(doc) AS VARCHAR)"
    cells = ", ".join(
        f"{quote_text(name + chr(30))} || {columns.text(name)}" for name in sorted(columns.names)
    )
    return f"concat_ws(chr(31), {cells})"


def _elements_left(mapping: Mapping, columns: Columns) -> str:
    """SQL for how many elements of a list of times or names the mapping leaves out."""
    specs = (mapping.columns.get(field, "") for field in ("ts", "event_name"))
    lists = [spec.partition("[0]")[0] for spec in specs if isinstance(spec, str) and "[0]" in spec]
    if not lists or not columns.has(lists[0]):
        return "0"
    return f"greatest(COALESCE(TRY(json_array_length({columns.json(lists[0])})), 0) - 1, 0)"


def _left_out(mapping: Mapping, columns: Columns) -> str:
    """SQL for whether a whole row is no event by the mapping."""
    matches = [
        f"regexp_matches({columns.text(column)}, {quote_text(pattern)})"
        for column, pattern in mapping.left_out.items()
    ]
    return f"_problem IS NULL AND COALESCE({' OR '.join(matches)}, FALSE)" if matches else "FALSE"


def _valid_documents(each: str) -> str:
    """JSON rows; values that are not objects are marked as broken before they are parsed."""
    return unfolded_documents(
        each,
        f"""
        SELECT _line, NULL AS _row, COALESCE(_text, left(doc, {MAX_SHOWN})) AS _text,
            COALESCE(_problem, CASE
                WHEN NOT json_valid(doc) THEN 'broken_json'
                WHEN json_type(doc) <> 'OBJECT' THEN 'not_an_object'
            END) AS _problem,
            COALESCE(_detail, CASE WHEN NOT json_valid(doc) THEN 'Not valid JSON.' END) AS _detail,
            CASE WHEN json_valid(doc)
                THEN CASE WHEN json_type(doc) = 'OBJECT' THEN doc END
            END AS doc
        FROM raw""",
    )


def _value(field: str, mapping: Mapping, columns: Columns) -> str:
    if field == "event_name":
        return _event_name(mapping, columns)
    if field in mapping.extract:
        return _extracted(mapping.extract[field], columns)
    if field in mapping.columns:
        found = columns.joined(mapping.columns[field])
        return (
            f"COALESCE({found}, {quote_text(mapping.constants[field])})"
            if field in mapping.constants
            else found
        )
    return (
        quote_text(mapping.constants[field])
        if field in mapping.constants
        else "CAST(NULL AS VARCHAR)"
    )


def _extracted(extract: Extract, columns: Columns) -> str:
    found = f"regexp_extract({columns.text(extract.column)}, {quote_text(extract.pattern)}, 1)"
    return f"NULLIF({found}, '')"


def _sent_name(mapping: Mapping, columns: Columns) -> str:
    """SQL for the event name that the file itself has; NULL where rules name the events."""
    if "event_name" not in mapping.columns:
        return "CAST(NULL AS VARCHAR)"
    return columns.joined(mapping.columns["event_name"])


def _event_name(mapping: Mapping, columns: Columns) -> str:
    named = "CAST(NULL AS VARCHAR)"
    if "event_name" in mapping.columns:
        sent = _sent_name(mapping, columns)
        cases = "".join(
            f" WHEN {quote_text(theirs)} THEN {quote_text(ours)}"
            for theirs, ours in mapping.event_names.items()
        )
        named = f"CASE {sent}{cases} ELSE {sent} END" if cases else sent
    rules = "".join(
        " WHEN "
        + " AND ".join(
            f"regexp_matches({columns.text(column)}, {quote_text(pattern)})"
            for column, pattern in rule.when.items()
        )
        + f" THEN {quote_text(rule.event_name)}"
        for rule in mapping.event_rules
    )
    constant = (
        quote_text(mapping.constants["event_name"]) if "event_name" in mapping.constants else "NULL"
    )
    return (
        f"COALESCE(CASE{rules} END, {named}, {constant})"
        if rules
        else f"COALESCE({named}, {constant})"
    )


def _metadata(mapping: Mapping, columns: Columns) -> dict[str, str]:
    """SQL for the metadata, or for its parts: sent as such, and picked from other columns."""
    sent = (
        columns.joined(mapping.columns["metadata"])
        if "metadata" in mapping.columns
        else "CAST(NULL AS VARCHAR)"
    )
    picked = {key: columns.text(column) for key, column in mapping.metadata.items()} | {
        field.removeprefix(METADATA_KEY): _extracted(extract, columns)
        for field, extract in mapping.extract.items()
        if field.startswith(METADATA_KEY)
    }
    pairs = ", ".join(f"{quote_text(key)}, {sql}" for key, sql in picked.items())
    if not pairs:
        return {"metadata": sent}
    # Merging drops the keys whose value is NULL.
    return {
        "sent": sent,
        "picked": f"NULLIF(CAST(json_merge_patch('{{}}', json_object({pairs})) AS VARCHAR), "
        "'{}')",
    }
