"""Jobs: long-running work, who started it, its progress and its outcome."""

from typing import Final

import pandas as pd
import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import NotFoundError
from phantom_core.jobs.jobs import Job
from phantom_core.use_cases.operations.restart_job import restart_job
from phantom_core.use_cases.request_registry import request_type
from ui.accounts.account import is_allowed
from ui.frame.empty import show_missing
from ui.frame.errors import friendly_errors
from ui.frame.fragments import callback, fragment
from ui.frame.frame import require_frame
from ui.frame.handles import now_ms, open_jobs
from ui.frame.job_watch import LOOK_EVERY_S
from ui.frame.linked import begin_linked_page, end_linked_page
from ui.frame.page_spec import PageSpec
from ui.frame.row_click import open_clicked_row

PAGE = PageSpec(title="Jobs", icon=":material/work_history:", section="Control", order=160)

NEWEST: Final = 200
NO_FIELDS: Final = "{}"


def title(job: Job) -> str:
    """Title of a job; its kind where this version does not know it."""
    try:
        return request_type(job.kind).title
    except NotFoundError:
        return job.kind


def table(found: list[Job]) -> pd.DataFrame:
    """One row per job."""
    return pd.DataFrame(
        {
            "work": [title(job) for job in found],
            "state": [job.state for job in found],
            "progress": [job.fraction for job in found],
            "message": [job.message for job in found],
            "who": [job.who or "–" for job in found],
            "started": pd.to_datetime([job.created_ms for job in found], unit="ms", utc=True),
            "duration": [
                ((now_ms() if job.is_active else job.changed_ms) - job.created_ms) / 1_000
                for job in found
            ],
            "job": [job.job_id for job in found],
        }
    )


def act(job: Job) -> None:
    """Cancel an active job, or re-run a finished one."""
    if job.is_active:
        st.button(
            "Cancel",
            icon=":material/stop_circle:",
            key="job_cancel",
            disabled=job.cancel,
            on_click=callback(open_jobs().cancel),
            args=(job.job_id,),
        )
    elif st.button(
        "Re-run",
        icon=":material/replay:",
        key="job_again",
        disabled=not is_allowed(Permission.WORK),
    ):
        with friendly_errors():
            restart_job(open_jobs(), job.job_id)
            st.rerun()
    if job.arguments != NO_FIELDS:
        with st.popover("Parameters", icon=":material/data_object:"):
            st.json(job.arguments)
    if job.result != NO_FIELDS:
        with st.popover("Output", icon=":material/output:"):
            st.json(job.result)


require_frame()
begin_linked_page()
with friendly_errors():
    st.title(PAGE.title)
    st.caption(
        "Long-running work runs in separate processes. It continues when you leave this page or "
        "the app restarts, and a process that dies is detected."
    )
    if not open_jobs().latest():
        show_missing(
            "No jobs yet",
            "Loads, trainings, explanations, replays and simulations are listed here.",
        )
        st.stop()

    @fragment(run_every=LOOK_EVERY_S if open_jobs().active() else None)
    def newest() -> None:
        """The table, refreshed while a job is active."""
        found = open_jobs().latest(limit=NEWEST)
        st.dataframe(
            table(found),
            hide_index=True,
            key="jobs_table",
            on_select="rerun",
            selection_mode="single-row",
            column_order=("work", "state", "progress", "message", "who", "started", "duration"),
            column_config={
                "progress": st.column_config.ProgressColumn(
                    "Progress", format="percent", min_value=0, max_value=1, width=110
                ),
                "message": st.column_config.TextColumn("Message", width=380),
                "work": "Job",
                "state": "State",
                "who": "Started by",
                "duration": st.column_config.NumberColumn("Duration, s", format="%.1f"),
                "started": st.column_config.DatetimeColumn(
                    "Started, UTC", format="YYYY-MM-DD HH:mm:ss", width=150
                ),
            },
        )
        open_clicked_row("jobs_table", [job.job_id for job in found], "job")

    newest()
    known = {job.job_id: job for job in open_jobs().latest(limit=NEWEST)}
    titles = {job_id: f"{title(job)} · {job_id[:8]}" for job_id, job in known.items()}
    chosen = st.selectbox(
        "Job",
        list(known),
        key="job",
        bind="query-params",
        width=420,
        format_func=titles.__getitem__,
    )
    with st.container(horizontal=True):
        act(known[str(chosen)])
end_linked_page()
