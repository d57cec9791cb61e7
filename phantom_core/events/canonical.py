"""The canonical format: column names that need no mapping, and mappings that fit a source."""

from collections.abc import Iterator
from collections.abc import Mapping as Names
from typing import Final

from phantom_core.core.errors import MappingError
from phantom_core.events.columns import Columns, look_like_data
from phantom_core.events.mapping import REQUIRED, Kind, Mapping, load_mapping, shipped_mappings

FIELD_NAMES: Final[Names[str, tuple[str, ...]]] = {
    "session_id": ("sessionId", "session_id", "sessionID", "session"),
    "ts": ("ts", "timestamp", "event_ms", "time", "eventTime", "event_time"),
    "event_name": ("eventName", "event_name", "event"),
    "page": ("page", "pageUrl", "page_url", "url"),
    "product_id": ("productId", "product_id", "product"),
    "experiment_id": ("experimentId", "experiment_id"),
    "store_mode": ("storeMode", "store_mode"),
    "user_agent": ("userAgent", "user_agent"),
    "metadata": ("metadata",),
    "client_event_id": ("eventId", "event_id"),
}
QUOTE_FIELD_NAMES: Final[Names[str, tuple[str, ...]]] = {
    **{
        field: FIELD_NAMES[field]
        for field in ("session_id", "ts", "product_id", "experiment_id", "store_mode")
    },
    "price": ("price",),
    "base_price": ("base_price", "basePrice"),
    "propensity": ("propensity",),
}
# Metadata that flat files carry as columns of their own.
WRAPPER: Final = "events"
METADATA_NAMES: Final[tuple[str, ...]] = (
    "price", "base_price", "total", "nights", "roomType", "cabinClass", "quantity",
    "itemCount", "dwellTime", "query", "type", "currency",
)  # fmt: skip


def canonical_mapping(columns: Columns) -> Mapping:
    """The mapping of a file that already uses PHANTOM's column names.

    Raises:
        MappingError: columns for a required field are missing; the hint names shipped mappings that
            would fit.
    """
    if columns.is_json and columns.names == (WRAPPER,):
        return _wrapped()
    kind: Kind = "quotes" if _is_quote_log(columns) else "events"
    names = FIELD_NAMES if kind == "events" else QUOTE_FIELD_NAMES
    found = {
        field: "|".join(options) for field, options in names.items() if _has_any(columns, options)
    }
    missing = [field for field in REQUIRED[kind] if field not in found]
    if missing:
        raise MappingError(
            f"No column for {', '.join(missing)}; the columns are "
            f"{', '.join(columns.names) or 'none'}.",
            hint=_advice(columns),
        )
    if columns.is_json:  # later rows may carry keys that the sample did not show
        found = {field: "|".join(options) for field, options in names.items()}
    metadata = {name: name for name in METADATA_NAMES if kind == "events" and name in columns.names}
    return Mapping(name="canonical", kind=kind, columns=dict(found), metadata=metadata)


def message_mapping(kind: Kind) -> tuple[Mapping, Columns]:
    """The canonical mapping of JSON messages with any of the known keys, and its columns."""
    names = FIELD_NAMES if kind == "events" else QUOTE_FIELD_NAMES
    flat = METADATA_NAMES if kind == "events" else ()
    columns = Columns(
        (*(name for options in names.values() for name in options), *flat), is_json=True
    )
    return Mapping(
        name="canonical",
        kind=kind,
        columns={field: "|".join(options) for field, options in names.items()},
        metadata={n: n for n in flat},
    ), columns


def fitting_mappings(columns: Columns) -> list[str]:
    """Names of the shipped mappings whose columns a source has, those that need most first."""
    found = [one for one in map(load_mapping, shipped_mappings()) if columns_fit(one, columns)]
    return [one.name for one in sorted(found, key=lambda one: -len(list(_needed(one))))]


def columns_fit(mapping: Mapping, columns: Columns) -> bool:
    """Whether a source has every column that a mapping's fields need."""
    heads = {name.split(".")[0] for name in columns.names} | set(columns.nested)
    return all(
        any(option in columns.names or _head(option) in heads for option in name.split("|"))
        for name in _needed(mapping)
    )


def _is_quote_log(columns: Columns) -> bool:
    named = any(name in columns.names for name in FIELD_NAMES["event_name"])
    return (
        not named
        and "price" in columns.names
        and any(name in columns.names for name in FIELD_NAMES["product_id"])
    )


def _has_any(columns: Columns, options: tuple[str, ...]) -> bool:
    return any(
        name in options or name.split(".")[0] in options
        for name in (*columns.names, *columns.nested)
    )


def _needed(mapping: Mapping) -> Iterator[str]:
    """Columns without which a source is not what a mapping is for."""
    for field, spec in mapping.columns.items():
        names = [spec] if isinstance(spec, str) else spec
        if field in REQUIRED[mapping.kind] or not any("|" in name for name in names):
            yield from (name for name in names if not name.endswith("?"))
    yield from (
        extract.column for extract in mapping.extract.values() if not extract.column.endswith("?")
    )


def _head(path: str) -> str:
    return path.rstrip("?").split(".")[0].split("[")[0]


def _wrapped() -> Mapping:
    """The mapping of {"events": [...]}, as the ingest service takes it."""
    names = {
        field: "|".join(f"{WRAPPER}.{option}" for option in options)
        for field, options in FIELD_NAMES.items()
    }
    metadata = {name: f"{WRAPPER}.{name}" for name in METADATA_NAMES}
    return Mapping(name="canonical", columns=dict(names), metadata=metadata, each=WRAPPER)


def _advice(columns: Columns) -> str:
    fitting = fitting_mappings(columns)
    if look_like_data(columns.names):
        return 'The first line looks like data: name the columns in a mapping, header = ["…", "…"].'
    if columns.is_json and len(columns.names) == 1:
        return (
            f"If every element of '{columns.names[0]}' is an event, write a mapping with "
            f'each = "{columns.names[0]}".'
        )
    if fitting:
        return f"These columns look like {fitting[0]}: use --mapping {fitting[0]}."
    return (
        "Write a mapping (the tab Map columns of the page Data builds one from a sample), or check "
        "the delimiter."
    )
