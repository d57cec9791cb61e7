"""Model choice: which saved model a page speaks of, and its card."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

NEWEST: Final = "newest"


def choose_version(label: str, versions: Sequence[str], key: str) -> str:
    """Ask for a saved model; the newest one unless somebody chose another, also once a newer one comes.

    Args:
        label: of the field.
        versions: names, newest first, at least one.
        key: of the field and in the address.
    """
    shown = st.selectbox(
        label,
        [NEWEST, *versions],
        format_func=lambda name: f"newest: {versions[0]}" if name == NEWEST else name,
        key=key,
        bind="query-params",
        width=320,
    )
    return str(shown) if shown in versions else versions[0]


def card_tab(card: str, version: str) -> None:
    """Show a model card, and let it be taken away."""
    st.download_button("Download the card", card, f"card_{version}.md", "text/markdown", icon=":material/download:", on_click="ignore")
    with st.container(border=True):
        st.markdown(card)
