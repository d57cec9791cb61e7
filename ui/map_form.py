"""Map form: widgets that ask what a sample's columns mean, and the mapping they add up to."""

from collections.abc import Mapping as Dict
from typing import Final
from zoneinfo import available_timezones

import pandas as pd
import streamlit as st
import tomli_w

from phantom_core.errors import MappingError
from phantom_core.events.guess import guess
from phantom_core.events.mapping import EVENT_FIELDS, QUOTE_FIELDS, REQUIRED, Kind, Mapping, load_mapping, parse_mapping
from phantom_core.events.schema import STORE_MODES
from phantom_core.events.vocabulary import CANONICAL, canonical_name
from phantom_core.views.sample import Sample, foreign_names

GUESS: Final = "a guess"
JOIN: Final = " + "
_KINDS: Final = {"events": "an event", "quotes": "a quote (a price shown)"}
_UNITS: Final = {"auto": "by its size", "s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
_FIELDS: Final = {
    "session_id": ("Session", "Groups events into sessions. Join columns with ' + ' when one alone does not name a session."),
    "ts": ("Time", "ISO 8601, or a number since 1970."),
    "event_name": ("Event name", "What happened; the names are translated below."),
    "page": ("Page", "Where it happened, such as the URL's path."),
    "product_id": ("Product", "Which product it was about."),
    "experiment_id": ("Experiment", "Names the actor: sessions of one experiment are never split between training and test."),
    "store_mode": ("Store mode", "hotel, airline or shop."),
    "user_agent": ("User agent", "What the browser says of itself."),
    "metadata": ("Metadata", "A JSON object with prices and more."),
    "client_event_id": ("Event id", "Names one event for good; rows with the same id are duplicates."),
    "price": ("Price", "The price shown."),
    "base_price": ("Base price", "The price without an experiment's change."),
    "propensity": ("Propensity", "Probability with which the experiment chose this price."),
}


def start_mapping(sample: Sample, name: str, choice: str) -> Mapping:
    """What the form is filled with at first: a guess, or a mapping that exists. It need not be complete.

    Args:
        sample: the start of a file.
        name: the new mapping's name.
        choice: GUESS, a shipped mapping's name, or the file of a saved one.
    """
    if choice != GUESS:
        return load_mapping(choice).model_copy(update={"name": name})
    found = guess(sample.values)
    constants = {} if "store_mode" in found.columns else {"store_mode": "shop"}
    return Mapping.model_construct(name=name, kind=found.kind, columns=dict(found.columns), metadata=found.metadata, constants=constants)


def map_form(sample: Sample, start: Mapping, token: str) -> Mapping:
    """Ask for a mapping.

    Args:
        sample: the start of a file.
        start: what the widgets show at first.
        token: names the sample and the start, so that another one starts afresh.
    Raises:
        MappingError: what was chosen does not make a mapping yet.
    """
    kind: Kind = (
        st.segmented_control(
            "A row is",
            ["events", "quotes"],
            default=start.kind,
            format_func=lambda name: _KINDS[name],
            required=True,
            key=f"map_kind_{token}",
        )
        or "events"
    )
    columns = _fields(sample, start, kind, token)
    time_unit, time_zone, constants = _time_and_constants(start, kind, columns, token)
    draft = start.model_copy(
        update={"kind": kind, "columns": columns, "constants": constants, "time_unit": time_unit, "time_zone": time_zone}
    )
    if kind == "events":
        draft = _more(sample, draft, start, token)
        draft = draft.model_copy(update={"event_names": _event_names(sample, draft, start, token)})
    else:
        draft = draft.model_copy(update={"metadata": {}, "event_names": {}, "event_rules": [], "extract": {}})
    return parse_mapping(tomli_w.dumps(draft.model_dump(exclude_defaults=True) | {"name": draft.name}), "The mapping")


def _fields(sample: Sample, start: Mapping, kind: Kind, token: str) -> dict[str, str | list[str]]:
    """One selectbox per field; a path into nested values may be typed."""
    chosen: dict[str, str | list[str]] = {}
    with st.grid("auto", min_column_width=200, gap="small"):
        for field in EVENT_FIELDS if kind == "events" else QUOTE_FIELDS:
            label, meaning = _FIELDS[field]
            first = start.columns.get(field, "")
            shown = first if isinstance(first, str) else JOIN.join(first)
            options = list(dict.fromkeys(["", *sample.columns.names, shown]))
            picked = st.selectbox(
                f"{label} \\*" if field in REQUIRED[kind] else label,
                options,
                index=options.index(shown),
                format_func=lambda name: name or "–",
                accept_new_options=True,
                help=meaning,
                key=f"map_{field}_{token}",
            )
            parts = [part.strip() for part in (picked or "").split(JOIN) if part.strip()]
            if parts:
                chosen[field] = parts[0] if len(parts) == 1 else parts
    return chosen


def _time_and_constants(start: Mapping, kind: Kind, columns: Dict[str, object], token: str) -> tuple[str, str, dict[str, str]]:
    zones = ["UTC", *sorted(available_timezones() - {"UTC"})]
    constants = {field: value for field, value in start.constants.items() if field != "store_mode"}
    with st.grid("auto", min_column_width=200, gap="small"):
        unit = st.selectbox(
            "Numbers are times in",
            list(_UNITS),
            index=list(_UNITS).index(start.time_unit),
            format_func=lambda name: _UNITS[name],
            key=f"map_unit_{token}",
        )
        zone = st.selectbox(
            "Times without a zone are in",
            zones,
            index=zones.index(start.time_zone) if start.time_zone in zones else 0,
            key=f"map_zone_{token}",
        )
        if "store_mode" not in columns:
            first = start.constants.get("store_mode", "shop")
            constants["store_mode"] = st.selectbox(
                "Every row's store mode",
                STORE_MODES,
                index=STORE_MODES.index(first) if first in STORE_MODES else 2,
                key=f"map_store_{token}",
            )
        for field in ("experiment_id", "page", "user_agent") if kind == "events" else ("experiment_id",):
            if field not in columns and field in constants:
                constants[field] = st.text_input(
                    f"Every row's {_FIELDS[field][0].lower()}", constants[field], key=f"map_constant_{field}_{token}"
                )
    return unit or "auto", zone or "UTC", {field: value for field, value in constants.items() if value}


def _more(sample: Sample, draft: Mapping, start: Mapping, token: str) -> Mapping:
    """Metadata, values taken out of columns, and names by pattern."""
    with st.expander(
        f"Metadata ({len(start.metadata)}), values from patterns ({len(start.extract)}), names by rule ({len(start.event_rules)})"
    ):
        st.caption("Metadata: which column holds a price, a total, a quantity, a search query, …")
        metadata = _pairs(_frame(list(start.metadata.items()), ["key", "column"]), sample, f"map_pairs_{token}")
        st.caption("Values from patterns: the first group of a regular expression found in a column.")
        extract = _pairs(
            _frame([(field, part.column, part.pattern) for field, part in start.extract.items()], ["field", "column", "pattern"]),
            sample,
            f"map_patterns_{token}",
        )
        st.caption("Names by rule: the first rule whose patterns are found in its columns names the event.")
        rules = _pairs(_frame(_rule_rows(start), ["event", "column", "pattern", "and column", "and pattern"]), sample, f"map_rules_{token}")
    return draft.model_copy(
        update={
            "metadata": {row["key"]: row["column"] for row in metadata if row["key"] and row["column"]},
            "extract": {row["field"]: {"column": row["column"], "pattern": row["pattern"]} for row in extract if all(row.values())},
            "event_rules": [_rule(row) for row in rules if row["event"] and row["column"] and row["pattern"]],
        }
    )


def _rule_rows(start: Mapping) -> list[tuple[str, ...]]:
    rows = []
    for rule in start.event_rules:
        conditions = [part for pair in list(rule.when.items())[:2] for part in pair]
        rows.append((rule.event_name, *conditions, *[""] * (4 - len(conditions))))
    return rows


def _rule(row: Dict[str, str]) -> dict[str, object]:
    second = {row["and column"]: row["and pattern"]} if row["and column"] and row["and pattern"] else {}
    return {"event_name": row["event"], "when": {row["column"]: row["pattern"], **second}}


def _frame(rows: list[tuple[str, ...]], names: list[str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=names, dtype=str)


def _pairs(rows: pd.DataFrame, sample: Sample, key: str) -> list[dict[str, str]]:
    """Let somebody edit a small table of text; empty cells come back as ""."""
    options = list(dict.fromkeys([*sample.columns.names, *rows.filter(like="column").to_numpy().ravel().tolist()]))
    kinds = {name: st.column_config.SelectboxColumn(options=options) for name in rows.columns if "column" in name}
    kinds |= {"event": st.column_config.SelectboxColumn(options=CANONICAL), "field": st.column_config.SelectboxColumn(options=EVENT_FIELDS)}
    edited = st.data_editor(rows, num_rows="dynamic", hide_index=True, column_config=kinds, key=key)
    return [{str(name): "" if pd.isna(value) else str(value).strip() for name, value in row.items()} for row in edited.to_dict("records")]


def _event_names(sample: Sample, draft: Mapping, start: Mapping, token: str) -> dict[str, str]:
    """Let somebody say what the sample's event names stand for; keep what the start knew of names the sample does not show."""
    if "event_name" not in draft.columns:
        return {}
    column = str(draft.columns["event_name"])
    try:
        names = foreign_names(sample, draft.model_copy(update={"event_names": start.event_names, "event_rules": []}))
    except MappingError:
        return dict(start.event_names)
    st.markdown("**What the event names stand for**")
    edited = st.data_editor(
        names[["name", "rows", "meaning"]],
        hide_index=True,
        disabled=["name", "rows"],
        key=f"map_names_{column}_{token}",
        placeholder="quarantine",
        height=min(388, 38 + 35 * max(1, len(names))),
        column_config={
            "name": st.column_config.TextColumn("In the file"),
            "rows": st.column_config.NumberColumn("Rows of the sample"),
            "meaning": st.column_config.SelectboxColumn(
                "Stands for", options=CANONICAL, help="Empty: rows with this name go into quarantine."
            ),
        },
    )
    told = {str(row["name"]): row["meaning"] for row in edited.to_dict("records") if isinstance(row["meaning"], str)}
    needed = {name: meaning for name, meaning in told.items() if canonical_name(name) != meaning}
    return {**{name: meaning for name, meaning in start.event_names.items() if name not in set(names["name"])}, **needed}
