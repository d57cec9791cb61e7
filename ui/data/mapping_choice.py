"""Mapping choice: the available mappings, and the one that fits a file."""

from pathlib import Path
from typing import Final

import streamlit as st

from phantom_core.core.errors import InputError, MappingError
from phantom_core.core.settings import Settings
from phantom_core.events.canonical import canonical_mapping, fitting_mappings
from phantom_core.events.file_start import read_file_start
from phantom_core.events.mapping import load_mapping, shipped_mappings
from phantom_core.views.data.saved_mappings import saved_mappings
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
def looks_like(path: Path) -> str | None:
    """The choice that fits a file's columns: "" for PHANTOM's own format, the name of a shipped
    mapping, None where none fits.

    Raises:
        InputError: the file cannot be read.
    """
    columns = read_file_start(path).columns
    try:
        canonical_mapping(columns)
    except MappingError:
        return next(iter(fitting_mappings(columns)), None)
    return ""


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
        except InputError as error:
            return escape(str(error)), None
        if found is None:
            return (
                f"No mapping fits the columns of {escape(path.name)}. "
                "Create one in the tab Map columns.",
                None,
            )
        if found:
            return f"The columns of {escape(path.name)} look like {escape(found)}.", found
    return "", None
