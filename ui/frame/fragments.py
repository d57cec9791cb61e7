"""Fragments and callbacks: parts of a page that Streamlit runs without running the page.

Each asks again who is reading, so that an account which was signed out or deactivated sees the
sign-in form at the next redraw. Pages use these instead of `st.fragment` and bare callbacks.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import streamlit as st

from phantom_core.core.errors import PhantomError
from ui.accounts.account import as_reader
from ui.frame.wording import escape

P = ParamSpec("P")


def fragment(*, run_every: float | None = None) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Like `st.fragment`, drawn as the current reader.

    Args:
        run_every: seconds between two redraws; None for none.
    """

    def decorate(draw: Callable[P, None]) -> Callable[P, None]:
        @wraps(draw)
        def drawn(*args: P.args, **kwargs: P.kwargs) -> None:
            with as_reader() as found:
                if found is None:
                    st.rerun()  # The frame of the page shows the sign-in form.
                draw(*args, **kwargs)

        return st.fragment(run_every=run_every)(drawn)

    return decorate


def callback(act: Callable[P, object]) -> Callable[P, None]:
    """What a widget calls back, done as the current reader; a refusal is shown as a toast."""

    @wraps(act)
    def acted(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            with as_reader():
                act(*args, **kwargs)
        except PhantomError as error:
            st.toast(escape(str(error)), icon=":material/error:")

    return acted
