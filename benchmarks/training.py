"""Training: time to a usable classifier and to its full report, beside one XGBoost fit.

Run: python -m benchmarks.training [--sessions 5000,50000] [--seed 20261] [--studies] [--json]
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.machine import machine, peak_mb
from phantom_core.core.progress import no_progress
from phantom_core.core.settings import Settings
from phantom_core.evaluation.labelled_sessions import read_labelled
from phantom_core.evaluation.quote_moments import learning_rows, read_moments, sessions_at_quotes
from phantom_core.lake.lake import open_lake
from phantom_core.models.classifier import LabelledRows, fit_classifier
from phantom_core.use_cases.data.demo import load_demo
from phantom_core.use_cases.models.study_classifier import study_classifier
from phantom_core.use_cases.models.train_classifier import train_classifier

NOW_MS = 1_772_452_800_000
LIBRARIES = ("xgboost-cpu", "duckdb", "numpy")


def main() -> None:
    """Generate, train, study, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", default="5000,50000", help="sizes, separated by commas")
    parser.add_argument("--seed", type=int, default=20_261)
    parser.add_argument("--studies", action="store_true", help="also run the studies")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of Markdown")
    options = parser.parse_args()
    found = [
        measure(int(size), options.seed, with_studies=options.studies)
        for size in options.sessions.split(",")
    ]
    about = {"seed": options.seed, **machine(LIBRARIES)}
    if options.json:
        print(json.dumps({"about": about, "sizes": found}))
        return
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    for one in found:
        print(" | ".join(f"{name} {value}" for name, value in one.items()))


def measure(n_sessions: int, seed: int, *, with_studies: bool) -> dict[str, object]:
    """Seconds of wall and processor, the latter as multiples of one fit on the same matrices."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(workspace=Path(folder), demo_sessions=n_sessions, seed=seed)
        load_demo(settings, now_ms=NOW_MS)
        lake = open_lake(settings)
        started, before = time.perf_counter(), time.process_time()
        report = train_classifier(settings, lake, now_ms=NOW_MS)
        usable_s, usable_cpu_s = time.perf_counter() - started, time.process_time() - before
        assert report.at_quote is not None
        labelled = read_labelled(lake, report.features, report.n_folds, no_progress)
        rng = np.random.default_rng(seed)
        at_quotes = sessions_at_quotes(
            lake, labelled, read_moments(lake, labelled, rng), report.features
        )
        rows = learning_rows(labelled, at_quotes)
        one_fit_cpu_s = _fit_s(rows, report.at_quote.n_rounds, seed)
        full_s = usable_s
        if with_studies:
            study_classifier(settings, lake, version=report.model_version)
            full_s = time.perf_counter() - started
    return {
        "sessions": n_sessions,
        "rows": len(rows.is_agent),
        "labels_sha256": report.data.labels_sha256[:12],
        "one_fit_cpu_s": round(one_fit_cpu_s, 2),
        "usable_s": round(usable_s, 1),
        "usable_cpu_s": round(usable_cpu_s, 1),
        "usable_fits": round(usable_cpu_s / one_fit_cpu_s, 1),
        "full_s": round(full_s, 1) if with_studies else None,
        "peak_mb": round(peak_mb()),
    }


def _fit_s(rows: LabelledRows, n_rounds: int, seed: int) -> float:
    """Processor seconds of one fit on sessions at their quotes and whole, without evaluation."""
    started = time.process_time()
    fit_classifier(rows, n_rounds, seed=seed)
    return time.process_time() - started


if __name__ == "__main__":
    main()
