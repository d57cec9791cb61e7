"""Mapping choice: which format files are in, and which one they look like."""

from pathlib import Path
from typing import Final

import streamlit as st

from phantom_core.core.errors import InputError, MappingError
from phantom_core.core.settings import Settings
from phantom_core.events.canonical import canonical_mapping, fitting_mappings
from phantom_core.events.mapping import load_mapping, shipped_mappings
from phantom_core.events.sources import open_source
from phantom_core.views.data.saved_mappings import saved_mappings

OWN: Final = "PHANTOM's own format"
_LOOKED_AT: Final = 8


def mapping_options(settings: Settings) -> dict[str, str]:
    """What to show → what a load is given: nothing, a shipped mapping's name, or the file of a
    saved one.
    """
    shipped = {f"{name} (shipped)": name for name in shipped_mappings()}
    saved = {f"{name} (saved)": str(path) for name, path in saved_mappings(settings).items()}
    return {OWN: "", **saved, **shipped}


def describe_mapping(choice: str) -> str:
    """What a mapping is for, one phrase."""
    return (
        load_mapping(choice).description
        if choice
        else "Columns sessionId, ts, eventName, … as PHANTOM's clients send them."
    )


@st.cache_data(show_spinner=False, max_entries=64)
def looks_like(path: Path) -> str | None:
    """The choice that a file's columns ask for: "" for PHANTOM's own format, a shipped mapping's
    name, None when nothing fits.

    Raises:
        InputError: the file cannot be read.
    """
    columns = open_source(path).columns
    try:
        canonical_mapping(columns)
    except MappingError:
        return next(iter(fitting_mappings(columns)), None)
    return ""


def mapping_advice(paths: list[Path], choice: str) -> tuple[str, str | None]:
    """What to tell somebody who is about to load files with a mapping.

    Args:
        paths: the files.
        choice: the mapping chosen.
    Returns:
        A sentence, empty when all is well; and the choice that would fit better, None when there is
        none.
    """
    if choice or not paths:
        return "", None
    for path in paths[:_LOOKED_AT]:
        try:
            found = looks_like(path)
        except InputError as error:
            return str(error), None
        if found is None:
            return (
                f"The columns of {path.name} are in no format PHANTOM knows: build a mapping in "
                "the tab Map columns.",
                None,
            )
        if found:
            return f"The columns of {path.name} look like {found}.", found
    return "", None
