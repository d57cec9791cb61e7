"""Linked: set widgets that are bound to the URL, so that the URL follows."""

from collections.abc import Mapping
from typing import Final

import streamlit as st

_LATER: Final = "linked_later"
_NOW: Final = "linked_now"


def set_widgets(values: Mapping[str, object]) -> None:
    """Set widgets by key, before they are drawn.

    The URL follows only for widgets that were drawn before; the others are set again after that.
    """
    unseen = {key: value for key, value in values.items() if key not in st.session_state}
    if unseen:
        st.session_state[_LATER] = {**st.session_state.get(_LATER, {}), **unseen}
    for key, value in values.items():
        st.session_state[key] = value


def follow_old_link(key: str, renamed: Mapping[str, str]) -> None:
    """Replace in the URL the label of an option from before it was renamed, and run again.

    Args:
        key: of the widget, which is bound to the URL and not drawn yet.
        renamed: label in old links → label of today.
    """
    old = str(st.query_params.get(key, ""))
    if old in renamed and key not in st.session_state:
        st.query_params[key] = renamed[old]
        st.rerun()


def begin_linked_page() -> None:
    """At the top of a page: set again the widgets that the previous run drew first."""
    for key, value in st.session_state.pop(_NOW, {}).items():
        if st.session_state.get(key) == value:
            st.session_state[key] = value


def end_linked_page() -> None:
    """At the bottom of a page: run again where the URL has to follow."""
    later = st.session_state.pop(_LATER, {})
    if later:
        st.session_state[_NOW] = later
        st.rerun()
