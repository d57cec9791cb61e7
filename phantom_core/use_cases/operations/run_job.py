"""Run a job: what a worker process does with a queued job."""

from phantom_core.accounts.account_actors import actor_of_job
from phantom_core.accounts.actors import acting_as, current_acting
from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import PhantomError
from phantom_core.core.settings import Settings
from phantom_core.jobs.jobs import Job, Jobs
from phantom_core.use_cases.request_registry import parse_request


@requires(Permission.WORK)
def run_job(settings: Settings, job_id: str, now_ms: int, secrets: str = "") -> Job:
    """Run a queued job and record how it ended; an error that is no PhantomError is also raised.

    It runs in the name of the account that started it, with the role that the account has now.

    Args:
        settings: of the installation.
        job_id: which.
        now_ms: UTC milliseconds.
        secrets: the request with its passwords, JSON; empty where its row holds all of it.
    Raises:
        NotFoundError: no such job.
        ConflictError: it was started, finished or discarded before; it is not what the control
            side signed when it was requested; or its lease expired while it ran.
    """
    jobs = Jobs(settings)
    job = jobs.take(job_id, secrets)
    try:
        request = parse_request(job.kind, job.arguments)
        with jobs.heartbeat(job_id), acting_as(actor_of_job(job.who), settings):
            current_acting().actor.require(Permission.WORK, settings)
            report = request.run_for(
                settings, job.who, now_ms=now_ms, progress=jobs.progress(job_id)
            )
    except PhantomError as error:
        jobs.fail(job_id, error)
    except BaseException as error:
        jobs.fail(
            job_id,
            PhantomError(
                f"This should not happen: {error!r}.",
                hint=f"The log is logs/{job_id}.log in the workspace.",
            ),
        )
        raise
    else:
        jobs.finish(job_id, report)
    return jobs.get(job_id)
