"""The multi-task network: accuracy relative to the demo set's ceiling, training time, and latency.

Run: python -m benchmarks.multitask [--sessions 5000] [--seed 20261] [--json]
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import psutil
import torch

from phantom_core.core.limits import GuardRails
from phantom_core.core.settings import Settings
from phantom_core.evaluation.multitask_report import KIND, MultitaskReport
from phantom_core.evaluation.ranking import rank_scores
from phantom_core.features.catalogue import feature_names
from phantom_core.features.offers.product_features import product_names
from phantom_core.lake.lake import open_lake
from phantom_core.model_store.store import ModelStore
from phantom_core.models.multitask.description import open_scorer
from phantom_core.models.multitask.inputs import Inputs
from phantom_core.models.multitask.saved import read_network
from phantom_core.models.optimal_price import PricingObjective, optimal_prices
from phantom_core.shoppers.generate import generate_sessions
from phantom_core.use_cases.data.demo import load_demo
from phantom_core.use_cases.models.train_multitask import train_multitask

NOW_MS = 1_772_452_800_000
ONE_ROW = 2_000
MANY = 1_000
TRUE_ELASTICITY = {"human": -1.0, "agent": -2.5}
LIBRARIES = ("torch", "onnxruntime", "xgboost-cpu", "duckdb", "numpy")


def main() -> None:
    """Generate, train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=20_261)
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object instead of Markdown"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            workspace=Path(folder), demo_sessions=options.sessions, seed=options.seed
        )
        load_demo(settings, now_ms=NOW_MS)
        print("training", file=sys.stderr)
        before_s = time.process_time()
        report = train_multitask(settings, open_lake(settings), now_ms=NOW_MS)
        cpu_s = time.process_time() - before_s
        speeds = _speeds(settings, report)
    found = {
        "machine": _machine(),
        "ceiling": _ceiling(options.sessions, options.seed),
        "cpu_s": cpu_s,
        "speeds": speeds,
        "report": report.to_json(),
    }
    print(json.dumps(found) if options.json else _markdown(report, found))


def _ceiling(n_sessions: int, seed: int) -> tuple[float, float, float]:
    """ROC-AUC of the true P(buy) behind every quote: the ceiling of every model."""
    truth = generate_sessions(n_sessions, seed).truth
    bought, p_buy = truth["bought"].to_numpy().astype(np.bool_), truth["p_buy"].to_numpy()
    sessions = np.unique(np.array(truth["sessionId"].to_pylist()), return_inverse=True)[1]
    auc = rank_scores(bought, p_buy, sessions, np.random.default_rng(seed)).roc_auc
    return auc.value, auc.low, auc.high


def _speeds(settings: Settings, report: MultitaskReport) -> dict[str, float]:
    """Milliseconds: the best of three."""
    model = ModelStore(settings.workspace, KIND).open(report.model_version)
    scorer, (network, _) = open_scorer(model), read_network(model)
    rng = np.random.default_rng(0)
    one, many = _rows(1, rng), _rows(MANY, rng)
    tensors = [torch.from_numpy(array) for array in (one.session, one.product, one.log_ratio)]
    p_agent = scorer.score(many).p_agent

    def by_torch() -> None:
        with torch.no_grad():
            network(*tensors)

    return {
        "one row, ONNX Runtime": _milliseconds(lambda: scorer.score(one), ONE_ROW),
        "one row, PyTorch": _milliseconds(by_torch, ONE_ROW),
        f"best prices of {MANY:,} offers": _milliseconds(
            lambda: optimal_prices(
                PricingObjective(GuardRails(0.7, 1.5)),
                lambda ratios: scorer.demand(many, ratios),
                p_agent,
            ),
            1,
        ),
    }


def _rows(n: int, rng: np.random.Generator) -> Inputs:
    session = rng.lognormal(1.0, 1.0, (n, len(feature_names()))).astype(np.float32)
    return Inputs(
        session,
        rng.lognormal(1.0, 1.0, (n, len(product_names()))).astype(np.float32),
        np.zeros(n, np.float32),
    )


def _milliseconds(work: Callable[[], object], times: int) -> float:
    work()
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        for _ in range(times):
            work()
        best = min(best, (time.perf_counter() - started) / times * 1_000)
    return best


def _machine() -> str:
    libraries = ", ".join(f"{library} {version(library)}" for library in LIBRARIES)
    memory = f"{psutil.virtual_memory().total / 2**30:.0f} GiB"
    return (
        f"{os.cpu_count()} cores; {memory}; {datetime.now(UTC).date()}; Python "
        f"{platform.python_version()}; {libraries}"
    )


def _markdown(report: MultitaskReport, found: dict) -> str:
    told, (value, low, high) = found["report"], found["ceiling"]
    twin, trees = told["single_task"], told["xgboost"]
    rows = [
        "| | agents, ROC-AUC | purchases, ROC-AUC |",
        "|---|---|---|",
        f"| the true P(buy): no model can do better | | {value:.3f} ({low:.3f} to {high:.3f}) |",
        f"| **network** | {_ci(told, 'agent_auc')} | {_ci(told, 'purchase_auc')} |",
        f"| a network for each task alone | {twin['agent']['auc']:.3f} | "
        f"{twin['purchase']['auc']:.3f} |",
        f"| XGBoost for each task | {trees['agent']['auc']:.3f} | {trees['purchase']['auc']:.3f} |",
        f"| price alone | | {told['price_alone_auc']:.3f} |",
        "| guessing | 0.5 | 0.5 |",
        "",
        "| elasticity at the base price | truth | network, held-out shoppers |",
        "|---|---|---|",
    ]
    for who, truth in TRUE_ELASTICITY.items():
        one = told["price_elasticity"][who]
        rows.append(
            f"| {who}s | {truth} | {one['value']:.2f} ({one['ci'][0]:.2f} to {one['ci'][1]:.2f}) |"
        )
    rows += [
        "",
        "| | ms |",
        "|---|---|",
        *(f"| {what} | {ms:.3f} |" for what, ms in found["speeds"].items()),
        "",
    ]
    share = (told["purchase_auc"] - 0.5) / (value - 0.5)
    data = (
        f"{told['offers']:,} offers, {told['bought']:,} bought, {told['actors']:,} actors, "
        f"{told['folds']} folds"
    )
    errors = (
        f"of purchases {told['ece_purchase']:.4f} (chance alone "
        f"{told['ece_purchase_of_chance']:.4f}), of agents {told['ece_agent']:.4f}"
    )
    times = f"{report.seconds:.0f} s of wall time, {found['cpu_s']:.0f} s of CPU"
    about = f"Seed {told['seed']}, SHA-256 of the rows {report.data.sha256[:12]}"
    rows.append(
        f"{data}; calibration error {errors}. Training and evaluation, twins and trees included: "
        f"{times}. {found['machine']}. {about}."
    )
    rows += [
        "",
        f"- The network reaches {share:.0%} of the way from guessing to the ceiling of purchases.",
    ]
    return "\n".join(rows)


def _ci(told: dict, name: str) -> str:
    low, high = told[f"{name}_ci"]
    return f"{told[name]:.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
