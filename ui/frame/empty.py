"""Empty states: what to do where there is nothing to show."""

import streamlit as st

from ui.frame.demo import load_demo_button


def nothing_loaded() -> None:
    """Say that the workspace has no sessions, and where they come from."""
    with st.container(border=True):
        st.markdown("**There are no sessions yet.**")
        st.markdown(
            "Load clickstream files of your shop, or look around with generated shoppers first."
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link("pages/data.py", label="Load your data", icon=":material/upload_file:")
            load_demo_button("empty")


def show_missing(
    title: str,
    sentence: str,
    page: str = "",
    link: str = "",
    icon: str = ":material/arrow_forward:",
) -> None:
    """Say what is missing and link to the page that mends it.

    Args:
        title: what there is not.
        sentence: why, and what to do.
        page: file of the page to go to; empty for none.
        link: label of the link.
        icon: of the link.
    """
    with st.container(border=True):
        st.markdown(f"**{title}**")
        st.markdown(sentence)
        if page:
            st.page_link(page, label=link, icon=icon)
