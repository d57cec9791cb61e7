"""Mapping choice: the available mappings, and the one that fits a file."""

from pathlib import Path
from typing import Final

import streamlit as st

from phantom_core.core.errors import HeaderError, InputError, MappingError
from phantom_core.core.settings import Settings
from phantom_core.events.canonical import canonical_mapping
from phantom_core.events.file_start import FileStart, read_file_start
from phantom_core.events.mapping import load_mapping, shipped_mappings
from phantom_core.events.mapping_detection import (
    MappingMatch,
    describe_match,
    detect_mappings,
)
from phantom_core.events.text_options import TextOptions
from phantom_core.views.data.saved_mappings import saved_mappings
from ui.frame.handles import now_ms
from ui.frame.wording import escape

OWN: Final = "PHANTOM's own format"
_MOST_FILES: Final = 8


def mapping_options(settings: Settings) -> dict[str, str]:
    """Label → choice: empty, the name of a shipped mapping, or the file of a saved one."""
    shipped = {f"{name} (shipped)": name for name in shipped_mappings()}
    saved = {f"{name} (saved)": str(path) for name, path in saved_mappings(settings).items()}
    return {OWN: "", **saved, **shipped}


def describe_mapping(choice: str) -> str:
    """Description of a mapping, one phrase."""
    return (
        escape(load_mapping(choice).description)
        if choice
        else "Columns sessionId, ts, eventName, … as sent by PHANTOM's clients."
    )


@st.cache_data(show_spinner=False, max_entries=64)
def looks_like(path: Path) -> MappingMatch | None:
    """The shipped mapping that reads a file best; None for PHANTOM's own format.

    Raises:
        InputError: the file cannot be read, or no mapping fits.
    """
    try:
        canonical_mapping(read_file_start(path).columns)
    except (MappingError, HeaderError):
        found = detect_mappings(lambda options: _start(path, options), now_ms())
        if not found:
            raise
        return found[0]
    return None


def _start(path: Path, options: TextOptions) -> FileStart:
    return read_file_start(path, options=options)


def mapping_advice(paths: list[Path], choice: str) -> tuple[str, str | None]:
    """Advice on the mapping of files.

    Args:
        paths: the files.
        choice: the mapping chosen.
    Returns:
        A sentence, empty if the mapping fits; and a choice that fits better, None without one.
    """
    if choice or not paths:
        return "", None
    for path in paths[:_MOST_FILES]:
        try:
            found = looks_like(path)
        except MappingError:
            return (
                f"No mapping fits the columns of {escape(path.name)}. "
                "Create one in the tab Map columns.",
                None,
            )
        except InputError as error:
            return escape(str(error)), None
        if found:
            return f"{escape(path.name)}: {escape(describe_match(found))}", found.name
    return "", None
