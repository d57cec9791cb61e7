"""Cost of contributions beside shap's, of trees and of the network, and how much of a classifier
trees of every depth can keep at all.

Run from the repository's root: python -m benchmarks.explain [--sessions 100000 300000] [--more
40000] [--seed 20261]
"""

import argparse
import hashlib
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeRegressor

from phantom_core.core.limits import GuardRails
from phantom_core.core.settings import Settings
from phantom_core.distil.markup import teacher_markup
from phantom_core.explain.contributions import ExplainedTrees
from phantom_core.explain.network import take_apart
from phantom_core.features.catalogue import feature_names
from phantom_core.features.offers.offers import RELATIONS, read_offers
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.model_store.store import ModelStore
from phantom_core.models.classifier import Classifier, classifier_margin
from phantom_core.models.encoding import encode_features, feature_types, spread_categories
from phantom_core.models.multitask.cross_fit import log_odds
from phantom_core.models.multitask.inputs import Inputs, offer_inputs, values_of
from phantom_core.models.multitask.saved import read_network
from phantom_core.models.saved_classifier import read_classifier
from phantom_core.use_cases.data.demo import load_demo
from phantom_core.use_cases.explanations.explain_network import N_BACKGROUND
from phantom_core.use_cases.models.train_classifier import train_classifier
from phantom_core.use_cases.models.train_multitask import train_multitask

PHANTOM, SHAP = "PHANTOM, in chunks", "shap.TreeExplainer"
# shap explains the same in one piece; beyond this it would run for minutes.
MOST_SHAP_SESSIONS = 100_000
LIBRARIES = ("xgboost-cpu", "shap", "scikit-learn", "numpy")
GUARD_RAILS = GuardRails(0.7, 1.5)
DEPTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12)
LEAF_SESSIONS = 50
FEW = 4_000
N_NETWORK_OFFERS = 20


def filled(folder: Path, sessions: int, seed: int) -> Settings:
    """A workspace with generated sessions."""
    settings = Settings(workspace=folder, demo_sessions=sessions, seed=seed)
    load_demo(settings, now_ms=time.time_ns() // 1_000_000)
    return settings


def classifier_of(workspace: Path) -> Classifier:
    """The newest classifier of a workspace."""
    return read_classifier(ModelStore(workspace, "classifier").open())


def features_of(workspace: Path, names: tuple[str, ...]) -> NDArray[np.float32]:
    """Encoded features of all sessions of a workspace."""
    store = FeatureStore(Lake(workspace / "lake"))
    store.refresh()
    return encode_features(store.matrix(), names)


def explain_once(workspace: Path, contender: str, n_sessions: int) -> dict[str, float]:
    """Explain so many sessions in this process: the demo's, over and over."""
    classifier = classifier_of(workspace)
    own = features_of(workspace, classifier.names)
    values = own[np.arange(n_sessions) % len(own)]
    if contender == PHANTOM:
        started = time.perf_counter()
        output = ExplainedTrees.of(classifier).contributions(values).output
        seconds = time.perf_counter() - started
    else:
        import shap  # noqa: PLC0415 - only this contender pays for it
        import xgboost as xgb  # noqa: PLC0415

        types = feature_types(classifier.names)
        started = time.perf_counter()
        matrix = xgb.DMatrix(
            values,
            feature_names=list(classifier.names),
            feature_types=types,
            enable_categorical=True,
        )
        explainer = shap.TreeExplainer(classifier.booster)
        output = explainer.shap_values(matrix).sum(axis=1) + explainer.expected_value
        seconds = time.perf_counter() - started
    error = float(np.abs(output - classifier_margin(classifier.booster, values)).max())
    return {
        "seconds": seconds,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024,
        "largest_error": error,
    }


def in_own_process(workspace: Path, contender: str, n_sessions: int) -> dict[str, float]:
    """The same in a process of its own, so that nobody else's memory counts."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.explain",
        "--worker",
        contender,
        "--workspace",
        str(workspace),
        "--sessions",
        str(n_sessions),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{contender} failed:\n{done.stderr}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def kept_by_depth(
    teacher: Classifier, learned: NDArray[np.float32], judged: NDArray[np.float32]
) -> dict[int, tuple[int, float]]:
    """Leaves and R² of CART trees of every depth that learn a classifier's mark-ups."""
    target, truth = (
        teacher_markup(
            teacher.calibration.probability(classifier_margin(teacher.booster, values)), GUARD_RAILS
        )
        for values in (learned, judged)
    )
    x, x_judged = (
        spread_categories(learned, teacher.names),
        spread_categories(judged, teacher.names),
    )
    found = {}
    for depth in DEPTHS:
        tree = DecisionTreeRegressor(
            max_depth=depth, min_samples_leaf=LEAF_SESSIONS, random_state=0
        ).fit(x, target)
        error = tree.predict(x_judged) - truth
        found[depth] = tree.get_n_leaves(), 1 - float((error**2).mean() / truth.var())
    return found


def print_costs(workspace: Path, sizes: list[int]) -> None:
    """Time and memory of each contender."""
    print(
        "| sessions | contender | wall s | peak MB | largest error, log-odds "
        "|\n|---|---|---|---|---|"
    )
    for n_sessions in sizes:
        for contender in (PHANTOM, SHAP):
            if contender == SHAP and n_sessions > MOST_SHAP_SESSIONS:
                continue
            cost = in_own_process(workspace, contender, n_sessions)
            print(
                f"| {n_sessions:,} | {contender} | {cost['seconds']:.1f} | {cost['peak_mb']:,.0f} "
                f"| {cost['largest_error']:.1e} |",
                flush=True,
            )


def network_errors(workspace: Path) -> dict[str, tuple[float, float, float, float]]:
    """Seconds an offer, largest error of a sum, and typical error of a share of P(agent) and
    P(purchase), by contender.
    """
    import shap  # noqa: PLC0415 - it takes seconds to import, and only this table needs it

    network, _ = read_network(ModelStore(workspace, "multitask").open())
    with Lake(workspace / "lake").connect(RELATIONS) as connection:
        offers = read_offers(connection, "first_quote")
    rng = np.random.default_rng(0)
    background, values = (
        values_of(offer_inputs(offers.take(rng.choice(offers.num_rows, n))))
        for n in (N_BACKGROUND, N_NETWORK_OFFERS)
    )

    def said(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        rows = rows.astype(np.float32)
        return np.column_stack(
            log_odds(
                network,
                Inputs(*np.split(rows[:, :-1], [len(feature_names())], axis=1), rows[:, -1]),
            )
        )

    # What many more orders to the same offers say; its own error is a ninth of one run's.
    many = [
        take_apart(network, np.tile(background, (8, 1)), values, seed) for seed in range(100, 110)
    ]
    truth = np.mean([[part.values for part in parts] for parts in many], axis=0)
    started = time.perf_counter()
    own = np.stack([part.values for part in take_apart(network, background, values, 1)])
    own_s, base = time.perf_counter() - started, said(background).mean(axis=0)
    explainer = shap.PermutationExplainer(
        said, shap.maskers.Independent(background, max_samples=len(background)), seed=1
    )
    started = time.perf_counter()
    theirs = np.moveaxis(explainer(values, silent=True).values, 2, 0)
    shap_s = time.perf_counter() - started
    found = {}
    for name, shares, seconds in (
        ("PHANTOM, walks between offers", own, own_s),
        ("shap.PermutationExplainer", theirs, shap_s),
    ):
        sums = np.abs(base + shares.sum(axis=2).T - said(values)).max()
        agent, purchase = np.sqrt(((shares - truth) ** 2).mean(axis=(1, 2)))
        found[name] = seconds / len(values), float(sums), float(agent), float(purchase)
    return found


def print_network(settings: Settings) -> None:
    """Cost and exactness of what is said of the network."""
    train_multitask(settings, open_lake(settings), now_ms=time.time_ns() // 1_000_000)
    print(
        "\n| contender | ms an offer | largest error of a sum | error of a share, agent | "
        "purchase |\n|---|---|---|---|---|"
    )
    for name, (seconds, sums, agent, purchase) in network_errors(settings.workspace).items():
        print(
            f"| {name} | {1_000 * seconds:,.0f} | {sums:.1e} | {agent:.3f} | {purchase:.3f} |",
            flush=True,
        )


def print_kept(workspace: Path, more: Path) -> None:
    """What trees keep when they learn from few sessions, and from many more than a shop labels."""
    teacher = classifier_of(workspace)
    values = features_of(more, teacher.names)
    judged = values[: len(values) // 4]
    rest = values[len(values) // 4 :]
    few, many = (kept_by_depth(teacher, learned, judged) for learned in (rest[:FEW], rest))
    print(
        f"\n| depth | R², {FEW:,} sessions learned from | leaves | R², {len(rest):,} sessions | "
        "leaves |\n|---|---|---|---|---|"
    )
    for depth in DEPTHS:
        (few_leaves, few_r2), (many_leaves, many_r2) = few[depth], many[depth]
        print(f"| {depth} | {few_r2:.3f} | {few_leaves} | {many_r2:.3f} | {many_leaves} |")


def main() -> None:
    """Run everything and print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, nargs="+", default=[100_000, 300_000])
    parser.add_argument(
        "--more", type=int, default=40_000, help="fresh sessions for the second table"
    )
    parser.add_argument("--seed", type=int, default=20_261)
    parser.add_argument("--worker", choices=[PHANTOM, SHAP], help=argparse.SUPPRESS)
    parser.add_argument("--workspace", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        print(json.dumps(explain_once(asked.workspace, asked.worker, asked.sessions[0])))
        return
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "demo"
        settings = filled(workspace, 5_000, asked.seed)
        train_classifier(settings, Lake(workspace / "lake"), now_ms=time.time_ns() // 1_000_000)
        data = hashlib.sha256(
            features_of(workspace, classifier_of(workspace).names).tobytes()
        ).hexdigest()[:12]
        print_network(settings)
        print_costs(workspace, asked.sessions)
        filled(Path(folder) / "more", asked.more, asked.seed + 1)
        print_kept(workspace, Path(folder) / "more")
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    machine = (
        f"{platform.machine()}, {platform.system()}; {datetime.now(UTC):%Y-%m-%d}; Python "
        f"{platform.python_version()}; {libraries}"
    )
    print(
        f"\n{machine}. Seeds {asked.seed}, {asked.seed + 1}; SHA-256 of the encoded features "
        f"{data}."
    )


if __name__ == "__main__":
    main()
