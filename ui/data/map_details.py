"""Map details: the less common parts of a mapping, each an editable table."""

from collections.abc import Sequence
from typing import Final

import pandas as pd
import streamlit as st

from phantom_core.core.errors import MappingError
from phantom_core.events.mapping import EVENT_FIELDS, QUOTE_FIELDS, Kind, Mapping
from phantom_core.events.vocabulary import CANONICAL, canonical_name
from phantom_core.views.data.sample import FileSample, foreign_names

_RULE: Final = ["event", "column", "pattern", "and column", "and pattern"]
# These have widgets of their own.
_ELSEWHERE: Final = ("store_mode", "metadata")


def ask_details(
    sample: FileSample, start: Mapping, kind: Kind, token: str
) -> tuple[dict[str, str], dict[str, object]]:
    """Edit constants and, for events, metadata, values from patterns and names by rule.

    Args:
        sample: has the columns.
        start: initial values of the tables.
        kind: of the rows.
        token: identifies the sample and the start.
    Returns:
        The constants, and the other parts of a mapping by their TOML names.
    """
    constants = [
        (field, value) for field, value in start.constants.items() if field not in _ELSEWHERE
    ]
    counts = (
        f"Metadata ({len(start.metadata)}), patterns ({len(start.extract)}), rules "
        f"({len(start.event_rules)}), "
    )
    with st.expander(
        f"{counts if kind == 'events' else ''}values "
        f"that every row has ({len(constants)})".capitalize()
    ):
        parts = _edit_events_only(sample, start, token) if kind == "events" else {}
        st.caption("Constants: values of every row that no column contains.")
        rows = _edited(constants, ["field", "value"], sample, f"map_constants_{token}", kind)
    return {row["field"]: row["value"] for row in rows if all(row.values())}, parts


def ask_event_names(
    sample: FileSample, mapping: Mapping, start: Mapping, token: str
) -> dict[str, str]:
    """Map the sample's event names; names of the start that are not in the sample stay mapped.

    Args:
        sample: has the names.
        mapping: says which column has names; may be incomplete.
        start: initial values of the table.
        token: identifies the sample and the start.
    """
    column = mapping.columns.get("event_name")
    if column is None:
        return {}
    try:
        names = foreign_names(
            sample, mapping.model_copy(update={"event_names": start.event_names, "event_rules": []})
        )
    except MappingError:
        return dict(start.event_names)
    st.markdown("**Event names**")
    edited = st.data_editor(
        names[["name", "rows", "meaning"]],
        hide_index=True,
        disabled=["name", "rows"],
        key=f"map_names_{column}_{token}",
        placeholder="quarantine",
        height=min(388, 38 + 35 * max(1, len(names))),
        column_config={
            "name": st.column_config.TextColumn("Name in the file"),
            "rows": st.column_config.NumberColumn("Rows in the sample"),
            "meaning": st.column_config.SelectboxColumn(
                "Canonical event",
                options=CANONICAL,
                help="Empty: rows with this name go into quarantine.",
            ),
        },
    )
    mapped = {
        str(row["name"]): row["meaning"]
        for row in edited.to_dict("records")
        if isinstance(row["meaning"], str)
    }
    unseen = {
        name: meaning
        for name, meaning in start.event_names.items()
        if name not in set(names["name"])
    }
    return unseen | {
        name: meaning for name, meaning in mapped.items() if canonical_name(name) != meaning
    }


def _edit_events_only(sample: FileSample, start: Mapping, token: str) -> dict[str, object]:
    st.caption("Metadata: the column of a price, a total, a quantity, a search query, …")
    metadata = _edited(
        list(start.metadata.items()), ["key", "column"], sample, f"map_pairs_{token}"
    )
    st.caption("Patterns: a field is the first group of a regular expression found in a column.")
    patterns = [(field, part.column, part.pattern) for field, part in start.extract.items()]
    extract = _edited(patterns, ["field", "column", "pattern"], sample, f"map_patterns_{token}")
    st.caption(
        "Rules: first match wins; the rule whose patterns match its columns names the event."
    )
    rules = _edited(
        [_conditions(rule.event_name, rule.when) for rule in start.event_rules],
        _RULE,
        sample,
        f"map_rules_{token}",
    )
    return {
        "metadata": {row["key"]: row["column"] for row in metadata if all(row.values())},
        "extract": {
            row["field"]: {"column": row["column"], "pattern": row["pattern"]}
            for row in extract
            if all(row.values())
        },
        "event_rules": [
            _rule(row) for row in rules if row["event"] and row["column"] and row["pattern"]
        ],
    }


def _conditions(event_name: str, when: dict[str, str]) -> tuple[str, ...]:
    """A rule as a row, with its first two conditions."""
    cells = [cell for pair in list(when.items())[:2] for cell in pair]
    return (event_name, *cells, *[""] * (4 - len(cells)))


def _rule(row: dict[str, str]) -> dict[str, object]:
    second = (
        {row["and column"]: row["and pattern"]} if row["and column"] and row["and pattern"] else {}
    )
    return {"event_name": row["event"], "when": {row["column"]: row["pattern"], **second}}


def _edited(
    rows: Sequence[tuple[str, ...]],
    names: list[str],
    sample: FileSample,
    key: str,
    kind: Kind = "events",
) -> list[dict[str, str]]:
    """An editable table of text; empty cells are returned as ""."""
    table = pd.DataFrame(rows, columns=names, dtype=str)
    columns = list(
        dict.fromkeys(
            [*sample.columns.names, *table.filter(like="column").to_numpy().ravel().tolist()]
        )
    )
    fields = [
        field
        for field in (EVENT_FIELDS if kind == "events" else QUOTE_FIELDS)
        if field not in _ELSEWHERE
    ]
    if "field" in names:  # keys of the metadata that patterns extract
        fields += [field for field in table["field"].tolist() if field not in fields]
    options = {"event": CANONICAL, "field": fields, "column": columns, "and column": columns}
    kinds = {
        name: st.column_config.SelectboxColumn(options=options[name])
        for name in names
        if name in options
    }
    edited = st.data_editor(
        table, num_rows="dynamic", hide_index=True, column_config=kinds, key=key, placeholder=""
    )
    return [
        {str(name): "" if pd.isna(value) else str(value).strip() for name, value in row.items()}
        for row in edited.to_dict("records")
    ]
