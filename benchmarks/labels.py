"""Labels: what a classifier is worth without labels, with few, and with wrong ones.

The demo set, whose labels are hidden or changed; every score is of actors that its model did not
see, and is measured against the true labels.

Run: python -m benchmarks.labels [--sessions 5000] [--seeds 10] [--json]
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.stats import t

from benchmarks.machine import machine
from phantom_core.core.arrays import Floats, Ints
from phantom_core.core.estimate import Estimate
from phantom_core.core.settings import Settings
from phantom_core.evaluation.ranking import auc_difference, rank_scores, roc_auc
from phantom_core.features.catalogue import feature_names
from phantom_core.features.store import FeatureStore
from phantom_core.labelling.label_audit import audit_labels
from phantom_core.labelling.label_model import LabelModel, fit_label_model
from phantom_core.labelling.label_queue import order_by_worth
from phantom_core.labelling.positive_unlabelled import learn_from_known_agents
from phantom_core.labelling.quick_fit import ROUNDS, quick_cross_fit
from phantom_core.labelling.weak_rules import ABSTAIN, Votes, cast_votes
from phantom_core.labelling.weak_start import weak_share
from phantom_core.lake.lake import open_lake
from phantom_core.model_store.store import file_digest
from phantom_core.models.classifier import LabelledRows, classifier_margin, fit_classifier
from phantom_core.models.encoding import encode_features
from phantom_core.models.splits import actor_codes, make_folds
from phantom_core.use_cases.data.demo import load_demo

SEED: Final = 20_261
NOW_MS: Final = 1_772_452_800_000
N_FOLDS: Final = 5
SHARES: Final = (0.01, 0.05, 0.15)
NOISE: Final = (0.0, 0.05, 0.15)
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Shop:
    """The demo set: rows with true labels, votes of weak rules, and prices at stake."""

    rows: LabelledRows
    votes: Votes
    at_stake: Floats
    sha256: str


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=5_000)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    started_s = time.perf_counter()
    shop = load_shop(chosen.sessions)
    seeds = range(SEED, SEED + chosen.seeds)
    found: dict[str, Any] = {
        "data": f"demo set, {chosen.sessions:,} sessions",
        "sha256": shop.sha256,
        "seeds": f"{seeds[0]} to {seeds[-1]}",
        "machine": machine(["numpy", "xgboost-cpu", "duckdb"]),
        "without_labels": without_labels(shop),
        "few_labels": few_labels(shop, seeds),
        "wrong_labels": wrong_labels(shop, seeds),
    }
    found["seconds"] = round(time.perf_counter() - started_s, 1)
    print(json.dumps(found) if chosen.json else "\n".join(tables(found)))


def load_shop(n_sessions: int) -> Shop:
    """The demo set."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            workspace=Path(folder), demo_sessions=n_sessions, seed=SEED, redis_url="",
            database_url="",
        )  # fmt: skip
        load_demo(settings, now_ms=NOW_MS)
        lake = open_lake(settings)
        matrix = FeatureStore(lake).matrix().sort_by("session_key")
        with lake.connect(("events",)) as connection:
            votes = cast_votes(connection, matrix)
    is_agent = matrix["is_agent"].to_numpy().astype(np.bool_)
    names = feature_names()
    rows = LabelledRows(encode_features(matrix, names), names, is_agent, actor_codes(matrix))
    content = np.column_stack([votes.session_key, is_agent, rows.groups]).astype("<i8").tobytes()
    return Shop(rows, votes, price_at_stake(matrix), file_digest(content))


def price_at_stake(matrix: pa.Table) -> Floats:
    """What was paid, else the highest price seen by a session that filled a cart, else a tenth."""
    price = encode_features(matrix, ["max_price_seen", "cart_adds"]).astype(np.float64)
    paid = np.nan_to_num(matrix["total_revenue"].to_numpy().astype(np.float64))
    return np.where(paid > 0, paid, price[:, 0] * np.where(price[:, 1] > 0, 1.0, 0.1))


def without_labels(shop: Shop) -> list[dict[str, Any]]:
    """ROC-AUC of what can be had without one label, beside all labels and single rules."""
    rows, rng = shop.rows, np.random.default_rng(SEED)
    truth, groups = rows.is_agent, rows.groups
    fold = make_folds(groups, truth, N_FOLDS, np.random.default_rng(SEED))
    model = fit_label_model(shop.votes)
    left = [name for name in rows.names if name not in shop.votes.reads]
    tool = (shop.votes.cast[:, column(shop, "declared_tool")] != ABSTAIN).astype(np.bool_)
    known = learn_from_known_agents(replace(rows, is_agent=tool), seed=SEED)
    name, best = best_rule(shop)
    supervised = out_of_fold(rows, fold)
    velocity = np.nan_to_num(rows.only(["interaction_velocity"]).values[:, 0].astype(np.float64))
    scores: dict[str, Floats] = {
        "all labels": supervised,
        "weak rules, then the classifier": out_of_fold(weak_rows(rows, model), fold),
        "… without features that rules read": out_of_fold(weak_rows(rows, model).only(left), fold),
        "all labels, without these features": out_of_fold(rows.only(left), fold),
        "weak rules alone (label model)": model.probability,
        "known agents alone (declared tools)": known.probability,
        f"best single rule by truth: {name}": best,
        "events per minute": velocity,
    }
    return [
        {
            "what": what,
            "roc_auc": listed(rank_scores(truth, score, groups, rng).roc_auc),
            "behind": listed(auc_difference(truth, (score, supervised), groups, rng)),
        }
        for what, score in scores.items()
    ]


def column(shop: Shop, name: str) -> int:
    """Column of a rule."""
    return [rule.name for rule in shop.votes.rules].index(name)


def best_rule(shop: Shop) -> tuple[str, Floats]:
    """The rule that ranks best, chosen by the true labels, which flatters it."""
    scores = {
        rule.name: (shop.votes.cast[:, k] != ABSTAIN) * (1.0 if rule.says == "agent" else -1.0)
        for k, rule in enumerate(shop.votes.rules)
    }
    name = max(scores, key=lambda one: roc_auc(shop.rows.is_agent, scores[one]))
    return name, scores[name]


def weak_rows(
    rows: LabelledRows, model: LabelModel, given: Bools | None = None, share: float = 1.0
) -> LabelledRows:
    """Rows with weak labels instead of true ones, except where these are given."""
    weak = np.where(model.is_covered, np.abs(2 * model.probability - 1), 0.0)
    told = np.zeros(weak.size, np.bool_) if given is None else given
    return replace(
        rows,
        is_agent=np.where(told, rows.is_agent, model.probability >= 0.5),
        weight=np.where(told, 1.0, share * weak) + 1e-9,
    )


def out_of_fold(rows: LabelledRows, fold: Ints) -> Floats:
    """Log-odds by models that did not see the actor."""
    return quick_cross_fit(rows, fold, seed=SEED)


def few_labels(shop: Shop, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """Share of the AUC with all labels, by labels chosen at the desk or at random."""
    curves: dict[tuple[str, float], list[float]] = {}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        test = make_folds(shop.rows.groups, shop.rows.is_agent, N_FOLDS, rng) == 0
        everything = auc_on(shop.rows[~test], shop.rows[test], seed)
        curves.setdefault(("all labels", 1.0), []).append(everything)
        for way in ("desk", "random"):
            for share, auc in labelled_by(way, shop, test, seed):
                curves.setdefault((way, share), []).append(auc)
    full = np.array(curves["all labels", 1.0])
    return [
        {
            "chosen": way,
            "labels": share,
            "roc_auc": listed(mean_of(np.array(auc))),
            "of_full": listed(mean_of(np.array(auc) / full)),
        }
        for (way, share), auc in curves.items()
    ]


def labelled_by(way: str, shop: Shop, test: Bools, seed: int) -> Iterator[tuple[float, float]]:
    """AUC on the test actors after each share of the other sessions is labelled."""
    pool, rng = shop.rows[~test], np.random.default_rng(seed)
    votes = Votes(shop.votes.session_key[~test], shop.votes.rules, shop.votes.cast[~test])
    model, n = fit_label_model(votes), len(pool.is_agent)
    told, step = np.zeros(n, np.bool_), round(SHARES[0] * n)
    order = rng.permutation(n)
    margin = classifier_margin(fit_classifier(weak_rows(pool, model), ROUNDS, seed=seed),
                               pool.values)  # fmt: skip
    for number in range(1, round(SHARES[-1] / SHARES[0]) + 1):
        if way == "desk":
            p = 1 / (1 + np.exp(-margin))
            queue = order_by_worth(pool.values, p, shop.at_stake[~test], told, step, rng)
            told[queue.row] = True
        else:
            told[order[: number * step]] = True
        rows = as_trained(pool, model, told)
        is_asked = any(np.isclose(number * SHARES[0], share) for share in SHARES)
        if is_asked or way == "desk":
            booster = fit_classifier(rows, ROUNDS, seed=seed)
            margin = classifier_margin(booster, pool.values)
        if is_asked:
            score = classifier_margin(booster, shop.rows.values[test])
            yield round(number * SHARES[0], 4), roc_auc(shop.rows.is_agent[test], score)


def as_trained(pool: LabelledRows, model: LabelModel, told: Bools) -> LabelledRows:
    """What `train classifier` learns from: given labels, and weak ones beside them."""
    return weak_rows(pool, model, told, weak_share(int(told.sum())))


def auc_on(training: LabelledRows, test: LabelledRows, seed: int) -> float:
    """ROC-AUC on other actors."""
    booster = fit_classifier(training, ROUNDS, seed=seed)
    return roc_auc(test.is_agent, classifier_margin(booster, test.values))


def wrong_labels(shop: Shop, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """Planted wrong labels of actors: how many are estimated and found, and what removal gains."""
    return [planted(shop, noise, seeds) for noise in NOISE]


def planted(shop: Shop, noise: float, seeds: Sequence[int]) -> dict[str, Any]:
    """One level of noise over all seeds."""
    found = np.array([one_planting(shop, noise, seed) for seed in seeds])
    names = ("planted", "estimated", "covered", "found", "precise", "raw", "audited", "clean")
    figures = dict(zip(names, found.T, strict=True))
    return {
        "noise": noise,
        "estimated": listed(mean_of(figures["estimated"])),
        "intervals_that_hold": f"{int(figures['covered'].sum())} of {len(found)}",
        "found": listed(mean_of(figures["found"])),
        "precision": listed(mean_of(figures["precise"])),
        "roc_auc_raw": listed(mean_of(figures["raw"])),
        "roc_auc_audited": listed(mean_of(figures["audited"])),
        "roc_auc_clean": listed(mean_of(figures["clean"])),
        "gain": listed(mean_of(figures["audited"] - figures["raw"])),
    }


def one_planting(shop: Shop, noise: float, seed: int) -> tuple[float, ...]:
    """Flip the labels of some actors, audit, and train with and without the suspects."""
    rng, rows = np.random.default_rng(seed), shop.rows
    flipped = (rng.random(int(rows.groups.max()) + 1) < noise)[rows.groups]
    noisy = replace(rows, is_agent=rows.is_agent ^ flipped)
    fold = make_folds(rows.groups, noisy.is_agent, N_FOLDS, rng)
    margin = out_of_fold(noisy, fold)
    audit = audit_labels(noisy.is_agent, margin, rows.groups, rng)
    suspect = audit.is_suspect
    weight = np.where(suspect, 1e-9, 1.0)
    audited = out_of_fold(replace(noisy, weight=weight), fold)
    clean = out_of_fold(rows, fold)
    share = float(np.mean(flipped[first_of_actor(rows.groups)]))
    hit = float((suspect & flipped).sum())
    return (
        share,
        audit.wrong.value,
        float(audit.wrong.low <= share <= audit.wrong.high),
        hit / flipped.sum() if flipped.any() else np.nan,
        hit / suspect.sum() if suspect.any() else np.nan,
        *(roc_auc(rows.is_agent, score) for score in (margin, audited, clean)),
    )


def first_of_actor(groups: Ints) -> Ints:
    """A row of each actor."""
    return np.unique(groups, return_index=True)[1]


def mean_of(values: Floats) -> Estimate:
    """Mean over seeds with its 95 % interval by Student's t."""
    known = values[~np.isnan(values)]
    if known.size < 2:
        return Estimate(float(known.mean()) if known.size else np.nan, np.nan, np.nan)
    reach = t.ppf(0.975, known.size - 1) * known.std(ddof=1) / np.sqrt(known.size)
    return Estimate(float(known.mean()), float(known.mean() - reach), float(known.mean() + reach))


def listed(found: Estimate) -> list[float]:
    """Value, low, high."""
    return [round(float(one), 4) for one in (found.value, found.low, found.high)]


def shown(figures: Sequence[float]) -> str:
    """A figure with its interval."""
    value, low, high = figures
    return "–" if np.isnan(value) else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def tables(found: dict[str, Any]) -> Iterator[str]:
    """The figures as Markdown."""
    yield f"{found['data']}, SHA-256 {found['sha256'][:12]}; seeds {found['seeds']}; "
    yield f"{found['seconds']} s; {found['machine']}"
    yield "\n| without labels | ROC-AUC | against all labels |\n|---|---|---|"
    for row in found["without_labels"]:
        yield f"| {row['what']} | {shown(row['roc_auc'])} | {shown(row['behind'])} |"
    yield "\n| labels | chosen | ROC-AUC | of that with all |\n|---|---|---|---|"
    for row in sorted(found["few_labels"], key=lambda one: one["labels"]):
        yield (
            f"| {row['labels']:.0%} | {row['chosen']} | {shown(row['roc_auc'])} | "
            f"{shown(row['of_full'])} |"
        )
    yield "\n| planted | estimated | interval holds | found | precision | raw | audited | clean |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in found["wrong_labels"]:
        yield (
            f"| {row['noise']:.0%} | {shown(row['estimated'])} | {row['intervals_that_hold']} | "
            f"{shown(row['found'])} | {shown(row['precision'])} | {shown(row['roc_auc_raw'])} | "
            f"{shown(row['roc_auc_audited'])} | {shown(row['roc_auc_clean'])} |"
        )


if __name__ == "__main__":
    main()
