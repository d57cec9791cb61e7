"""Minutes of Schemathesis against both services as processes of their own: no 500, no answer that
their OpenAPI documents do not name, and memory that stays flat.

Run: python -m benchmarks.contract_fuzz [--minutes 10] [--seed 1] [--json]

It ends with 1 where a check failed, or where a service held more memory in the last quarter of its
run than ALLOWED times that of the second quarter.
"""

import argparse
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil

from benchmarks.machine import machine

LIBRARIES: Final = ("schemathesis", "hypothesis", "fastapi", "uvicorn")
SERVICES: Final = ("pricing", "ingest")
CHECKS: Final = ",".join(
    (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
    )
)
ALLOWED: Final = 1.1
_STARTS_WITHIN_S: Final = 60.0
_SAMPLE_EVERY_S: Final = 1.0
_ROUND_S: Final = 60


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the run of one service showed.

    Attributes:
        service: pricing or ingest.
        rounds: runs of Schemathesis, each with a seed of its own.
        failed: of them.
        before_mb, after_mb: median memory in the second and the last quarter, MiB.
        says: the end of what the first failed round said; empty for none.
    """

    service: str
    rounds: int
    failed: int
    before_mb: float
    after_mb: float
    says: str

    @property
    def holds(self) -> bool:
        """Whether nothing failed and memory stayed flat."""
        return not self.failed and self.after_mb <= ALLOWED * self.before_mb


def main() -> None:
    """Print one line or JSON object a service."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    found = [fuzz(name, chosen.minutes * 60 / len(SERVICES), chosen.seed) for name in SERVICES]
    if chosen.json:
        print(json.dumps({"outcomes": [asdict(one) for one in found], **machine(LIBRARIES)}))
    else:
        for one in found:
            print(
                f"{one.service}: {one.failed} of {one.rounds} rounds failed; memory "
                f"{one.before_mb:,.0f} → {one.after_mb:,.0f} MiB. {one.says}"
            )
    sys.exit(not all(one.holds for one in found))


def fuzz(name: str, seconds: float, seed: int) -> Outcome:
    """Run Schemathesis against a service for some time.

    Args:
        name: of the service.
        seconds: in all.
        seed: of the first round; each has the next one.
    """
    with tempfile.TemporaryDirectory() as folder, serving(name, Path(folder)) as (url, process):
        memory, stop = Memory(process), threading.Event()
        thread = threading.Thread(target=memory.sample, args=(stop,))
        thread.start()
        rounds, failed, says, end_s = 0, 0, "", time.monotonic() + seconds
        while (left_s := round(end_s - time.monotonic())) > 0:
            code, told = run_round(url, seed + rounds, min(left_s, _ROUND_S), Path(folder))
            rounds += 1
            failed += code != 0
            says = says or (told if code else "")
        stop.set()
        thread.join()
        return Outcome(name, rounds, failed, memory.median_mb(1), memory.median_mb(3), says)


def run_round(url: str, seed: int, seconds: int, folder: Path) -> tuple[int, str]:
    """One run of Schemathesis; its code, and the end of its report."""
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{url}/openapi.json"),
        *("--checks", CHECKS, "--max-time", str(seconds), "--seed", str(seed)),
        *("--max-examples", "100000", "--no-color", "--suppress-health-check", "all"),
    ]
    told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    return told.returncode, (told.stdout + told.stderr)[-3_000:]


class Memory:
    """Resident memory of a process over time."""

    def __init__(self, process: psutil.Process) -> None:
        self._process, self._mb = process, [0.0]

    def sample(self, stop: threading.Event) -> None:
        """Take a sample now and then, until `stop` is set."""
        self._mb.clear()
        while not stop.wait(_SAMPLE_EVERY_S):
            with suppress(psutil.Error):
                self._mb.append(self._process.memory_info().rss / (1 << 20))

    def median_mb(self, quarter: int) -> float:
        """Median of one quarter of the samples, 0 to 3."""
        size = max(1, len(self._mb) // 4)
        part = self._mb[quarter * size :][:size]
        return statistics.median(part) if part else float("nan")


@contextmanager
def serving(name: str, workspace: Path) -> Iterator[tuple[str, psutil.Process]]:
    """A service of an empty workspace: its address and process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "phantom_core", "serve", name, "--port", str(port)]
    with (workspace / "service.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--workspace", str(workspace / "shop")], stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{url}/live", process)
        yield url, psutil.Process(process.pid)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        process.kill()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    end_s = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < end_s and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(url, timeout=2):
            return
        time.sleep(0.1)
    raise SystemExit(f"The service did not start: {url}")


if __name__ == "__main__":
    main()
