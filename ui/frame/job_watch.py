"""Job watch: progress of a job, and a button that cancels it."""

import streamlit as st

from phantom_core.jobs.jobs import Job
from ui.frame.errors import show_error
from ui.frame.fragments import callback, fragment
from ui.frame.handles import now_ms, open_jobs
from ui.frame.wording import escape, format_duration, format_moment

LOOK_EVERY_S = 0.8
_ESTIMATE_FROM = 0.1
_CANCELLED_SHOWN_MS = 600_000


def watch_job(kind: str, what: str, left: str = "no partial results were saved") -> Job | None:
    """Show the newest job of a kind: its progress, or the error it failed with.

    Args:
        kind: of the job.
        what: what it does, as a noun: "Loading".
        left: what a cancelled one leaves behind, as a clause.
    Returns:
        The job; None without one.
    """
    found = open_jobs().latest(kind)
    if not found:
        return None
    job = found[0]
    if job.is_active:
        _running(job.job_id, what)
    elif job.state == "failed":
        show_error(f"{what} failed at {format_moment(job.changed_ms)} UTC. {job.message}")
    elif job.state == "cancelled" and now_ms() - job.changed_ms < _CANCELLED_SHOWN_MS:
        st.info(
            f"{what} was cancelled at {format_moment(job.changed_ms)} UTC; {left}.",
            icon=":material/cancel:",
        )
    return job


@fragment(run_every=LOOK_EVERY_S)
def _running(job_id: str, what: str) -> None:
    job = open_jobs().get(job_id)
    if not job.is_active:
        st.rerun()
    elapsed_s = (now_ms() - job.created_ms) / 1_000
    with st.container(border=True, key=f"job_{job.kind}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**{what}** · "
                f"{'cancelling at the next step …' if job.cancel else escape(job.message)}"
            )
            st.button(
                "Cancel",
                icon=":material/stop_circle:",
                disabled=job.cancel,
                on_click=callback(open_jobs().cancel),
                args=(job_id,),
                key=f"cancel_{job_id}",
            )
        st.progress(job.fraction)
        st.caption(
            f"{job.fraction:.0%} after "
            f"{format_duration(elapsed_s)}{_left(job.fraction, elapsed_s)}. You can leave this "
            "page; the job continues."
        )


def _left(fraction: float, elapsed_s: float) -> str:
    if fraction < _ESTIMATE_FROM:
        return ""
    return f", about {format_duration(elapsed_s * (1 - fraction) / fraction)} left"
