"""Map form: widgets that map a sample's columns, and the resulting mapping."""

from collections.abc import Mapping as Dict
from typing import Any, Final
from zoneinfo import available_timezones

import streamlit as st

from phantom_core.events.mapping import (
    EVENT_FIELDS,
    QUOTE_FIELDS,
    REQUIRED,
    EventRule,
    Extract,
    Kind,
    Mapping,
    load_mapping,
)
from phantom_core.events.mapping_suggestion import suggest_mapping
from phantom_core.events.schema import STORE_MODES
from phantom_core.views.data.sample import FileSample
from ui.data.map_details import ask_details, ask_event_names
from ui.data.map_options import ask_row_options

SUGGESTION: Final = "suggestion"
DRAFT: Final = "your draft"
JOIN: Final = " + "
# Options of the start that come from the choice of the sample, or have no widgets.
_UNCHANGED: Final = (
    "delimiter",
    "encoding",
    "quote",
    "escape",
    "header",
    "header_file",
    "skip_lines",
    "percent_encoded",
    "left_out",
)
_KINDS: Final = {"events": "Event", "quotes": "Quote (displayed price)"}
_UNITS: Final = {
    "auto": "detected automatically",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
}
_FIELDS: Final = {
    "session_id": (
        "Session",
        "Groups events into sessions. Join columns with ' + ' if a single one does not identify a "
        "session.",
    ),
    "ts": ("Time", "ISO 8601, or a number since 1970."),
    "event_name": ("Event name", "Type of the event; the names are mapped below."),
    "page": ("Page", "Page of the event, such as the URL path."),
    "product_id": ("Product", "Product of the event."),
    "experiment_id": (
        "Experiment",
        "Identifies the actor: its sessions are never split between training and test.",
    ),
    "store_mode": ("Store mode", "hotel, airline or shop."),
    "user_agent": ("User agent", "User agent string of the browser."),
    "metadata": ("Metadata", "A JSON object with prices and more."),
    "client_event_id": (
        "Event ID",
        "Identifies an event within its session and name; rows with the same ID are duplicates.",
    ),
    "price": ("Price", "The displayed price."),
    "base_price": ("Base price", "The price without an experiment."),
    "propensity": ("Propensity", "Probability with which the experiment chose this price."),
}


def start_mapping(
    sample: FileSample, name: str, choice: str, draft: Dict[str, Any] | None = None
) -> Mapping:
    """Initial values of the form: a suggestion, or an existing mapping; may be incomplete.

    Args:
        sample: the start of a file.
        name: the new mapping's name.
        choice: SUGGESTION, DRAFT, a shipped mapping's name, or the file of a saved one.
        draft: parts of a mapping by their TOML names.
    """
    if choice == DRAFT and draft is not None:
        rules = [EventRule.model_validate(rule) for rule in draft.get("event_rules", [])]
        patterns = draft.get("extract", {}).items()
        extract = {field: Extract.model_validate(part) for field, part in patterns}
        parts = {**draft, "name": name, "event_rules": rules, "extract": extract}
        return Mapping.model_construct(**parts)
    if choice != SUGGESTION:
        return load_mapping(choice).model_copy(update={"name": name})
    found = suggest_mapping(sample.values)
    constants = {} if "store_mode" in found.columns else {"store_mode": "shop"}
    return Mapping.model_construct(
        name=name,
        kind=found.kind,
        columns=dict(found.columns),
        metadata=found.metadata,
        constants=constants,
    )


def map_form(sample: FileSample, start: Mapping, token: str) -> dict[str, Any]:
    """Edit a mapping; returns its parts by their TOML names, which may be incomplete.

    Args:
        sample: the start of a file.
        start: initial values of the widgets.
        token: identifies the sample and the start, so that another one resets the widgets.
    """
    kinds: tuple[Kind, ...] = ("events", "quotes")
    chosen = st.segmented_control(
        "Row type",
        kinds,
        default=start.kind,
        format_func=lambda name: _KINDS[name],
        required=True,
        key=f"map_kind_{token}",
    )
    kind: Kind = chosen or "events"
    columns = _fields(sample, start, kind, token)
    times, store_mode = _time_and_store(start, columns, token)
    rows = ask_row_options(start, token)
    constants, details = ask_details(sample, start, kind, token)
    draft = Mapping.model_construct(name=start.name, kind=kind, columns=columns)
    names = ask_event_names(sample, draft, start, token) if kind == "events" else {}
    spec = {
        "name": start.name,
        "description": start.description,
        "kind": kind,
        **{name: getattr(start, name) for name in _UNCHANGED},
        "columns": columns,
        **rows,
        **times,
        **details,
        "constants": store_mode | constants,
        "event_names": names,
    }
    return {name: value for name, value in spec.items() if value or (name, value) == ("quote", "")}


def _fields(
    sample: FileSample, start: Mapping, kind: Kind, token: str
) -> dict[str, str | list[str]]:
    """One selectbox per field; a path into nested values can be entered."""
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


def _time_and_store(
    start: Mapping, columns: Dict[str, object], token: str
) -> tuple[dict[str, str], dict[str, str]]:
    """Format of times, and the store mode where no column has it."""
    zones = ["UTC", *sorted(available_timezones() - {"UTC"})]
    units, first = list(_UNITS), start.constants.get("store_mode", "shop")
    with st.grid("auto", min_column_width=200, gap="small"):
        unit = st.selectbox(
            "Unit of numeric times",
            units,
            index=units.index(start.time_unit),
            format_func=lambda name: _UNITS[name],
            key=f"map_unit_{token}",
        )
        zone = st.selectbox(
            "Time zone of times without one",
            zones,
            index=zones.index(start.time_zone),
            key=f"map_zone_{token}",
        )
        pattern = st.text_input(
            "Time format",
            start.time_format or "",
            placeholder="ISO 8601, or a number",
            help="Pattern of other formats: %d.%m.%Y %H:%M:%S parses 28.02.2026 03:33:13.",
            key=f"map_format_{token}",
        )
        times = {"time_unit": unit, "time_zone": zone, "time_format": pattern.strip()}
        if "store_mode" in columns:
            return times, {}
        store = st.selectbox(
            "Store mode of all rows",
            STORE_MODES,
            index=STORE_MODES.index(first),
            key=f"map_store_{token}",
        )
    return times, {"store_mode": store}
