"""Empty states: what is missing, and what to do about it."""

from collections.abc import Mapping

import streamlit as st

from ui.frame.demo import load_demo_button


def nothing_loaded() -> None:
    """Say that the workspace has no sessions, and how to load some."""
    with st.container(border=True):
        st.markdown("**No sessions yet**")
        st.markdown("Load clickstream files of your shop, or explore PHANTOM with demo data first.")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link("pages/data.py", label="Load your data", icon=":material/upload_file:")
            load_demo_button("empty")


def show_missing(
    title: str,
    sentence: str,
    page: str = "",
    link: str = "",
    icon: str = ":material/arrow_forward:",
    query: Mapping[str, str] | None = None,
) -> None:
    """Say what is missing, and link to the page that provides it.

    Args:
        title: what is missing.
        sentence: why, and what to do.
        page: file of the linked page; empty for none.
        link: label of the link.
        icon: of the link.
        query: parameters of the link, such as a tab.
    """
    with st.container(border=True):
        st.markdown(f"**{title}**")
        st.markdown(sentence)
        if page:
            st.page_link(page, label=link, icon=icon, query_params=query)
