"""Restart a job: the same work again, by an account that may answer for it."""

from phantom_core.accounts.actors import current_acting
from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import NotAllowedError
from phantom_core.jobs.jobs import Job, Jobs
from phantom_core.use_cases.request_registry import request_type


@requires(Permission.WORK)
def restart_job(jobs: Jobs, job_id: str) -> Job:
    """Start the work of a job again, in the name of whoever asks for it.

    Args:
        jobs: of the workspace.
        job_id: of the job that ended.
    Raises:
        NotFoundError: no such job.
        ConflictError: it is still running.
        NotAllowedError: the account may not start it, or another one answers for this work.
    """
    job = jobs.get(job_id)
    if request_type(job.kind).is_personal and job.who != str(current_acting().actor):
        raise NotAllowedError(
            f"Only {job.who or 'the account that started it'} can start this work again.",
            hint="It is done in the name of the account that starts it.",
        )
    return jobs.restart(job_id)
