"""A short soak: two faults, and every promise is in the lake."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_a_shop_keeps_its_promises_through_two_faults(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "phantom_core", "soak", "--json", "--minutes", "0.1"]
    faults = ["--fault", "kill-worker", "--fault", "empty-redis", "--rate", "300"]
    done = subprocess.run(
        [*command, *faults, "--folder", str(tmp_path / "soak")],
        env={**os.environ, "PHANTOM_REDIS_URL": "", "PHANTOM_DATABASE_URL": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["balanced"] is True
    assert found["events"]["acknowledged"] > 20
    assert found["events"]["missing"] == found["decisions"]["missing"] == 0
    assert found["decisions"]["outside_guard_rails"] == 0
    assert [one["name"] for one in found["faults"]] == ["kill-worker", "empty-redis"]
    assert {"worker", "ingest", "pricing", "valkey"} <= set(found["usage"][-1]["memory_mb"])
