"""Loads tab: the ledger of loads, and taking one of them out."""

from pathlib import Path

import pandas as pd
import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.use_cases.data.job_unload import UnloadRequest
from phantom_core.use_cases.data.unload_report import UnloadReport
from phantom_core.views.data.loads import loads_view
from ui.accounts.account import is_allowed, start_job
from ui.frame.errors import friendly_errors
from ui.frame.handles import open_jobs, workspace_lake
from ui.frame.job_watch import watch_job
from ui.frame.tables import csv_button
from ui.frame.wording import escape, format_count, format_number_of

_REMOVABLE = ("events", "quotes")


def loads_tab() -> None:
    """The ledger of loads."""
    ledger = loads_view(workspace_lake())
    if not len(ledger):
        st.caption("No loads yet.")
        return
    number = st.column_config.NumberColumn(format="localized")
    time = st.column_config.DatetimeColumn
    st.dataframe(
        ledger,
        hide_index=True,
        placeholder="",
        height="content",
        column_config={
            "file": st.column_config.TextColumn("file", width=320),
            "reasons": st.column_config.TextColumn("reasons", width=300),
            "loaded": time("loaded (UTC)", format="YYYY-MM-DD HH:mm:ss"),
            "taken_out": time("taken out (UTC)", format="YYYY-MM-DD HH:mm:ss"),
            "seconds": st.column_config.NumberColumn("seconds", format="%.1f"),
            **dict.fromkeys(("read", "accepted", "duplicates", "quarantined"), number),
        },
    )
    csv_button("Download ledger as CSV", ledger, "loads.csv", "ledger_csv")
    if is_allowed(Permission.WORK):
        _take_out(ledger)


def _take_out(ledger: pd.DataFrame) -> None:
    """Choose a load and take its rows out."""
    job = watch_job("unload", "Taking out")
    if job and job.state == "done":
        _outcome(job.report_as(UnloadReport))
    there = ledger[ledger["kind"].isin(_REMOVABLE) & ledger["taken_out"].isna()]
    if not len(there):
        return
    shown = {
        row["load_id"]: f"{Path(row['file']).name} · {row['loaded']:%Y-%m-%d %H:%M} · "
        f"{format_number_of(row['accepted'], 'row')} of {row['kind']}"
        for row in there.to_dict("records")
    }
    with st.container(horizontal=True, vertical_alignment="bottom"):
        load_id = st.selectbox(
            "Load",
            list(shown),
            format_func=lambda one: shown.get(one, one),
            index=None,
            placeholder="Choose a load to take out",
            key="unload_load",
        )
        busy = any(job.kind in ("ingest", "unload") for job in open_jobs().active())
        if st.button(
            "Take this load out",
            icon=":material/delete:",
            disabled=load_id is None or busy,
            help="Its rows leave events, quotes, quarantine and features.",
        ):
            with friendly_errors():
                start_job(UnloadRequest(load_id=str(load_id)))
                st.rerun()


def _outcome(report: UnloadReport) -> None:
    st.success(
        f"{format_number_of(report.removed, 'row')} of {escape(Path(report.file).name)} taken out.",
        icon=":material/check:",
    )
    if report.load_again:
        names = ", ".join(escape(Path(file).name) for file in report.load_again[:5])
        st.warning(
            f"{format_count(len(report.load_again))} later loads had duplicates; rows that they "
            f"shared with this load are gone as well. Load them again: {names}.",
            icon=":material/warning:",
        )
