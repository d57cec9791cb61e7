"""Linked: values that code puts into widgets whose values stand in the address, so that the address
follows.
"""

from collections.abc import Mapping
from typing import Final

import streamlit as st

_LATER: Final = "linked_later"
_NOW: Final = "linked_now"


def set_widgets(values: Mapping[str, object]) -> None:
    """Set widgets by key, before they are drawn.

    The address follows only for widgets that were drawn before; the others are set once more after
    they were.
    """
    unseen = {key: value for key, value in values.items() if key not in st.session_state}
    if unseen:
        st.session_state[_LATER] = {**st.session_state.get(_LATER, {}), **unseen}
    for key, value in values.items():
        st.session_state[key] = value


def begin_linked_page() -> None:
    """At the top of a page: set again what was drawn for the first time in the run before."""
    for key, value in st.session_state.pop(_NOW, {}).items():
        if st.session_state.get(key) == value:
            st.session_state[key] = value


def end_linked_page() -> None:
    """At the bottom of a page: run once more where the address has to follow."""
    later = st.session_state.pop(_LATER, {})
    if later:
        st.session_state[_NOW] = later
        st.rerun()
