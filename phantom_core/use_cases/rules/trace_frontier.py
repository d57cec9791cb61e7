"""Trace frontier: what every policy changes, and the learned rules of every λ, for a page."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import numpy as np

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.core.settings import Settings
from phantom_core.model_store.result_store import ResultStore
from phantom_core.policy_learning.constraints import PolicyConstraints
from phantom_core.policy_learning.frontier import PolicyFrontier, ReachedPoint, parse_frontier
from phantom_core.policy_learning.known_classes import (
    best_human_price,
    class_prices,
    price_classes,
    price_of_agents,
)
from phantom_core.policy_learning.learned_policy import rules_of_tree
from phantom_core.policy_learning.sweep import LEAKAGE_WEIGHTS, SweptPolicy
from phantom_core.policy_learning.target import Target
from phantom_core.rules.text import format_rules
from phantom_core.use_cases.rules.compared_policies import compared_policies
from phantom_core.use_cases.rules.learn_policy import Workshop, open_workshop
from phantom_core.use_cases.rules.policy_sample import WantedSource

FRONTIERS_KEPT: Final = 10


@requires(Permission.WORK)
def trace_frontier(
    settings: Settings,
    *,
    now_ms: int,
    target: Target | None = None,
    constraints: PolicyConstraints | None = None,
    source: WantedSource = "auto",
    seed: int | None = None,
    progress: Progress = no_progress,
) -> PolicyFrontier:
    """Work out what prices can reach on this shop, and save it.

    Args:
        settings: workspace, limits and default seed.
        now_ms: UTC milliseconds.
        target: what the shop would like to reach; None means the usual one.
        constraints: of learned rules; what they say of leakage does not count. None means the usual
            ones.
        source: recorded shoppers, simulated ones, or those where the log does not tell demand.
        seed: of everything random; None means the settings' one.
        progress: called throughout; nothing is saved after it cancels.
    Raises:
        DataError: no classifier is in use, or the log is wanted and does not tell demand.
        CancelledError: progress cancelled the work.
    """
    chosen_seed = settings.seed if seed is None else seed
    wish = target or Target()
    workshop = open_workshop(
        settings, constraints, source, chosen_seed, part_progress(progress, 0, 0.4)
    )
    swept = workshop.learner.sweep(progress=part_progress(progress, 0.4, 0.8))
    progress(0.8, "figures of every policy")
    found = PolicyFrontier(
        version=_version(now_ms, workshop),
        created_ms=now_ms,
        constraints=workshop.constraints,
        target=wish,
        points=(
            *_learned(workshop, swept, wish, part_progress(progress, 0.8, 0.95)),
            *_known_classes(settings, workshop, wish),
            *_others(settings, workshop),
        ),
        learned_from=workshop.learned_from,
    )
    store = frontier_store(settings)
    store.save(found.to_file(), found.version)
    for old in store.names()[FRONTIERS_KEPT:]:
        store.path(old).unlink(missing_ok=True)
    progress(1, f"traced {found.version}")
    return found


@requires(Permission.READ)
def frontier_store(settings: Settings) -> ResultStore:
    """Frontiers of a workspace, the newest FRONTIERS_KEPT of them."""
    return ResultStore(
        settings.paths.frontiers,
        "No frontier has been traced in this workspace yet.",
        "Trace one: python -m phantom_core rules frontier",
    )


@requires(Permission.READ)
def open_frontier(settings: Settings, version: str | None = None) -> PolicyFrontier:
    """A frontier; None means the newest.

    Raises:
        NotFoundError: there is none.
        DataError: its file is damaged.
    """
    store = frontier_store(settings)
    name = version or next(iter(store.names()), "none")
    return parse_frontier(store.read(name), str(store.path(name)))


def _learned(
    workshop: Workshop, swept: Sequence[SweptPolicy], target: Target, progress: Progress
) -> Iterator[ReachedPoint]:
    """The rules of every λ that spare humans, or come closest to it."""
    for done, weight in enumerate(LEAKAGE_WEIGHTS):
        progress(done / len(LEAKAGE_WEIGHTS), f"rules at λ = {weight:g}")
        one = _sparing([one for one in swept if one.rates.leakage_weight == weight], target)
        figures = workshop.judge.figures(one.ratio)
        name = f"lambda-{weight:g}"
        rules = rules_of_tree(workshop.tree(one.rates, figures.by_curves), name)
        yield ReachedPoint(
            "learned", name, f"Learned rules, λ = {weight:g}", weight, figures, format_rules(rules)
        )


def _sparing(swept: Sequence[SweptPolicy], target: Target) -> SweptPolicy:
    """Of the trees of one λ the one with the most revenue that spares humans, else the closest."""
    sparing = [one for one in swept if one.changes[2] >= -target.human_conversion_loss]
    if sparing:
        return min(sparing, key=lambda one: one.rates.conversion_weight)
    return max(swept, key=lambda one: float(one.changes[2]))


def _known_classes(
    settings: Settings, workshop: Workshop, target: Target
) -> Iterator[ReachedPoint]:
    """Prices by class at every λ, and those that just recover the target's leakage."""
    judge, curves = workshop.judge, workshop.sample.demand.curves
    ratios = judge.payoff.ratios
    prices = [
        class_prices(curves, ratios, settings.objective.reference_ratio, weight)
        for weight in LEAKAGE_WEIGHTS
    ]
    cutting = replace(
        prices[0],
        agent=price_of_agents(judge.payoff, -target.leakage_cut, is_at_least=True),
        human=best_human_price(curves, ratios),
        leakage_weight=float("nan"),
    )
    for one in sorted(
        {(one.agent, one.human): one for one in (*prices, cutting)}.values(),
        key=lambda one: one.agent,
    ):
        figures = judge.figures(price_classes(one.human, one.agent, judge.sample.p_agent))
        yield ReachedPoint(
            "known classes",
            f"known-{one.agent:.2f}-{one.human:.2f}",
            f"Every class known, agents ×{one.agent:.2f}, humans ×{one.human:.2f}",
            None if np.isnan(one.leakage_weight) else one.leakage_weight,
            figures,
        )


def _others(settings: Settings, workshop: Workshop) -> Iterator[ReachedPoint]:
    for one in compared_policies(settings, workshop.sample):
        figures = workshop.judge.figures(one.ratio)
        yield ReachedPoint("other", one.name, one.title, None, figures)


def _version(now_ms: int, workshop: Workshop) -> str:
    """A name that sorts by time and differs with the parameters."""
    about = repr((workshop.constraints, workshop.sample.lake_version, workshop.seed))
    created = datetime.fromtimestamp(now_ms / 1_000, UTC)
    return f"{created:%Y%m%d-%H%M%S}-{hashlib.sha256(about.encode()).hexdigest()[:6]}"
