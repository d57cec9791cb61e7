"""Model choice: which saved model a page speaks of, and its card."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

USUAL: Final = "newest"  # as links have it


def choose_version(label: str, versions: Sequence[str], in_use: str | None, key: str) -> str:
    """Ask for a saved model; the usual one unless somebody chose another, also once that changes.

    Args:
        label: of the field.
        versions: names, the usual one first, at least one.
        in_use: name of the one in use; None where only candidates are saved.
        key: of the field and in the address.
    """
    usual = f"{'in use' if in_use == versions[0] else 'newest'}: {versions[0]}"
    shown = st.selectbox(
        label,
        [USUAL, *versions],
        format_func=lambda name: usual if name == USUAL else name,
        key=key,
        bind="query-params",
        width=320,
    )
    return str(shown) if shown in versions else versions[0]


def card_tab(card: str, version: str) -> None:
    """Show a model card, and let it be taken away."""
    st.download_button(
        "Download the card",
        card,
        f"card_{version}.md",
        "text/markdown",
        icon=":material/download:",
        on_click="ignore",
    )
    with st.container(border=True):
        st.markdown(card)
