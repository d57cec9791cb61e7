"""Errors: a PhantomError is shown as a sentence; a bug still crashes."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import streamlit as st

from phantom_core.core.damage import explain_damage
from phantom_core.core.errors import PhantomError
from ui.frame.wording import escape

_LOGGER: Final = logging.getLogger(__name__)


@contextmanager
def friendly_errors() -> Iterator[None]:
    """Show a PhantomError, and damage of the workspace, as a sentence and a hint."""
    try:
        yield
    except PhantomError as error:
        show_error(error.message, error.hint)
    except Exception as error:
        found = explain_damage(error)
        if found is None:
            raise
        _LOGGER.error("%s", found.message, exc_info=error)
        show_error(found.message, found.hint)


def show_error(message: str, hint: str = "") -> None:
    """Show what went wrong, and what to do about it."""
    said = f"{escape(message)}\n\n{escape(hint)}" if hint else escape(message)
    st.error(said, icon=":material/error:")
