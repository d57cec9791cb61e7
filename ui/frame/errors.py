"""Errors: a PhantomError is shown as a sentence; a bug still crashes."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from phantom_core.core.errors import PhantomError
from ui.frame.wording import escape


@contextmanager
def friendly_errors() -> Iterator[None]:
    """Show a PhantomError as its sentence and its hint instead of a trace."""
    try:
        yield
    except PhantomError as error:
        show_error(error.message, error.hint)


def show_error(message: str, hint: str = "") -> None:
    """Show what went wrong, and what to do about it."""
    said = f"{escape(message)}\n\n{escape(hint)}" if hint else escape(message)
    st.error(said, icon=":material/error:")
