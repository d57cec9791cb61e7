"""The DAG runs as in Airflow, on a real workspace; test.sh says what it needs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

airflow = pytest.importorskip("airflow", reason="Airflow has an environment of its own")

sys.path.insert(0, str(Path(__file__).parent / "dags"))
ROOT = Path(__file__).parents[2]


def phantom(*words: str) -> dict[str, object]:
    command = [os.environ["PHANTOM_PYTHON"], "-m", "phantom_core", *words, "--json"]
    return json.loads(
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    )


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PHANTOM_HOME", str(ROOT))
    monkeypatch.setenv("PHANTOM_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("PHANTOM_DEMO_SESSIONS", "500")
    for gate in ("AGENT_AUC", "AGENT_PRECISION"):
        monkeypatch.setenv(f"PHANTOM_GATE_{gate}", "0")
    monkeypatch.setenv("PHANTOM_GATE_CALIBRATION_ERROR", "1")
    return tmp_path


def run() -> dict[str, object]:
    """Run the DAG to its end; returns what its tasks returned."""
    from phantom_daily import phantom_daily

    done = phantom_daily().test()
    tasks = {one.task_id: one for one in done.get_task_instances()}
    return {
        "state": str(done.state),
        **{name: one.xcom_pull(task_ids=name) for name, one in tasks.items()},
    }


def test_a_run_retrains_and_then_checks_the_traffic(workspace: Path) -> None:
    phantom("demo")
    found = run()
    assert found["state"].endswith("success")
    assert found["retrain"] == {"classifier": "promoted"}
    assert "silence" in found["monitor"]  # the demo set ended long ago
    assert next(iter(phantom("models", "classifier").values())).startswith("in use")


def test_a_failed_task_reports_the_message_of_phantom(workspace: Path) -> None:
    from phantom_daily import phantom as verb

    with pytest.raises(RuntimeError, match="no rule 'best'"):
        verb("retrain", "--rule", "best")
