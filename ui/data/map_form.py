"""Map form: widgets that ask what a sample's columns mean, and the mapping they add up to."""

from collections.abc import Mapping as Dict
from typing import Final
from zoneinfo import available_timezones

import streamlit as st
import tomli_w

from phantom_core.events.mapping import (
    EVENT_FIELDS,
    QUOTE_FIELDS,
    REQUIRED,
    Kind,
    Mapping,
    load_mapping,
    parse_mapping,
)
from phantom_core.events.mapping_suggestion import suggest_mapping
from phantom_core.events.schema import STORE_MODES
from phantom_core.views.data.sample import FileSample
from ui.data.map_details import ask_details, ask_event_names

GUESS: Final = "a guess"
JOIN: Final = " + "
_KINDS: Final = {"events": "an event", "quotes": "a quote (a price shown)"}
_UNITS: Final = {
    "auto": "by its size",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
}
_FIELDS: Final = {
    "session_id": (
        "Session",
        "Groups events into sessions. Join columns with ' + ' when one alone does not name a "
        "session.",
    ),
    "ts": ("Time", "ISO 8601, or a number since 1970."),
    "event_name": ("Event name", "What happened; the names are translated below."),
    "page": ("Page", "Where it happened, such as the URL's path."),
    "product_id": ("Product", "Which product it was about."),
    "experiment_id": (
        "Experiment",
        "Names the actor: sessions of one experiment are never split between training and test.",
    ),
    "store_mode": ("Store mode", "hotel, airline or shop."),
    "user_agent": ("User agent", "What the browser says of itself."),
    "metadata": ("Metadata", "A JSON object with prices and more."),
    "client_event_id": (
        "Event id",
        "Names one event for good; rows with the same id are duplicates.",
    ),
    "price": ("Price", "The price shown."),
    "base_price": ("Base price", "The price without an experiment's change."),
    "propensity": ("Propensity", "Probability with which the experiment chose this price."),
}


def start_mapping(sample: FileSample, name: str, choice: str) -> Mapping:
    """What the form is filled with at first: a guess, or a mapping that exists. It need not be
    complete.

    Args:
        sample: the start of a file.
        name: the new mapping's name.
        choice: GUESS, a shipped mapping's name, or the file of a saved one.
    """
    if choice != GUESS:
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


def map_form(sample: FileSample, start: Mapping, token: str) -> Mapping:
    """Ask for a mapping.

    Args:
        sample: the start of a file.
        start: what the widgets show at first.
        token: names the sample and the start, so that another one starts afresh.
    Raises:
        MappingError: what was chosen does not make a mapping yet.
    """
    kinds: tuple[Kind, ...] = ("events", "quotes")
    chosen = st.segmented_control(
        "A row is",
        kinds,
        default=start.kind,
        format_func=lambda name: _KINDS[name],
        required=True,
        key=f"map_kind_{token}",
    )
    kind: Kind = chosen or "events"
    columns = _fields(sample, start, kind, token)
    times, store_mode = _time_and_store(start, columns, token)
    constants, details = ask_details(sample, start, kind, token)
    draft = Mapping.model_construct(name=start.name, kind=kind, columns=columns)
    names = ask_event_names(sample, draft, start, token) if kind == "events" else {}
    spec = {
        "name": start.name,
        "description": start.description,
        "kind": kind,
        "delimiter": start.delimiter,
        "encoding": start.encoding,
        "columns": columns,
        **times,
        **details,
        "constants": store_mode | constants,
        "event_names": names,
    }
    return parse_mapping(
        tomli_w.dumps({name: value for name, value in spec.items() if value}), "The mapping"
    )


def _fields(
    sample: FileSample, start: Mapping, kind: Kind, token: str
) -> dict[str, str | list[str]]:
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


def _time_and_store(
    start: Mapping, columns: Dict[str, object], token: str
) -> tuple[dict[str, str], dict[str, str]]:
    """How times are read, and the store mode where no column says it."""
    zones = ["UTC", *sorted(available_timezones() - {"UTC"})]
    units, first = list(_UNITS), start.constants.get("store_mode", "shop")
    with st.grid("auto", min_column_width=200, gap="small"):
        unit = st.selectbox(
            "Numbers are times in",
            units,
            index=units.index(start.time_unit),
            format_func=lambda name: _UNITS[name],
            key=f"map_unit_{token}",
        )
        zone = st.selectbox(
            "Times without a zone are in",
            zones,
            index=zones.index(start.time_zone),
            key=f"map_zone_{token}",
        )
        pattern = st.text_input(
            "Times are written as",
            start.time_format or "",
            placeholder="ISO 8601, or a number",
            help="A pattern for other forms: %d.%m.%Y %H:%M:%S reads 28.02.2026 03:33:13.",
            key=f"map_format_{token}",
        )
        times = {"time_unit": unit, "time_zone": zone, "time_format": pattern.strip()}
        if "store_mode" in columns:
            return times, {}
        store = st.selectbox(
            "Every row's store mode",
            STORE_MODES,
            index=STORE_MODES.index(first),
            key=f"map_store_{token}",
        )
    return times, {"store_mode": store}
