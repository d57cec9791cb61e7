"""Jobs: long work, who asked for it, how far it is, and how it ended."""

from typing import Final

import pandas as pd
import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import NotFoundError
from phantom_core.jobs.jobs import Job
from phantom_core.use_cases.request_registry import request_type
from ui.accounts.account import current_person, is_allowed
from ui.frame.empty import show_missing
from ui.frame.errors import friendly_errors
from ui.frame.frame import require_frame
from ui.frame.handles import now_ms, open_jobs
from ui.frame.job_watch import LOOK_EVERY_S
from ui.frame.linked import begin_linked_page, end_linked_page
from ui.frame.page_spec import PageSpec
from ui.frame.wording import format_duration

PAGE = PageSpec(title="Jobs", icon=":material/work_history:", section="Control", order=160)

NEWEST: Final = 200
NO_FIELDS: Final = "{}"


def title(job: Job) -> str:
    """What a job does; its kind where this version does not know it."""
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
            "asked": pd.to_datetime([job.created_ms for job in found], unit="ms", utc=True),
            "took": [
                format_duration(
                    ((now_ms() if job.is_active else job.changed_ms) - job.created_ms) / 1_000
                )
                for job in found
            ],
            "job": [job.job_id for job in found],
        }
    )


def act(job: Job) -> None:
    """Cancel a job that runs, or start one again that does not."""
    if job.is_active:
        st.button(
            "Cancel",
            icon=":material/stop_circle:",
            key="job_cancel",
            disabled=job.cancel,
            on_click=open_jobs().cancel,
            args=(job.job_id,),
        )
    elif st.button(
        "Start again",
        icon=":material/replay:",
        key="job_again",
        disabled=not is_allowed(Permission.WORK),
    ):
        found = current_person()
        open_jobs().restart(job.job_id, who=found.login if found else None)
        st.rerun()
    if job.arguments != NO_FIELDS:
        with st.popover("What it was asked for", icon=":material/data_object:"):
            st.json(job.arguments)
    if job.result != NO_FIELDS:
        with st.popover("What came out", icon=":material/output:"):
            st.json(job.result)


require_frame()
begin_linked_page()
with friendly_errors():
    st.title(PAGE.title)
    st.caption(
        "Long work runs in processes of its own: it outlives this page and the app, and a process "
        "that dies is noticed."
    )
    if not open_jobs().latest():
        show_missing(
            "No long work was started yet.",
            "Loading, training, explaining, replaying and simulating show up here.",
        )
        st.stop()

    @st.fragment(run_every=LOOK_EVERY_S if open_jobs().active() else None)
    def newest() -> None:
        """The table, drawn again while something runs."""
        st.dataframe(
            table(open_jobs().latest(limit=NEWEST)),
            hide_index=True,
            column_order=("work", "state", "progress", "message", "who", "asked", "took"),
            column_config={
                "progress": st.column_config.ProgressColumn(
                    "Progress", format="percent", min_value=0, max_value=1, width=110
                ),
                "message": st.column_config.TextColumn("Message", width=380),
                "asked": st.column_config.DatetimeColumn(
                    "Asked, UTC", format="YYYY-MM-DD HH:mm:ss", width=150
                ),
            },
        )

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
