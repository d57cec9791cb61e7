"""Restart a job: the same work again, by an account that may answer for it."""

from phantom_core.core.errors import NotAllowedError
from phantom_core.jobs.jobs import Job, Jobs
from phantom_core.use_cases.request_registry import request_type


def restart_job(jobs: Jobs, job_id: str, *, who: str | None) -> Job:
    """Start the work of a job again.

    Args:
        jobs: of the workspace.
        job_id: of the job that ended.
        who: login of the account that starts it; None for the work of this machine.
    Raises:
        NotFoundError: no such job.
        ConflictError: it is still running.
        NotAllowedError: the account may not start it, or another one answers for this work.
    """
    job = jobs.get(job_id)
    if request_type(job.kind).is_personal and job.who != (who or ""):
        raise NotAllowedError(
            f"Only {job.who or 'the account that started it'} can start this work again.",
            hint="It is done in the name of the account that starts it.",
        )
    return jobs.restart(job_id, who=who)
