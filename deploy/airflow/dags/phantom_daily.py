"""PHANTOM every day: retrain, then look at the traffic.

Airflow runs nothing of PHANTOM itself: both tasks call its command line in its own environment, so
that neither has to agree with the other on a library. Variables of the environment:

- PHANTOM_PYTHON: the Python of PHANTOM's environment, such as /opt/phantom/.venv/bin/python
- PHANTOM_HOME: its folder, such as /opt/phantom
- PHANTOM_WORKSPACE and every other PHANTOM_* setting, as for any other way to run it
"""

import datetime as dt
import json
import logging
import os
import subprocess

from airflow.sdk import dag, task

_LOG = logging.getLogger(__name__)


def phantom(*words: str) -> dict[str, object]:
    """What a verb of PHANTOM prints with --json.

    Raises:
        RuntimeError: it failed; the message is PHANTOM's own sentence.
    """
    command = [os.environ["PHANTOM_PYTHON"], "-m", "phantom_core", *words, "--json"]
    done = subprocess.run(
        command,
        cwd=os.environ.get("PHANTOM_HOME", "."),
        capture_output=True,
        text=True,
        check=False,
    )
    _LOG.info("%s", done.stderr)
    try:
        told = json.loads(done.stdout)
    except ValueError:
        raise RuntimeError(
            f"PHANTOM ended with code {done.returncode} and said nothing that can be read."
        ) from None
    if done.returncode:
        raise RuntimeError(f"{told.get('error', 'PHANTOM failed.')} {told.get('hint', '')}".strip())
    return told


@dag(
    schedule="30 3 * * *",
    start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    catchup=False,
    max_active_runs=1,
    default_args={
        "retries": 2,
        "retry_delay": dt.timedelta(minutes=10),
        "execution_timeout": dt.timedelta(hours=4),
    },
    tags=["phantom"],
    doc_md=__doc__,
)
def phantom_daily() -> None:
    """Retrain, then look."""

    @task
    def retrain() -> dict[str, str]:
        """Train challengers; whoever is better on later sessions is used from now on."""
        verdicts = phantom("retrain")["verdicts"]
        for one in verdicts:
            _LOG.info("%s %s: %s %s", one["kind"], one["outcome"], one["why"], one["published"])
        return {one["kind"]: one["outcome"] for one in verdicts}

    @task
    def monitor(outcomes: dict[str, str]) -> list[str]:
        """Look at the last week; PHANTOM itself tells whoever should know."""
        found = phantom("monitor")
        if found["untold"]:
            raise RuntimeError(" ".join(found["untold"]))
        return [check["name"] for check in found["checks"] if check["status"] == "alert"]

    monitor(retrain())


phantom_daily()
