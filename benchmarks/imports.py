"""Start-up time: from a cold interpreter until a module is imported or the help is shown.

Run: python -m benchmarks.imports [--runs 5] [--json]
"""

import argparse
import json
import subprocess
import sys
import time
from typing import Final

from benchmarks.machine import machine

BARE: Final = "nothing"
STARTS: Final = {
    BARE: ("-c", "pass"),
    "import phantom_core.accounts.people": ("-c", "import phantom_core.accounts.people"),
    "import ui.frame.wording": ("-c", "import ui.frame.wording"),
    "python -m phantom_core --help": ("-m", "phantom_core", "--help"),
    "python -m phantom_core train classifier --help": (
        "-m",
        "phantom_core",
        "train",
        "classifier",
        "--help",
    ),
}


def best_s(arguments: tuple[str, ...], n_runs: int) -> float:
    """The fastest of some starts of a new interpreter, seconds."""
    taken: list[float] = []
    for _ in range(n_runs):
        start_s = time.perf_counter()
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
        taken.append(time.perf_counter() - start_s)
    return min(taken)


def main() -> None:
    """Print one table, relative to an empty interpreter."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    taken = {what: best_s(start, arguments.runs) for what, start in STARTS.items()}
    about = machine(("typer", "SQLAlchemy"))
    if arguments.json:
        print(json.dumps({"seconds": taken, "runs": arguments.runs, **about}, indent=2))
        return
    print("| start | best s | times an empty interpreter |\n|---|---|---|")
    for what, seconds in taken.items():
        print(f"| {what} | {seconds:.2f} | {seconds / taken[BARE]:.0f} |")
    print(f"\nThe fastest of {arguments.runs}. {'; '.join(about.values())}.")


if __name__ == "__main__":
    main()
