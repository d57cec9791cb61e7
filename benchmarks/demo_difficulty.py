"""Difficulty of the demo set: trivial rules, single features, and the classifier on grouped folds,
compared with the generator's ground truth.

Run from the repository's root: python -m benchmarks.demo_difficulty [--seed 20261] [--sessions
5000]
"""

import argparse
import hashlib
import platform
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from phantom_core.core.estimate import Estimate
from phantom_core.core.settings import Settings
from phantom_core.evaluation.baselines import velocity_rule
from phantom_core.evaluation.ranking import Ranking, rank_scores, roc_auc
from phantom_core.features.catalogue import CATEGORIES, feature_names
from phantom_core.features.catalogue import FAMILIES as FEATURE_FAMILIES
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import open_lake
from phantom_core.models.classifier import LabelledRows
from phantom_core.models.cross_fit import cross_fit
from phantom_core.models.encoding import encode_features
from phantom_core.models.splits import actor_codes, make_folds
from phantom_core.shoppers.families import FAMILIES
from phantom_core.shoppers.generate import Generated, generate_sessions
from phantom_core.use_cases.data.demo import load_demo

N_FOLDS = 5
N_RESAMPLES = 300


@dataclass(frozen=True, slots=True)
class DemoSet:
    """The demo set as classifier input, with its ground truth.

    Attributes:
        generated: output of the generator.
        matrix: one row per session, from the feature store.
        is_agent: labels, shape (n_sessions,).
        groups: actors, shape (n_sessions,).
        fold: grouped by actor, shape (n_sessions,).
    """

    generated: Generated
    matrix: pa.Table
    is_agent: NDArray[np.bool_]
    groups: NDArray[np.int64]
    fold: NDArray[np.int64]

    def column(self, name: str) -> NDArray[np.float64]:
        """A feature as numbers; NaN where undefined."""
        return encode_features(self.matrix, [name])[:, 0].astype(np.float64)

    def words(self, name: str) -> NDArray[np.str_]:
        """A column of text."""
        return np.array(self.matrix[name].to_pylist())


def load(settings: Settings) -> DemoSet:
    """Generate the demo set, load it like any file, and compute its features.

    Args:
        settings: seed and size; the workspace must be empty.
    """
    load_demo(settings, now_ms=time.time_ns() // 1_000_000)
    matrix = FeatureStore(open_lake(settings)).matrix()
    is_agent = matrix["is_agent"].to_numpy().astype(bool)
    groups = actor_codes(matrix)
    fold = make_folds(groups, is_agent, N_FOLDS, np.random.default_rng(settings.seed))
    return DemoSet(
        generate_sessions(settings.demo_sessions, settings.seed), matrix, is_agent, groups, fold
    )


def rule_of_five(demo: DemoSet) -> tuple[float, float]:
    """Precision and recall of "more than five events a minute is an agent"."""
    rule = velocity_rule(
        demo.column("interaction_velocity"), demo.is_agent, demo.groups, np.random.default_rng(0)
    )
    return rule.precision or 0.0, rule.recall or 0.0


def single_feature_aucs(demo: DemoSet) -> dict[str, float]:
    """ROC-AUC of each feature alone, the best over both directions and both places for NULL, in
    descending order.

    A category is ranked by its share of agents.
    """
    found = {name: max(_aucs(demo, name)) for name in feature_names()}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _aucs(demo: DemoSet, name: str) -> Iterable[float]:
    values = demo.column(name)
    if name in CATEGORIES:
        known = np.nan_to_num(values, nan=-1.0)
        values = np.array([demo.is_agent[known == value].mean() for value in known])
    for fill in (-np.finfo(float).max, np.finfo(float).max):
        auc = roc_auc(demo.is_agent, np.nan_to_num(values, nan=fill))
        yield max(auc, 1.0 - auc)


def telling_user_agents(demo: DemoSet) -> tuple[float, float]:
    """Share of sessions whose user agent names a tool or a headless browser: among agents, among
    humans.
    """
    tells = (demo.column("is_headless_browser") == 1) | (demo.column("is_automation_tool") == 1)
    return float(tells[demo.is_agent].mean()), float(tells[~demo.is_agent].mean())


def out_of_fold(
    demo: DemoSet, without: Iterable[str] = (), unseen: str = ""
) -> NDArray[np.float64]:
    """Log-odds of the classifier on grouped folds.

    Args:
        demo: the sessions.
        without: feature families to leave out.
        unseen: a held-out family of shoppers; none when empty.
    """
    features = feature_names(without)
    rows = LabelledRows(
        encode_features(demo.matrix, features), features, demo.is_agent, demo.groups
    )
    return cross_fit(rows, demo.fold, seed=0, may_learn=demo.words("family") != unseen).margin


def evaluate(
    demo: DemoSet, margin: NDArray[np.float64], rows: NDArray[np.bool_] | None = None
) -> Ranking:
    """Ranking figures with intervals over actors, of all sessions or of some."""
    chosen = np.ones(margin.size, bool) if rows is None else rows
    return rank_scores(
        demo.is_agent[chosen],
        margin[chosen],
        demo.groups[chosen],
        np.random.default_rng(0),
        N_RESAMPLES,
    )


def price_sensitivity(generated: Generated, *, is_agent: bool) -> tuple[float, float]:
    """Exponent s and its standard error, by logistic regression on the log price ratio of
    add-to-cart quotes.

    Args:
        generated: a set with its ground truth.
        is_agent: class of the shoppers.
    """
    truth = generated.truth
    rows = truth["considered"].to_numpy() & (truth["is_agent"].to_numpy() == is_agent)
    design = np.column_stack([np.ones(rows.sum()), np.log(truth["price_ratio"].to_numpy()[rows])])
    bought = truth["bought"].to_numpy()[rows]
    coefficients = np.zeros(2)
    for _ in range(25):
        p_buy = 1.0 / (1.0 + np.exp(-design @ coefficients))
        information = design.T @ (design * (p_buy * (1.0 - p_buy))[:, None])
        coefficients += np.linalg.solve(information, design.T @ (bought - p_buy))
    return float(-coefficients[1]), float(np.sqrt(np.linalg.inv(information)[1, 1]))


def _print(demo: DemoSet, settings: Settings) -> None:
    generated = demo.generated
    print(
        f"data sha256 {_digest(generated)[:16]}, seed {settings.seed}, {platform.machine()}, "
        f"Python {platform.python_version()}"
    )
    print(
        f"{generated.events.num_rows:,} events, {generated.quotes.num_rows:,} quotes, "
        f"{generated.experiments.num_rows:,} actors"
    )
    purchased = np.mean(demo.matrix["purchased"].to_numpy())
    print(
        f"{demo.is_agent.size:,} sessions, {demo.is_agent.mean():.1%} by agents, {purchased:.1%} "
        "with a purchase\n"
    )
    print("| without training | |\n|---|---|")
    precision, recall = rule_of_five(demo)
    print(f"| rule: more than 5 events a minute | precision {precision:.3f}, recall {recall:.3f} |")
    named, wrongly = telling_user_agents(demo)
    print(
        f"| user agent names a tool | {named:.1%} of agent sessions, {wrongly:.1%} of human ones |"
    )
    best = list(single_feature_aucs(demo).items())[:5]
    print(
        "| best single features, ROC-AUC | "
        f"{', '.join(f'{name} {auc:.3f}' for name, auc in best)} |\n"
    )
    _print_classifiers(demo)
    _print_purchases(generated)


def _print_classifiers(demo: DemoSet) -> None:
    print(
        "| XGBoost on grouped folds | ROC-AUC [95 %] | precision at 80 % recall [95 %] "
        "|\n|---|---|---|"
    )
    only_timing = [family for family in FEATURE_FAMILIES if family != "temporal"]
    whole = out_of_fold(demo)
    for label, margin in (
        ("all features", whole),
        ("without timing", out_of_fold(demo, ["temporal"])),
        ("without user agent", out_of_fold(demo, ["user_agent"])),
        ("timing alone", out_of_fold(demo, only_timing)),
    ):
        figures = evaluate(demo, margin)
        print(
            f"| {label} | {_interval(figures.roc_auc)} | "
            f"{_interval(figures.precision_at_recall_80)} |"
        )
    print(
        "\n| family, against all of the other class | sessions | ROC-AUC [95 %] | held out "
        "in training |\n|---|---|---|---|"
    )
    family = demo.words("family")
    for kind in FAMILIES:
        own = family == kind.name
        rows = own | (demo.is_agent != kind.is_agent)
        unseen = (
            _interval(evaluate(demo, out_of_fold(demo, unseen=kind.name), rows).roc_auc)
            if kind.is_agent
            else ""
        )
        who = f"{kind.name} ({'agent' if kind.is_agent else 'human'})"
        print(
            f"| {who} | {own.sum()} | {_interval(evaluate(demo, whole, rows).roc_auc)} | {unseen} |"
        )
    clean = _clean_purchases(demo)
    figures = evaluate(demo, whole, clean | ~demo.is_agent)
    print(
        f"| of recon_buyer: the clean purchase | {clean.sum()} | {_interval(figures.roc_auc)} | |"
    )


def _clean_purchases(demo: DemoSet) -> NDArray[np.bool_]:
    truth = demo.generated.truth
    closing = truth.filter((truth["visit"].to_numpy() == "closing") & truth["is_agent"].to_numpy())
    return np.isin(demo.words("session_id"), closing["sessionId"].unique().to_pylist())


def _print_purchases(generated: Generated) -> None:
    truth = generated.truth
    considered, bought = truth["considered"].to_numpy(), truth["bought"].to_numpy()
    print(
        f"\n| purchases | |\n|---|---|\n| quotes | considered {considered.mean():.2%}, bought "
        f"{bought.mean():.2%} |"
    )
    print(
        "| ROC-AUC of the true P(buy), a ceiling | "
        f"{roc_auc(bought, truth['p_buy'].to_numpy()):.3f} |"
    )
    print(
        f"| ROC-AUC of the price alone | {roc_auc(bought, -truth['price_ratio'].to_numpy()):.3f} |"
    )
    for is_agent, who in ((False, "humans, true 2"), (True, "agents, true 5")):
        s, error = price_sensitivity(generated, is_agent=is_agent)
        print(f"| s of {who} | {s:.2f} ± {error:.2f} (standard error) |")


def _interval(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _digest(generated: Generated) -> str:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, generated.events.schema) as stream:
        stream.write_table(generated.events.combine_chunks())
    return hashlib.sha256(sink.getvalue()).hexdigest()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=Settings().seed)
    parser.add_argument("--sessions", type=int, default=Settings().demo_sessions)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        chosen = Settings(workspace=Path(folder), seed=asked.seed, demo_sessions=asked.sessions)
        _print(load(chosen), chosen)
