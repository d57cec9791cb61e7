"""Speed of the features: this pipeline, pandas and Polars on the same files, each in a process of
its own, and one refresh.

Run: python benchmarks/features.py [--events 1000000 10000000] [--runs 5] [--json]
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from feature_contenders.made_events import EVENTS_PER_SESSION, made_events, made_lake
from machine import peak_mb

from phantom_core.events import schema
from phantom_core.features.aggregate import OUTCOMES
from phantom_core.features.catalogue import feature_names
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import Lake

DATA = Path(__file__).with_name(".data")
# Displayed name and run name: a module of feature_contenders, and extra arguments of `features`.
PHANTOM, POLARS, PANDAS, TUNED_PANDAS = "PHANTOM", "Polars", "pandas", "pandas, tuned"
CONTENDERS = {
    PHANTOM: ("phantom",),
    POLARS: ("polars_lazy",),
    PANDAS: ("pandas_groupby", "plain"),
    TUNED_PANDAS: ("pandas_groupby", "tuned"),
}
# Beyond this pandas would run for minutes.
MOST_PANDAS_EVENTS = 2_000_000
LOAD_EVENTS = 10_000
# A tenth of a load are later events of existing sessions.
CONTINUED_SHARE = 0.1
STORED, REFRESHED = (
    "PHANTOM, with the store written",
    f"PHANTOM, refresh after {LOAD_EVENTS:,} new events",
)


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of one run: wall and processor time, s; peak memory, MB."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: the fastest of the runs, the least disturbed by other load."""

    contender: str
    events: int
    runs: int
    cost: Cost


def main() -> None:
    """Make the data, run everything, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=20_261)
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object instead of Markdown"
    )
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps([asdict(cost) for cost in _child(*options.child)]))
        return
    hashes = {n_events: made_lake(DATA, n_events, options.seed)[1] for n_events in options.events}
    lines = [
        line
        for n_events in options.events
        for line in _measured(n_events, options.seed, options.runs)
    ]
    result = {
        "machine": _machine(),
        "seed": options.seed,
        "sha256": hashes,
        "lines": [asdict(line) for line in lines],
    }
    print(json.dumps(result) if options.json else _markdown(lines, hashes, options.seed))


def _measured(n_events: int, seed: int, runs: int) -> list[Line]:
    """All contenders at one size, alternating, so that other load affects each of them."""
    lake, _ = made_lake(DATA, n_events, seed)
    found: dict[str, list[Cost]] = {}
    with tempfile.TemporaryDirectory(dir=DATA) as scratch:
        outs = {name: Path(scratch) / f"{i}.parquet" for i, name in enumerate(CONTENDERS)}
        for run in range(runs):
            for name, what in CONTENDERS.items():
                if what[0] != "pandas_groupby" or (run == 0 and n_events <= MOST_PANDAS_EVENTS):
                    found.setdefault(name, []).extend(_costs(lake.root, outs[name], *what))
            copy = Path(scratch) / "lake"
            shutil.copytree(lake.root, copy)
            full, *refreshes = _costs(copy, copy, "store")
            found.setdefault(STORED, []).append(full)
            found.setdefault(REFRESHED, []).extend(refreshes)
            shutil.rmtree(copy)
        _check_agreement([out for out in outs.values() if out.exists()])
    return [
        Line(name, n_events, len(costs), min(costs, key=lambda cost: cost.seconds))
        for name, costs in found.items()
    ]


def _costs(lake: Path, out: Path, *what: str) -> list[Cost]:
    """Run a child process and read its measurements."""
    print(" ".join((lake.parent.name, *what)), file=sys.stderr)
    command = [sys.executable, __file__, "--child", str(lake), str(out), *what]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [Cost(**cost) for cost in json.loads(output)]


def _child(lake: str, out: str, what: str, *arguments: str) -> list[Cost]:
    """Measure one contender, or a full build of the store and refreshes after it; imports do not
    count.
    """
    if what == "store":
        return _store_costs(Lake(Path(lake)))
    contender = import_module(f"feature_contenders.{what}")
    files = Lake(Path(lake)).files("events")
    clock = _Clock()
    table = contender.features(files, *arguments)
    cost = clock.cost()
    pq.write_table(table, out)
    return [cost]


def _store_costs(lake: Lake) -> list[Cost]:
    store, rng = FeatureStore(lake), np.random.default_rng(7)
    clock = _Clock()
    store.refresh()
    costs = [clock.cost()]
    for load in range(3):
        lake.append("events", _next_load(store.matrix()["session_key"].to_numpy(), rng, load))
        clock = _Clock()
        store.refresh()
        costs.append(clock.cost())
    return costs


def _next_load(known: np.typing.NDArray[np.int64], rng: np.random.Generator, load: int) -> pa.Table:
    n_continued = int(LOAD_EVENTS * CONTINUED_SHARE) // EVENTS_PER_SESSION
    n_new = LOAD_EVENTS // EVENTS_PER_SESSION - n_continued
    new = rng.integers(-(2**63), 2**63 - 1, n_new)
    keys = np.unique(np.concatenate([new, rng.choice(known, n_continued, replace=False)]))
    return made_events(keys, LOAD_EVENTS, rng).set_column(
        13, schema.EVENTS.field("load_seq"), pa.array([load + 2] * LOAD_EVENTS, pa.int64())
    )


class _Clock:
    """Time since its creation, and the peak memory of this process."""

    def __init__(self) -> None:
        self.started, self.cpu_started = time.perf_counter(), time.process_time()

    def cost(self) -> Cost:
        return Cost(
            time.perf_counter() - self.started, time.process_time() - self.cpu_started, peak_mb()
        )


def _check_agreement(files: list[Path]) -> None:
    """Stop unless all contenders agree on the values."""
    columns = ["session_key", *feature_names(), *OUTCOMES]
    first, *others = (
        pq.read_table(file).select(columns).sort_by("session_key").to_pandas() for file in files
    )
    for other in others:
        for name in columns:
            mine, theirs = first[name], other[name]
            same = mine.isna() == theirs.isna()
            if mine.dtype == theirs.dtype and mine.dtype.kind not in "fiub":
                same &= mine.isna() | (mine == theirs)
            else:
                numbers = [column.astype("float64").to_numpy() for column in (mine, theirs)]
                same &= np.isclose(*numbers, rtol=1e-9, atol=1e-9, equal_nan=True)
            if not same.all():
                raise SystemExit(
                    f"{name}: {(~same).sum()} sessions differ, such as "
                    f"{first[~same]['session_key'].iloc[0]}"
                )


def _machine() -> dict[str, str]:
    cpu = next(
        (
            line.split(":")[1].strip()
            for line in _lines("/proc/cpuinfo")
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    memory = f"{psutil.virtual_memory().total / 2**30:.0f} GiB"
    libraries = ", ".join(
        f"{library} {version(library)}"
        for library in ("duckdb", "polars", "pandas", "pyarrow", "numpy", "deltalake")
    )
    return {
        "cpu": f"{cpu}, {os.cpu_count()} cores",
        "memory": memory,
        "date": datetime.now(UTC).date().isoformat(),
        "python": f"Python {platform.python_version()}",
        "libraries": libraries,
    }


def _lines(file: str) -> list[str]:
    return Path(file).read_text().splitlines() if Path(file).exists() else []


def _markdown(lines: list[Line], hashes: dict[int, str], seed: int) -> str:
    costs = {(line.contender, line.events): line.cost for line in lines}
    header = "| events | contender | wall s | CPU s | peak MB | runs |\n|---|---|---|---|---|---|"
    rows = [
        f"| {line.events:,} | {line.contender} | {line.cost.seconds:.2f} | "
        f"{line.cost.cpu_seconds:.2f} "
        f"| {line.cost.peak_mb:,.0f} | {line.runs} |"
        for line in lines
    ]
    machine = "; ".join(_machine().values())
    data = ", ".join(f"{digest[:12]} ({n_events:,} events)" for n_events, digest in hashes.items())
    about = (
        f"The fastest run of each; imports do not count. {machine}. Seed {seed}, SHA-256 of "
        f"the data {data}."
    )
    return "\n".join([header, *rows, "", about, "", *(f"- {line}" for line in _comparison(costs))])


def _comparison(costs: dict[tuple[str, int], Cost]) -> list[str]:
    """Comparison of the contenders, as far as this run allows."""
    sizes = sorted({n_events for _, n_events in costs})
    large, small = sizes[-1], sizes[0]
    mine, polars = costs[PHANTOM, large], costs[POLARS, large]
    share = costs[REFRESHED, large].seconds / costs[STORED, large].seconds
    found = [
        f"{large:,} events: Polars takes {polars.seconds / mine.seconds:.2f} times as long "
        f"and {polars.peak_mb / mine.peak_mb:.1f} times the memory.",
        f"{large:,} events: after one load of {LOAD_EVENTS:,} more, features are fresh again in "
        f"{share:.1%} of the time of a full build.",
    ]
    if large > small:
        found.append(
            f"{large / small:.0f} times the events take "
            f"{mine.seconds / costs[PHANTOM, small].seconds:.1f} times as long."
        )
    for (name, n_events), cost in costs.items():
        if name in (PANDAS, TUNED_PANDAS):
            found.append(
                f"{n_events:,} events: {name} takes "
                f"{cost.seconds / costs[PHANTOM, n_events].seconds:.0f} times as long."
            )
    return found


if __name__ == "__main__":
    main()
