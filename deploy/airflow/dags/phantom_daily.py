"""PHANTOM every day: retrain, then check the traffic.

Airflow imports nothing of PHANTOM: both tasks call its command line in its own environment, so that
the two need not agree on versions of libraries. Environment variables:

- PHANTOM_PYTHON: the Python of PHANTOM's environment, such as /opt/phantom/.venv/bin/python
- PHANTOM_HOME: its folder, such as /opt/phantom
- PHANTOM_WORKSPACE and every other PHANTOM_* setting, as for every other way to run PHANTOM
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
        report = json.loads(done.stdout)
    except ValueError:
        raise RuntimeError(
            f"PHANTOM ended with code {done.returncode} and printed no JSON."
        ) from None
    if done.returncode:
        raise RuntimeError(
            f"{report.get('error', 'PHANTOM failed.')} {report.get('hint', '')}".strip()
        )
    return report


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
    """Retrain, then check the traffic."""

    @task
    def retrain() -> dict[str, str]:
        """Train challengers; one that is better on later sessions is promoted."""
        verdicts = phantom("retrain")["verdicts"]
        for one in verdicts:
            _LOG.info("%s %s: %s %s", one["kind"], one["outcome"], one["why"], one["published"])
        return {one["kind"]: one["outcome"] for one in verdicts}

    @task
    def monitor(outcomes: dict[str, str]) -> list[str]:
        """Check the last week; PHANTOM itself sends the alerts."""
        found = phantom("monitor")
        if found["untold"]:
            raise RuntimeError(" ".join(found["untold"]))
        return [check["name"] for check in found["checks"] if check["status"] == "alert"]

    monitor(retrain())


phantom_daily()
