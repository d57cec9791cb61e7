"""Speed of rules: a replay on replay data, and one evaluation in NumPy, in plain Python
row by row and in a Zen engine.

Run: python -m benchmarks.rules [--sessions 100000] [--rows 20000] [--runs 3] [--json]
"""

import argparse
import hashlib
import json
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from phantom_core.core.settings import Settings
from phantom_core.lake.lake import open_lake
from phantom_core.replay.period import Period
from phantom_core.rules.condition import Condition
from phantom_core.rules.evaluate import Column, evaluate_rules
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.text import parse_rules
from phantom_core.rules.zen import ZenRules
from phantom_core.session_market.market import BANDS, NO_MARKUP
from phantom_core.shoppers.actors import START_MS
from phantom_core.use_cases.data.demo import load_demo
from phantom_core.use_cases.models.train_classifier import train_classifier
from phantom_core.use_cases.rules.replay_data import FOLDER, connect_logged, read_logged
from phantom_core.use_cases.rules.replay_rules import replay_rules

DATA = Path(__file__).with_name(".data")
NOW_MS = START_MS + 90 * 86_400_000
LEARNED_FROM = 2_000
LIBRARIES = ("numpy", "duckdb", "xgboost-cpu", "zen-engine")
RULES = parse_rules(
    """IF p_agent > 0.7 AND interaction_velocity > 4 OR UNDEFINED THEN markup 1.30
ELIF p_agent > 0.7 THEN markup 1.20
ELIF p_agent > 0.4 AND cart_to_view_ratio < 0.2 THEN markup 1.10
ELIF std_price_seen IS UNDEFINED AND unique_products_viewed >= 3 THEN markup 1.05
ELIF hover_intensity < 0.1 AND avg_time_between_events < 5 THEN markup 1.05
ELSE markup 1.00
""",
    "six",
)
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One measurement: what took how long, and over how many rows."""

    what: str
    rows: int
    seconds: float


def main() -> None:
    """Make the data once, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument(
        "--rows", type=int, default=20_000, help="rows for the evaluations that go row by row"
    )
    parser.add_argument("--runs", type=int, default=3, help="the fastest of so many is shown")
    parser.add_argument("--seed", type=int, default=20_261)
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object instead of Markdown"
    )
    options = parser.parse_args()
    settings = _shop(options.sessions, options.seed)
    runs = [
        [*_replays(settings), *_evaluations(settings, options.rows)] for _ in range(options.runs)
    ]
    lines = [min(same, key=lambda line: line.seconds) for same in zip(*runs, strict=True)]
    result = {
        "machine": machine(LIBRARIES),
        "seed": options.seed,
        "sha256": _digest(settings),
        "lines": [asdict(line) for line in lines],
    }
    print(json.dumps(result) if options.json else _markdown(lines, settings, options.seed))


def _shop(n_sessions: int, seed: int) -> Settings:
    """A workspace with the sessions and a classifier that learned from others."""
    settings = Settings(
        workspace=DATA / f"rules-{n_sessions}-{seed}", demo_sessions=n_sessions, seed=seed
    )
    if not (settings.workspace / "ready").exists():
        learned = Settings(
            workspace=DATA / f"rules-learned-{seed}", demo_sessions=LEARNED_FROM, seed=seed + 1
        )
        load_demo(learned, now_ms=NOW_MS)
        train_classifier(learned, open_lake(learned), now_ms=NOW_MS)
        load_demo(settings, now_ms=NOW_MS)
        shutil.copytree(
            learned.workspace / "models", settings.workspace / "models", dirs_exist_ok=True
        )
        (settings.workspace / "ready").touch()
    return settings


def _replays(settings: Settings) -> list[Line]:
    shutil.rmtree(settings.workspace / FOLDER, ignore_errors=True)
    found = []
    for what, rules in (
        ("replay, the first after a load", BANDS),
        ("replay of another rule set", RULES),
    ):
        print(what, file=sys.stderr)
        started = time.perf_counter()
        replay = replay_rules(settings, rules, NO_MARKUP, now_ms=NOW_MS)
        found.append(
            Line(
                f"{what}: {replay.sessions:,} sessions",
                replay.quotes,
                time.perf_counter() - started,
            )
        )
    return found


def _evaluations(settings: Settings, n_rows: int) -> list[Line]:
    """The same rules over the same rows, three ways; stops unless all answers are equal."""
    with connect_logged(settings) as connection:
        seen = read_logged(settings, connection, (RULES,), period=Period(), as_of="quote").seen
    n = seen["p_agent"].size
    vectorised, whole = _timed(lambda: evaluate_rules(RULES, seen, n).markup_ratio)
    sessions = [
        {name: _value(seen[name][i]) for name in RULES.features} for i in range(min(n_rows, n))
    ]
    plain, by_row = _timed(lambda: np.array([_plain(RULES, session) for session in sessions]))
    zen = ZenRules(RULES)
    engine, by_zen = _timed(
        lambda: np.array([zen.decide(session).markup_ratio for session in sessions])
    )
    if not (
        np.array_equal(by_row, whole[: len(sessions)])
        and np.array_equal(by_zen, whole[: len(sessions)])
    ):
        raise SystemExit("The ways of evaluating rules disagree.")
    rows = len(sessions)
    return [
        Line("evaluate, NumPy", n, vectorised),
        Line("evaluate, Python row by row", rows, plain),
        Line("evaluate, Zen engine row by row", rows, engine),
    ]


def _plain(rules: RuleSet, session: Mapping[str, float | str | None]) -> float:
    """Plain Python: the first rule whose conditions all match."""
    for rule in rules.rules:
        if all(_holds(condition, session[condition.feature]) for condition in rule.conditions):
            return rule.markup_ratio
    return rules.otherwise


def _holds(condition: Condition, value: float | str | None) -> bool:
    if value is None:
        return condition.when_undefined
    return condition.threshold is not None and _COMPARE[condition.operator](
        value, condition.threshold
    )


def _value(value: object) -> float | str | None:
    return (
        value
        if isinstance(value, str) or value is None
        else None
        if np.isnan(value)
        else float(value)
    )


def _timed(work: Callable[[], Column]) -> tuple[float, Column]:
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


def _digest(settings: Settings) -> str:
    digest = hashlib.sha256()
    for name in ("events.parquet", "quotes.parquet"):
        digest.update((settings.workspace / "demo" / name).read_bytes())
    return digest.hexdigest()[:12]


def _markdown(lines: list[Line], settings: Settings, seed: int) -> str:
    rows = [
        f"| {line.what} | {line.rows:,} | {line.seconds:.2f} | "
        f"{1e6 * line.seconds / line.rows:.2f} |"
        for line in lines
    ]
    about = (
        f"The fastest of the runs. {'; '.join(machine(LIBRARIES).values())}. Seed {seed}, "
        f"SHA-256 of the data {_digest(settings)}."
    )
    return "\n".join(["| what | quotes | s | µs a quote |", "|---|---|---|---|", *rows, "", about])


if __name__ == "__main__":
    main()
