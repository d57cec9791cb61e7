"""Load outcome: the rows of a load, accepted, duplicate or in quarantine."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pandas as pd
import streamlit as st

from phantom_core.jobs.jobs import Job
from phantom_core.use_cases.data.load_totals import LoadedFile, LoadTotals
from phantom_core.views.data.reasons import reason_of
from ui.frame.errors import show_error
from ui.frame.tables import csv_button
from ui.frame.wording import (
    escape,
    format_count,
    format_duration,
    format_moment,
    format_number_of,
)

_MOST_NAMED: Final = 5


def load_outcome(job: Job) -> None:
    """Show the outcome of a finished load.

    Args:
        job: of kind ingest, in state done.
    """
    result = job.report_as(LoadTotals)
    quarantined = sum(result.quarantined.values())
    st.subheader("Last load")
    st.caption(f"{format_moment(job.changed_ms)} UTC, {format_duration(result.seconds)}")
    _sum(result, quarantined)
    for reason, n in sorted(result.quarantined.items(), key=lambda item: -item[1]):
        st.markdown(
            f":orange[:material/report:] **{format_count(n)}** · {reason_of(reason).meaning} "
            f"{reason_of(reason).fix}"
        )
    _left_out(result.left_out)
    for file, sentence in result.failed.items():
        show_error(f"{Path(file).name} was not loaded. {sentence}")
    if result.prices_waiting:
        st.warning(
            f"Waiting for a second person: "
            f"{format_number_of(result.prices_waiting, 'base price')}. "
            "Until then the approved prices are served.",
            icon=":material/pending:",
        )
    _files(result.files)
    with st.container(horizontal=True):
        if result.prices_waiting:
            st.page_link(
                "pages/data.py",
                label="View base prices",
                icon=":material/pending:",
                query_params={"data_tab": "Catalogue"},
            )
        if quarantined:
            st.page_link(
                "pages/data.py",
                label="View quarantine",
                icon=":material/report:",
                query_params={"data_tab": "Quarantine"},
            )
        if result.accepted:
            st.page_link("pages/sessions.py", label="View sessions", icon=":material/timeline:")


def _sum(result: LoadTotals, quarantined: int) -> None:
    """Read = accepted + duplicates + quarantined."""
    parts = {
        "Rows read": result.read,
        "= accepted": result.accepted,
        "+ duplicates": result.duplicates,
        "+ in quarantine": quarantined,
    }
    counts = {
        "experiments": result.experiments,
        "labels": result.labels,
        "catalogue": result.catalogue,
    }
    keyed_rows = {name: n for name, n in counts.items() if n}
    with st.grid(6, min_column_width=120, gap="small"):
        for name, n in (parts if result.read or not keyed_rows else {}).items():
            st.metric(
                name,
                format_count(n),
                help="Rows that were loaded before." if "duplicates" in name else None,
            )
        for name, n in keyed_rows.items():
            st.metric("New products" if name == "catalogue" else f"New {name}", format_count(n))


def _left_out(files: Sequence[str]) -> None:
    if files:
        names = ", ".join(escape(Path(file).name) for file in files[:_MOST_NAMED])
        more = f" and {format_count(len(files) - _MOST_NAMED)} more"
        st.warning(
            f"Not loaded, because their ending is not known: {names}"
            f"{more if len(files) > _MOST_NAMED else ''}.",
            icon=":material/warning:",
        )


def _files(files: Sequence[LoadedFile]) -> None:
    rows = [(Path(file.file).name, warning) for file in files for warning in file.warnings]
    for name, warning in rows:
        st.warning(f"{escape(name)}: {escape(warning.text)}", icon=":material/warning:")
    if rows:
        table = pd.DataFrame(
            {
                "file": [name for name, _ in rows],
                "kind": [warning.kind for _, warning in rows],
                "count": [warning.n for _, warning in rows],
                "warning": [warning.text for _, warning in rows],
            }
        )
        csv_button("Download warnings as CSV", table, "load_warnings.csv", "load_warnings_csv")
    _missing(files)
    if len(files) > 1:
        table = pd.DataFrame(
            {
                "file": [Path(file.file).name for file in files],
                "kind": [file.kind for file in files],
                "read": [file.read for file in files],
                "accepted": [file.accepted for file in files],
                "duplicates": [file.duplicates for file in files],
                "in quarantine": [sum(file.quarantined.values()) for file in files],
            }
        )
        st.dataframe(table, hide_index=True)


def _missing(files: Sequence[LoadedFile]) -> None:
    """Share of the rows without a value, by mapped field."""
    shares = [
        (Path(file.file).name, field, share)
        for file in files
        for field, share in file.missing.items()
        if share > 0
    ]
    if not shares:
        return
    with st.expander(f"Missing values ({format_number_of(len(shares), 'field')})"):
        table = pd.DataFrame(shares, columns=["file", "field", "missing"])
        percent = st.column_config.NumberColumn("missing", format="percent")
        st.dataframe(table, hide_index=True, column_config={"missing": percent})
