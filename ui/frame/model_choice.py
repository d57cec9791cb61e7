"""Model choice: the saved model that a page shows, and its card."""

from typing import Final

import streamlit as st

from phantom_core.core.settings import Settings
from phantom_core.model_kinds.model_kind import ModelKind
from phantom_core.views.workspace.saved_models import saved_versions, version_in_use, version_table
from ui.frame.model_use import model_use
from ui.frame.wording import escape_document

NEWEST: Final = "newest"  # as links have it


def choose_model(settings: Settings, kind: ModelKind, key: str) -> str:
    """Choose a saved model; the default follows the model in use.

    Args:
        settings: name the workspace.
        kind: of model; at least one is saved.
        key: of the widget and in the URL.
    Returns:
        Its version.
    """
    versions = saved_versions(settings, kind)
    default = (
        f"{'in use' if version_in_use(settings, kind) == versions[0] else 'newest'}: {versions[0]}"
    )
    shown = st.selectbox(
        kind.choice_title,
        [NEWEST, *versions],
        format_func=lambda name: default if name == NEWEST else name,
        key=key,
        bind="query-params",
        width=320,
    )
    return str(shown) if shown in versions else versions[0]


def versions_tab(settings: Settings, kind: ModelKind) -> None:
    """All saved models of a kind with their key figures."""
    st.header(f"Saved {kind.choice_title.lower()}s")
    st.dataframe(
        version_table(settings, kind),
        hide_index=True,
        placeholder="–",
        column_config={
            "version": st.column_config.TextColumn(kind.choice_title),
            "in_use": st.column_config.CheckboxColumn("In use"),
            "for_pricing": st.column_config.CheckboxColumn("For pricing"),
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
    model_use(settings, kind)


def card_tab(card: str, version: str) -> None:
    """Show a model card, and offer it as a download."""
    st.download_button(
        "Download model card",
        card,
        f"card_{version}.md",
        "text/markdown",
        icon=":material/download:",
        on_click="ignore",
    )
    with st.container(border=True):
        st.markdown(escape_document(card))
