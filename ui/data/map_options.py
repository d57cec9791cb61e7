"""Map options: widgets for how a file is written, and how its rows become events."""

from typing import Final

import streamlit as st

from phantom_core.events.mapping import Mapping
from phantom_core.events.text_options import TextOptions

_DELIMITERS: Final = {
    "": "detected automatically",
    ",": "comma",
    ";": "semicolon",
    "\t": "tab",
    "|": "bar",
    " ": "blank",
}
_ENCODINGS: Final = {
    "": "detected automatically",
    "utf-8": "utf-8",
    "utf-16": "utf-16",
    "latin-1": "latin-1",
    "cp1252": "Windows 1252",
}
_QUOTES: Final = {"": "detected automatically", '"': "double quotes", "'": "single quotes"}
_NONE: Final = "none"
_ESCAPES: Final = {"": "doubled quotes", "\\": "backslash"}
_DECIMALS: Final = {"": "as a number", ".": "1,299.00 €", ",": "1.299,00 €"}


def ask_text_options() -> TextOptions:
    """How the text of a sample is written; what is not chosen is detected."""
    with st.container(horizontal=True):
        delimiter = _choice("Delimiter", _DELIMITERS, "map_delimiter")
        encoding = _choice("Encoding", _ENCODINGS, "map_encoding")
    with st.expander("Quotes, header and lines before it"):
        with st.container(horizontal=True):
            quotes = {**_QUOTES, _NONE: "none: a quote is text"}
            quote = _choice("Quotes around cells", quotes, "map_quote")
            escape = _choice("A quote inside a cell", _ESCAPES, "map_escape")
            skip = st.number_input(
                "Lines before the header", 0, 1_000, key="map_skip", persist_state="page"
            )
        header = st.text_input(
            "Column names",
            key="map_header",
            persist_state="page",
            placeholder="in the first line",
            help="Of a file whose first line is a row already: the names, with commas between.",
        )
    names = tuple(name.strip() for name in header.split(",") if name.strip())
    return TextOptions(
        delimiter=delimiter or None,
        encoding=encoding or None,
        quote="" if quote == _NONE else quote or None,
        escape=escape,
        header=names,
        skip_lines=int(skip or 0),
    )


def restore_text_options(options: TextOptions) -> None:
    """Set the widgets, before they are drawn, to what was chosen earlier."""
    st.session_state.update(
        {
            "map_delimiter": options.delimiter or "",
            "map_encoding": options.encoding or "",
            "map_quote": _NONE if options.quote == "" else options.quote or "",
            "map_escape": options.escape,
            "map_skip": options.skip_lines,
            "map_header": ", ".join(options.header),
        }
    )


def with_text_options(start: Mapping, chosen: TextOptions) -> Mapping:
    """A mapping that reads files as chosen; what was not chosen stays as it is."""
    found = {
        "delimiter": chosen.delimiter,
        "encoding": chosen.encoding,
        "quote": chosen.quote,
        "escape": chosen.escape or None,
        "header": list(chosen.header) or None,
        "skip_lines": chosen.skip_lines or None,
    }
    return start.model_copy(
        update={name: value for name, value in found.items() if value is not None}
    )


def ask_row_options(start: Mapping, token: str) -> dict[str, object]:
    """How rows become events: lists, visitors, prices and missing values, by their TOML names.

    Args:
        start: initial values of the widgets.
        token: identifies the sample and the start.
    """
    with (
        st.expander("Lists of events, visitors, prices and missing values"),
        st.grid("auto", min_column_width=200, gap="small"),
    ):
        each = st.text_input(
            "List of events",
            start.each,
            key=f"map_each_{token}",
            placeholder="a row is an event",
            help="The column or path of a list whose every element is an event.",
        )
        gap = st.number_input(
            "Session gap, minutes",
            1,
            1_440,
            start.session_gap_min,
            key=f"map_gap_{token}",
            placeholder="the session is a session",
            help="Where the session column names a visitor: so long without an event parts "
            "the events into sessions. 30 is usual.",
        )
        decimals = list(_DECIMALS)
        decimal = st.selectbox(
            "Prices are written",
            decimals,
            index=decimals.index(start.decimal),
            format_func=lambda name: _DECIMALS[name],
            key=f"map_decimal_{token}",
        )
        missing = st.text_input(
            "Missing values",
            ", ".join(start.missing),
            key=f"map_missing_{token}",
            placeholder="NULL, nan, n/a, … are known",
            help="Further texts that stand for no value, with commas between.",
        )
    return {
        "each": each.strip(),
        "session_gap_min": gap,
        "decimal": decimal,
        "missing": [text.strip() for text in missing.split(",") if text.strip()],
    }


def _choice(label: str, options: dict[str, str], key: str) -> str:
    chosen = st.selectbox(
        label,
        list(options),
        format_func=lambda name: options[name],
        key=key,
        persist_state="page",
    )
    return chosen or ""
