"""Cost of contributions with and without shap, of trees and of the network, and the accuracy of
distilled trees by depth.

Run from the repository's root: python -m benchmarks.explain [--sessions 100000 300000] [--more
40000] [--seed 20261]
"""

import argparse
import hashlib
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
import xgboost as xgb
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeRegressor
from torch import Tensor, nn

from benchmarks.machine import peak_mb
from phantom_core.core.limits import GuardRails
from phantom_core.core.settings import Settings
from phantom_core.distil.markup import teacher_markup
from phantom_core.explain.explanation import OUTPUTS
from phantom_core.explain.network import COLUMNS, columns_read, read_columns, take_apart
from phantom_core.explain.shap_package import load_shap
from phantom_core.explain.trees import ExplainedTrees
from phantom_core.features.catalogue import feature_names
from phantom_core.features.offers.offers import RELATIONS, read_offers
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.model_store.store import ModelStore
from phantom_core.models.classifier import Classifier, classifier_margin
from phantom_core.models.encoding import encode_features, feature_types, spread_categories
from phantom_core.models.multitask.cross_fit import log_odds
from phantom_core.models.multitask.inputs import Inputs, offer_inputs, values_of
from phantom_core.models.multitask.network import Network
from phantom_core.models.multitask.saved import read_network
from phantom_core.models.saved_classifier import read_classifier
from phantom_core.models.torch_threads import one_thread
from phantom_core.use_cases.data.demo import load_demo
from phantom_core.use_cases.explanations.explain_network import N_BACKGROUND
from phantom_core.use_cases.models.train_classifier import train_classifier
from phantom_core.use_cases.models.train_multitask import train_multitask

PHANTOM, XGBOOST = "PHANTOM: shap.TreeExplainer, in chunks", "XGBoost alone, in one piece"
LIBRARIES = ("xgboost-cpu", "shap", "scikit-learn", "numpy")
GUARD_RAILS = GuardRails(0.7, 1.5)
DEPTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12)
LEAF_SESSIONS = 50
FEW = 4_000
N_NETWORK_OFFERS = 20
N_PAIRED = 100


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


def by_xgboost(
    classifier: Classifier, values: NDArray[np.float32], *, pairs: bool = False
) -> NDArray[np.float32]:
    """Contributions as XGBoost itself computes them, with the base in the last place.

    Args:
        classifier: the trees.
        values: encoded features, shape (n_rows, n_names).
        pairs: contributions of pairs of features instead.
    """
    matrix = xgb.DMatrix(
        values,
        feature_names=list(classifier.names),
        feature_types=feature_types(classifier.names),
        enable_categorical=True,
    )
    return classifier.booster.predict(matrix, pred_contribs=not pairs, pred_interactions=pairs)


def explain_once(workspace: Path, contender: str, n_sessions: int) -> dict[str, float]:
    """Explain so many sessions in this process: the demo's, over and over."""
    classifier = classifier_of(workspace)
    own = features_of(workspace, classifier.names)
    values = own[np.arange(n_sessions) % len(own)]
    started = time.process_time()
    if contender == PHANTOM:
        output = ExplainedTrees.of(classifier).contributions(values).output
    else:
        output = by_xgboost(classifier, values).sum(axis=1, dtype=np.float64)
    seconds = time.process_time() - started
    error = float(np.abs(output - classifier_margin(classifier.booster, values)).max())
    return {
        "seconds": seconds,
        "peak_mb": peak_mb(),
        "largest_error": error,
    }


def in_own_process(workspace: Path, contender: str, n_sessions: int) -> dict[str, float]:
    """The same in a process of its own, so that other memory does not count."""
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


def fit_by_depth(
    teacher: Classifier, learned: NDArray[np.float32], judged: NDArray[np.float32]
) -> dict[int, tuple[int, float]]:
    """Leaves and R² of CART trees of every depth, distilled from a classifier's mark-ups."""
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
        "| sessions | contender | CPU s | peak MB | largest error, log-odds "
        "|\n|---|---|---|---|---|"
    )
    for n_sessions in sizes:
        for contender in (PHANTOM, XGBOOST):
            cost = in_own_process(workspace, contender, n_sessions)
            print(
                f"| {n_sessions:,} | {contender} | {cost['seconds']:.1f} | {cost['peak_mb']:,.0f} "
                f"| {cost['largest_error']:.1e} |",
                flush=True,
            )


def in_turns(
    first: Callable[[], NDArray[np.floating]], second: Callable[[], NDArray[np.floating]], runs: int
) -> tuple[float, float, float]:
    """Median processor seconds of both, alternating, so that other load affects both; and their
    largest difference.
    """
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs):
        log_odds = []
        for contender, own in zip((first, second), seconds, strict=True):
            started = time.process_time()
            log_odds.append(contender())
            own.append(time.process_time() - started)
    difference = float(np.abs(log_odds[0] - log_odds[1]).max())
    return float(np.median(seconds[0])), float(np.median(seconds[1])), difference


def print_trees(workspace: Path) -> None:
    """Cost of shap for the classifier, and the difference of the results."""
    started = time.process_time()
    load_shap()
    print(f"shap is imported in {time.process_time() - started:.1f} s.\n")
    classifier = classifier_of(workspace)
    trees, values = ExplainedTrees.of(classifier), features_of(workspace, classifier.names)
    n_all, few = len(values), values[:N_PAIRED]
    off_diagonal = 2.0 - np.eye(len(trees.names))

    def own(n_rows: int) -> NDArray[np.floating]:
        return trees.contributions(values[:n_rows]).values

    def xgboost_alone(n_rows: int) -> NDArray[np.floating]:
        return by_xgboost(classifier, values[:n_rows])[:, :-1]

    def pairs_alone() -> NDArray[np.float64]:
        pairs = by_xgboost(classifier, few, pairs=True)[:, :-1, :-1]
        return np.asarray(np.abs(pairs).mean(axis=0, dtype=np.float64) * off_diagonal)

    print(
        "| what | PHANTOM: shap.TreeExplainer, CPU s | XGBoost alone, CPU s | ratio | largest "
        "difference |\n|---|---|---|---|---|"
    )
    for what, through_shap, alone, runs in (
        ("one session", lambda: own(1), lambda: xgboost_alone(1), 50),
        (f"{n_all:,} sessions", lambda: own(n_all), lambda: xgboost_alone(n_all), 3),
        (f"pairs, {N_PAIRED} sessions", lambda: trees.mean_interactions(few), pairs_alone, 3),
    ):
        by_shap, by_itself, difference = in_turns(through_shap, alone, runs)
        print(
            f"| {what} | {by_shap:.3f} | {by_itself:.3f} | {by_shap / by_itself:.2f} | "
            f"{difference:.1e} |",
            flush=True,
        )


@dataclass(frozen=True, slots=True, eq=False)
class NetworkTask:
    """Input of the network's explainers.

    Attributes:
        network: in evaluation mode.
        background: offers of the reference distribution, shape (N_BACKGROUND, len(COLUMNS)).
        values: offers to explain, shape (N_NETWORK_OFFERS, len(COLUMNS)).
    """

    network: Network
    background: NDArray[np.float32]
    values: NDArray[np.float32]

    @classmethod
    def of(cls, workspace: Path) -> "NetworkTask":
        """Offers of a workspace and its newest network."""
        network, _ = read_network(ModelStore(workspace, "multitask").open())
        with Lake(workspace / "lake").connect(RELATIONS) as connection:
            offers = read_offers(connection, "first_quote")
        rng = np.random.default_rng(0)
        background, values = (
            values_of(offer_inputs(offers.take(rng.choice(offers.num_rows, n))))
            for n in (N_BACKGROUND, N_NETWORK_OFFERS)
        )
        return cls(network, background, values)

    def log_odds(self, rows: NDArray[np.floating]) -> NDArray[np.float64]:
        """Both log-odds, shape (n_rows, 2)."""
        read = np.asarray(rows, np.float32)
        n, price = len(feature_names()), len(COLUMNS) - 1
        inputs = Inputs(read[:, :n], read[:, n:price], read[:, price])
        return np.column_stack(log_odds(self.network, inputs))

    def walks(self) -> NDArray[np.float64]:
        """The product's own method; shares have the shape (2, N_NETWORK_OFFERS, len(COLUMNS))."""
        parts = take_apart(self.network, self.background, self.values, 1)
        return np.stack([part.values for part in parts])

    def truth(self) -> NDArray[np.float64]:
        """Estimates from many more orders; their own error is a ninth of one run's."""
        many = np.tile(self.background, (8, 1))
        runs = [take_apart(self.network, many, self.values, seed) for seed in range(100, 110)]
        return np.asarray(np.mean([[part.values for part in parts] for parts in runs], axis=0))

    def permutations(self) -> NDArray[np.float64]:
        """Shap's permutations by default: each order is spent on the whole background."""
        return self._permuted(self.background, 1, max_evals=500)

    def permutations_by_offer(self) -> NDArray[np.float64]:
        """The walks built on shap: one order, both ways, to each offer of the background."""
        once = 2 * len(COLUMNS) + 1
        shares = [
            self._permuted(offer[None], seed, max_evals=once)
            for seed, offer in enumerate(self.background)
        ]
        return np.asarray(np.mean(shares, axis=0))

    def kernel(self) -> NDArray[np.float64]:
        """shap.KernelExplainer with its default number of coalitions."""
        explainer = load_shap().KernelExplainer(self.log_odds, self.background)
        np.random.seed(1)
        shares = explainer.shap_values(self.values, l1_reg=False, silent=True)
        return np.moveaxis(shares, 2, 0)

    def gradients(self) -> NDArray[np.float64]:
        """shap.GradientExplainer on the encoders' input, summed by column."""
        explainer = load_shap().GradientExplainer(
            _Scores(self.network), self._read(self.background)
        )
        found = explainer.shap_values(self._read(self.values), nsamples=8_000, rseed=1)
        shares = np.zeros((len(OUTPUTS), *self.values.shape))
        for part, columns in zip(found, columns_read(self.network), strict=True):
            for at, column in enumerate(columns.reshape(-1).tolist()):
                shares[:, :, column] += part[:, at].T
        return shares

    def _permuted(
        self, background: NDArray[np.float32], seed: int, *, max_evals: int
    ) -> NDArray[np.float64]:
        shap = load_shap()
        masker = shap.maskers.Independent(background, max_samples=len(background))
        explainer = shap.PermutationExplainer(self.log_odds, masker, seed=seed)
        return np.moveaxis(explainer(self.values, max_evals=max_evals, silent=True).values, 2, 0)

    def _read(self, rows: NDArray[np.float32]) -> list[Tensor]:
        session, product, price = read_columns(self.network, rows)
        return [session, product, price[:, None]]


class _Scores(nn.Module):
    """Both log-odds in one tensor, from what the encoders read."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, session: Tensor, product: Tensor, price: Tensor) -> Tensor:
        return torch.stack(self.network.score(session, product, price[:, 0]), dim=1)


def print_network(settings: Settings) -> None:
    """Cost and accuracy of the network's explanations."""
    train_multitask(settings, open_lake(settings), now_ms=time.time_ns() // 1_000_000)
    task = NetworkTask.of(settings.workspace)
    truth, base = task.truth(), task.log_odds(task.background).mean(axis=0)
    print(
        "\n| contender | CPU ms an offer | largest error of a sum | error of a share, agent | "
        "purchase |\n|---|---|---|---|---|"
    )
    for name, contender in (
        ("PHANTOM, walks between offers", task.walks),
        ("shap.PermutationExplainer, one for each offer", task.permutations_by_offer),
        ("shap.PermutationExplainer", task.permutations),
        ("shap.KernelExplainer", task.kernel),
        ("shap.GradientExplainer", task.gradients),
    ):
        with one_thread():
            started = time.process_time()
            shares = contender()
            ms = 1_000 * (time.process_time() - started) / len(task.values)
        sums = np.abs(base + shares.sum(axis=2).T - task.log_odds(task.values)).max()
        agent, purchase = np.sqrt(((shares - truth) ** 2).mean(axis=(1, 2)))
        print(f"| {name} | {ms:,.0f} | {sums:.1e} | {agent:.3f} | {purchase:.3f} |", flush=True)


def print_depths(workspace: Path, more: Path) -> None:
    """Accuracy of trees trained on few sessions, and on many more than a shop labels."""
    teacher = classifier_of(workspace)
    values = features_of(more, teacher.names)
    judged = values[: len(values) // 4]
    rest = values[len(values) // 4 :]
    few, many = (fit_by_depth(teacher, learned, judged) for learned in (rest[:FEW], rest))
    print(
        f"\n| depth | R², {FEW:,} training sessions | leaves | R², {len(rest):,} sessions | "
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
    parser.add_argument("--worker", choices=[PHANTOM, XGBOOST], help=argparse.SUPPRESS)
    parser.add_argument("--workspace", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(explain_once(options.workspace, options.worker, options.sessions[0])))
        return
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "demo"
        settings = filled(workspace, 5_000, options.seed)
        train_classifier(settings, Lake(workspace / "lake"), now_ms=time.time_ns() // 1_000_000)
        data = hashlib.sha256(
            features_of(workspace, classifier_of(workspace).names).tobytes()
        ).hexdigest()[:12]
        print_trees(workspace)
        print_network(settings)
        print()
        print_costs(workspace, options.sessions)
        filled(Path(folder) / "more", options.more, options.seed + 1)
        print_depths(workspace, Path(folder) / "more")
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    machine = (
        f"{platform.machine()}, {platform.system()}; {datetime.now(UTC):%Y-%m-%d}; Python "
        f"{platform.python_version()}; {libraries}"
    )
    print(
        f"\n{machine}. Seeds {options.seed}, {options.seed + 1}; SHA-256 of the encoded features "
        f"{data}."
    )


if __name__ == "__main__":
    main()
