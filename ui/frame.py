"""The frame: the list of pages, and what makes sure that none is shown without it."""

from typing import Final

import streamlit as st
from streamlit.navigation.page import Page

_FRAMED: Final = "framed"


def pages() -> list[Page]:
    """All pages, in the order of the menu."""
    return [
        st.Page("pages/overview.py", title="Overview", icon=":material/dashboard:", default=True),
        st.Page("pages/data.py", title="Data", icon=":material/database:"),
        st.Page("pages/sessions.py", title="Sessions", icon=":material/timeline:"),
        st.Page("pages/features.py", title="Features", icon=":material/equalizer:"),
        st.Page("pages/classifier.py", title="Agent classifier", icon=":material/target:"),
    ]


def chosen_page() -> Page:
    """Draw the menu and tell which page was chosen."""
    st.session_state[_FRAMED] = True
    return st.navigation(pages(), position="top")


def require_frame() -> None:
    """Hand over to app.py where a page was started without it.

    Streamlit serves a folder called pages/ by itself until an app has called st.navigation once: whoever opens a shared
    link before anyone opened the app would see the bare page.
    """
    if _FRAMED not in st.session_state:
        st.navigation(pages(), position="hidden")
        st.rerun()
