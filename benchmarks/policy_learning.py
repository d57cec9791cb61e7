"""Rules learned for money on generated shops, judged on shoppers that nothing had met.

Each seed is a shop of its own: demo sessions with randomised prices, a classifier, learned rules.
The session market then prices as many sessions of other shoppers with the learned rules, the bands,
an imitation tree and, had every class been known, a price for each class.

Run from the repository's root: python -m benchmarks.policy_learning [--sessions N] [--unmet N]
[--seeds N] [--json]
"""

import argparse
import hashlib
import json
import tempfile
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from phantom_core.core.settings import Settings
from phantom_core.lake.lake import open_lake
from phantom_core.model_store.store import ModelStore
from phantom_core.models.saved_classifier import read_quote_classifier
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.text import format_rules
from phantom_core.session_market.market import (
    BANDS,
    NO_MARKUP,
    ClassifierScorer,
    RuleQuote,
    run_sessions,
    sums_of,
)
from phantom_core.session_market.result import SessionFigures, Sums, compare_results
from phantom_core.shoppers.generate import generate_sessions
from phantom_core.use_cases.data.demo import load_demo
from phantom_core.use_cases.explanations.distil import distil_rules
from phantom_core.use_cases.models.train_classifier import train_classifier
from phantom_core.use_cases.rules.learn_policy import learn_policy

FIRST_SEED = 20_261
LIBRARIES = ("xgboost-cpu", "numpy", "scikit-learn")
# Agents at these prices and humans at the base price: the bound at some leakage.
BOUND_RATIOS = (1.03, 1.04, 1.05, 1.06, 1.08)


@dataclass(frozen=True, slots=True)
class Change:
    """A relative change against base prices for all, with its paired 95 % interval, in percent."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:+.1f} [{self.low:+.1f}, {self.high:+.1f}]"


def changes_of(base: SessionFigures, versus: SessionFigures) -> dict[str, Change]:
    """Changes of revenue, leakage and human conversion."""
    found = {}
    for name in ("revenue", "leakage", "human_conversion"):
        scale, difference = getattr(base, name).value, getattr(versus, name)
        found[name] = Change(
            *(100 * end / scale for end in (difference.value, difference.low, difference.high))
        )
    return found


def shop(folder: Path, sessions: int, seed: int) -> tuple[Settings, dict[str, RuleSet], float]:
    """A shop with a classifier, its rules and its imitation tree, and seconds of learning."""
    settings, now_ms = (
        Settings(workspace=folder, demo_sessions=sessions, seed=seed),
        1_772_452_800_000,
    )
    load_demo(settings, now_ms=now_ms)
    train_classifier(settings, open_lake(settings), now_ms=now_ms)
    imitation = distil_rules(settings, open_lake(settings), now_ms=now_ms)
    start_s = time.perf_counter()
    learned = learn_policy(settings, now_ms=now_ms)
    seconds = time.perf_counter() - start_s
    return (
        settings,
        {
            "learned": replace(learned.rules, name="learned"),
            "bands": BANDS,
            "imitation": replace(imitation.rules, name="imitation"),
        },
        seconds,
    )


def judge(
    settings: Settings, rule_sets: dict[str, RuleSet], unmet: int, seed: int
) -> dict[str, dict[str, Change]]:
    """Changes of every policy on sessions of other shoppers."""
    scorer = ClassifierScorer(
        read_quote_classifier(ModelStore(settings.workspace, "classifier").open())
    )
    sums: dict[str, Sums] = {}
    for name, rules in {"none": NO_MARKUP, **rule_sets}.items():
        shoppers, decisions = run_sessions(partial(RuleQuote, rules, scorer), unmet, seed)
        sums[name] = sums_of(shoppers, decisions)
        if name == "none":
            is_agent = shoppers.is_agent[shoppers.population.actor[decisions.visit]]
            for ratio in BOUND_RATIOS:
                price = decisions.base_price * np.where(is_agent, ratio, 1.0)
                sums[f"every class known, agents ×{ratio:.2f}"] = sums_of(
                    shoppers, replace(decisions, price=price)
                )
    found = compare_results(sums, "none", np.random.default_rng(seed))
    base = found["none"].figures
    return {
        name: changes_of(base, result.vs_none) for name, result in found.items() if name != "none"
    }


def data_hash(sessions: int, seed: int) -> str:
    """Of the first shop's quotes."""
    prices = generate_sessions(sessions, seed).quotes["price"].to_numpy()
    return hashlib.sha256(prices.tobytes()).hexdigest()[:12]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=5_000)
    parser.add_argument("--unmet", type=int, default=8_000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    about, data = machine(LIBRARIES), data_hash(asked.sessions, FIRST_SEED)
    shops: dict[int, dict[str, object]] = {}
    for seed in range(FIRST_SEED, FIRST_SEED + asked.seeds):
        with tempfile.TemporaryDirectory() as folder:
            settings, rule_sets, seconds = shop(Path(folder) / "shop", asked.sessions, seed)
            found = judge(settings, rule_sets, asked.unmet, 900_000 + seed)
        shops[seed] = {
            "learning_s": round(seconds, 1),
            "rules": format_rules(rule_sets["learned"]),
            "policies": {
                name: {key: vars_of(one) for key, one in changes.items()}
                for name, changes in found.items()
            },
        }
        if not asked.json:
            print(
                f"seed {seed}: learned in {seconds:.1f} s, {len(rule_sets['learned'].rules)} rules"
            )
            for name, changes in found.items():
                print(
                    f"  {name:<36}",
                    "  ".join(f"{key} {one}" for key, one in changes.items()),
                    flush=True,
                )
    if asked.json:
        print(json.dumps({"machine": about, "data": data, "shops": shops}, indent=1))
    else:
        print(about, "data", data)


def vars_of(change: Change) -> dict[str, float]:
    """A change as plain values."""
    return {"value": change.value, "low": change.low, "high": change.high}


if __name__ == "__main__":
    main()
