"""Model choice: which saved model a page speaks of, and its card."""

from typing import Final

import streamlit as st

from phantom_core.core.settings import Settings
from phantom_core.model_kinds.model_kind import ModelKind
from phantom_core.views.workspace.saved_models import saved_versions, version_in_use, version_table

USUAL: Final = "newest"  # as links have it


def choose_model(settings: Settings, kind: ModelKind, key: str) -> str:
    """Ask for a saved model; the usual one unless another was chosen, also once that changes.

    Args:
        settings: name the workspace.
        kind: of model; at least one is saved.
        key: of the field and in the address.
    Returns:
        Its version.
    """
    versions = saved_versions(settings, kind)
    usual = (
        f"{'in use' if version_in_use(settings, kind) == versions[0] else 'newest'}: {versions[0]}"
    )
    shown = st.selectbox(
        kind.choice_title,
        [USUAL, *versions],
        format_func=lambda name: usual if name == USUAL else name,
        key=key,
        bind="query-params",
        width=320,
    )
    return str(shown) if shown in versions else versions[0]


def versions_tab(settings: Settings, kind: ModelKind) -> None:
    """All saved models of a kind with their headline figures."""
    st.subheader(f"Saved {kind.choice_title.lower()}s")
    st.dataframe(
        version_table(settings, kind),
        hide_index=True,
        placeholder="–",
        column_config={
            "version": st.column_config.TextColumn(kind.choice_title),
            "in_use": st.column_config.CheckboxColumn("In use"),
            "trained": st.column_config.DatetimeColumn("Trained (UTC)", format="YYYY-MM-DD HH:mm"),
            **{
                name: st.column_config.NumberColumn(title, format="%.3f")
                for name, title in kind.figures.items()
            },
            "n_features": "Features",
            "lake_version": "Data version",
            "seed": st.column_config.NumberColumn("Seed", format="%d"),
        },
    )


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
