"""Verbs about jobs: run one, list them."""

import json
import sys
from typing import Annotated

import typer

from phantom_core.cli.run import Json, Workspace, emit, now_ms, running


def job(
    job_id: str,
    *,
    secrets: Annotated[
        bool, typer.Option(help="Read the request with its passwords from standard input.")
    ] = False,
    workspace: Workspace = None,
) -> None:
    """Run a job that was queued by another process."""
    from phantom_core.use_cases.operations.run_job import run_job

    with running(workspace, "working") as (settings, _):
        run_job(settings, job_id, now_ms(), sys.stdin.read() if secrets else "")


def jobs(
    *,
    limit: Annotated[int, typer.Option(min=1)] = 10,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Show the newest long-running jobs."""
    from phantom_core.jobs.jobs import Jobs

    with running(workspace, "reading", as_json=as_json) as (settings, _):
        found = Jobs(settings).latest(limit=limit)
        emit(
            {
                job.job_id: {
                    "kind": job.kind,
                    "state": job.state,
                    "done": job.fraction,
                    "message": job.message,
                    "who": job.who,
                }
                | ({"progress": json.loads(job.progress)} if job.progress else {})
                for job in found
            },
            as_json,
        )
