"""Version choice: which saved model a page is about."""

import streamlit as st

USUAL = "newest"  # as links have it


def choose_version(label: str, versions: tuple[str, ...], in_use: str | None, key: str) -> str:
    """Ask for a model; a link to one that is gone opens the usual one.

    Args:
        label: what is chosen.
        versions: names, the usual one first.
        in_use: name of the one in use; None where only candidates are saved.
        key: in the address.
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
    return versions[0] if shown in (None, USUAL) else str(shown)
