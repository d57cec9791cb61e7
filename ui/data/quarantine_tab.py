"""Quarantine tab: rejected rows, the reasons, and how to fix them."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from phantom_core.views.data.quarantine import QuarantineView, quarantine_view
from ui.frame.handles import workspace_lake
from ui.frame.wording import format_count, format_number_of


def quarantine_tab() -> None:
    """Reasons, then rows."""
    everything = quarantine_view(workspace_lake(), limit=0)
    if not everything.n_all:
        st.success(
            "The quarantine is empty: every row was accepted or is a duplicate.",
            icon=":material/check_circle:",
        )
        return
    names = _short_names(everything.files)
    with st.container(horizontal=True):
        reason = st.selectbox(
            "Reason",
            everything.reasons["reason"].tolist(),
            index=None,
            placeholder="all reasons",
            key="reason",
            bind="query-params",
            width=260,
        )
        file = st.selectbox(
            "File",
            list(names),
            index=None,
            placeholder="all files",
            key="file",
            bind="query-params",
            width=320,
        )
    view = quarantine_view(workspace_lake(), reason=reason, file=names.get(file or ""))
    reasons = view.reasons[view.reasons["reason"] == reason] if reason else view.reasons
    st.dataframe(
        reasons,
        hide_index=True,
        row_height=38,
        column_config={
            "reason": st.column_config.TextColumn("Reason", width=170),
            "rows": st.column_config.NumberColumn("Rows", format="localized", width=70),
            "files": st.column_config.NumberColumn("Files", width=60),
            "meaning": st.column_config.TextColumn("Problem", width="large"),
            "mend": st.column_config.TextColumn("Fix", width="large"),
        },
    )
    st.markdown(
        f"**{format_number_of(view.n_matching, 'row')}**"
        + (
            f", first {format_count(len(view.rows))} shown"
            if len(view.rows) < view.n_matching
            else ""
        )
    )
    st.dataframe(
        view.rows.assign(file=[Path(name).name for name in view.rows["file"]]),
        hide_index=True,
        placeholder="",
        column_config={
            "file": st.column_config.TextColumn("File", width=160),
            "line": st.column_config.NumberColumn("Line", width=70),
            "reason": st.column_config.TextColumn("Reason", width=160),
            "detail": st.column_config.TextColumn("Detail", width=200),
            "raw": st.column_config.TextColumn("Original row", width=900),
        },
    )
    st.download_button(
        f"Download {format_number_of(view.n_matching, 'row')} as CSV",
        _csv(view),
        "quarantine.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def _short_names(files: tuple[str, ...]) -> dict[str, str]:
    """File names to choose from, with the folder where two files have the same name."""
    own = [Path(file).name for file in files]
    return {
        name if own.count(name) == 1 else "/".join(Path(file).parts[-2:]): file
        for name, file in zip(own, files, strict=True)
    }


def _csv(view: QuarantineView) -> Callable[[], bytes]:
    def write() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "quarantine.csv"
            view.write_csv(path)
            return path.read_bytes()

    return write
