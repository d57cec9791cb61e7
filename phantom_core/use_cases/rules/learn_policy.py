"""Learn policy: rules for money from recorded quotes, judged on actors they did not learn from."""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import numpy as np

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals.limits import read_banned_features, read_price_limits
from phantom_core.core.errors import InputError
from phantom_core.core.estimate import normal_interval
from phantom_core.core.limits import PriceLimits
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.core.settings import Settings
from phantom_core.distil.tree import Node
from phantom_core.features.catalogue import feature_names
from phantom_core.features.domains import P_AGENT
from phantom_core.model_store.result_store import ResultStore
from phantom_core.policy_learning.constraints import PolicyConstraints
from phantom_core.policy_learning.known_classes import price_classes, price_of_agents
from phantom_core.policy_learning.learned_policy import (
    ComparedPolicy,
    LearnedFrom,
    LearnedPolicy,
    parse_learned,
)
from phantom_core.policy_learning.money_tree import condition_tree, with_figures
from phantom_core.policy_learning.payoff import candidate_ratios, measure_payoff
from phantom_core.policy_learning.policy_figures import Changes, Judge
from phantom_core.policy_learning.rounding import Rounder
from phantom_core.policy_learning.selection import choose_policy
from phantom_core.policy_learning.sweep import ExchangeRates, Learner
from phantom_core.rules.rule_set import RuleSet
from phantom_core.use_cases.rules.compared_policies import PricedPolicy, compared_policies
from phantom_core.use_cases.rules.live_rules import is_anything_live, open_live
from phantom_core.use_cases.rules.policy_sample import (
    PolicySample,
    WantedSource,
    read_policy_sample,
)

# Rules that read the prices they set would feed back on themselves, and randomised prices spread
# wider than those of any rules.
PRICE_FEATURES: Final = (
    "avg_price_seen",
    "min_price_seen",
    "max_price_seen",
    "std_price_seen",
    "price_range_explored",
)
BOUND: Final = "known_classes"


@requires(Permission.WORK)
def learn_policy(
    settings: Settings,
    *,
    now_ms: int,
    constraints: PolicyConstraints | None = None,
    source: WantedSource = "log",
    seed: int | None = None,
    progress: Progress = no_progress,
) -> LearnedPolicy:
    """Learn the rules with the most revenue that keep what is asked, and save them.

    Args:
        settings: workspace, limits and default seed.
        now_ms: UTC milliseconds.
        constraints: None means those of `usual_constraints`.
        source: recorded shoppers, or simulated ones.
        seed: of the resamples; None means the settings' one.
        progress: called throughout; nothing is saved after it cancels.
    Raises:
        DataError: the log does not identify what prices change, or no rules keep what is asked.
        InputError: constraints that contradict the limits in force.
        CancelledError: progress cancelled the work.
    """
    workshop = open_workshop(
        settings,
        constraints,
        source,
        settings.seed if seed is None else seed,
        part_progress(progress, 0, 0.6),
    )
    swept = workshop.learner.sweep(progress=part_progress(progress, 0.6, 0.9))
    progress(0.9, "choosing rules that keep what is asked")
    chosen = choose_policy(swept, workshop.judge, workshop.constraints)
    progress(0.95, "comparing with other policies")
    others = (
        *compared_policies(settings, workshop.sample),
        workshop.bound(chosen.figures.by_curves.leakage.value),
    )
    learned = LearnedPolicy(
        version=_version(now_ms, workshop, chosen.swept.rates),
        created_ms=now_ms,
        constraints=workshop.constraints,
        rates=chosen.swept.rates,
        tree=workshop.tree(chosen.swept.rates, chosen.figures.by_curves),
        figures=chosen.figures,
        learned_from=workshop.learned_from,
        compared=tuple(
            ComparedPolicy(
                other.name,
                other.title,
                workshop.judge.figures(other.ratio),
                workshop.judge.difference(chosen.swept.ratio, other.ratio),
            )
            for other in others
        ),
    )
    learned_store(settings).save(learned.to_file(), learned.version)
    progress(1, f"learned {learned.version}")
    return learned


@dataclass(frozen=True, slots=True, eq=False)
class Workshop:
    """Quotes, learner and judge of one piece of work.

    Attributes:
        sample: the quotes.
        constraints: what rules must keep.
        learner: learns trees.
        judge: of any policy on the same quotes.
        seed: of everything random.
    """

    sample: PolicySample
    constraints: PolicyConstraints
    learner: Learner
    judge: Judge
    seed: int

    def tree(self, rates: ExchangeRates, figures: Changes) -> Node:
        """The tree of all quotes at some exchange rates, with round numbers."""
        quotes = self.sample.quotes
        rows = quotes.in_cart
        in_cart = quotes[rows]
        learner = self.learner
        root = condition_tree(
            learner.grow(rates), learner.binned[rows], in_cart.columns, learner.ratios
        )
        payoff = replace(self.judge.payoff, numbers=self.judge.payoff.numbers[rows])
        limits = (self.constraints.lowest_markup, self.constraints.highest_markup)
        rounder = Rounder.of(root, in_cart.columns, payoff, figures, limits)
        return with_figures(rounder.rounded(root), quotes)

    def bound(self, leakage_change: float) -> PricedPolicy:
        """Prices with as little leakage, had the class of every shopper been known."""
        agent = price_of_agents(self.judge.payoff, leakage_change)
        ratio = price_classes(1.0, agent, self.sample.quotes.p_agent)
        return PricedPolicy(BOUND, f"Every class known, agents at ×{agent:.2f}", ratio)

    @property
    def learned_from(self) -> LearnedFrom:
        """A description of the data."""
        quotes, demand = self.sample.quotes, self.sample.demand
        errors = np.sqrt(np.diag(demand.covariance))
        p_value = demand.p_no_intercept
        return LearnedFrom(
            source=quotes.source,
            lake_version=self.sample.lake_version,
            classifier=self.sample.classifier,
            quotes=len(quotes),
            in_cart=int(quotes.in_cart.sum()),
            actors=int(np.unique(quotes.actor).size),
            randomised=self.sample.randomised,
            human_slope=normal_interval(demand.curves.human_slope, float(errors[0])),
            agent_slope=normal_interval(demand.curves.agent_slope, float(errors[2])),
            p_no_intercept=None if np.isnan(p_value) else p_value,
            seed=self.seed,
            problem=self.sample.problem,
        )


@requires(Permission.WORK)
def open_workshop(
    settings: Settings,
    constraints: PolicyConstraints | None,
    source: WantedSource,
    seed: int,
    progress: Progress,
) -> Workshop:
    """Read the quotes and prepare to learn from them.

    Raises:
        DataError: the log does not identify what prices change.
        InputError: constraints that contradict the limits in force.
    """
    asked = usual_constraints(settings) if constraints is None else _checked(settings, constraints)
    sample = read_policy_sample(settings, source, seed, progress)
    rails = read_price_limits(settings).guard_rails
    ratios = candidate_ratios(rails.lowest_markup, rails.highest_markup)
    reference = settings.objective.reference_ratio
    payoff = measure_payoff(
        sample.quotes, sample.demand.curves, ratios, reference, is_corrected=False
    )
    learner = Learner.of(sample.quotes, payoff, sample.fold, asked, learnable_features())
    judge = Judge.of(sample.quotes, sample.demand, ratios, reference, np.random.default_rng(seed))
    return Workshop(sample, asked, learner, judge, seed)


@needs_no_permission
def learnable_features() -> tuple[str, ...]:
    """What learned rules may read: P(agent), and features of a session that prices do not set."""
    return (P_AGENT, *(name for name in feature_names() if name not in PRICE_FEATURES))


@requires(Permission.READ)
def usual_constraints(settings: Settings) -> PolicyConstraints:
    """The target of 30 % of the leakage at 1 % of human purchases, within the limits in force."""
    limits = read_price_limits(settings)
    lowest, highest = _markups_within(limits, _live(settings))
    return PolicyConstraints(
        human_premium=limits.human_premium_cap,
        lowest_markup=lowest,
        highest_markup=highest,
        banned=read_banned_features(settings),
    )


@requires(Permission.READ)
def learned_store(settings: Settings) -> ResultStore:
    """Learned rules of a workspace."""
    return ResultStore(
        settings.paths.learned_rules,
        "No rules have been learned in this workspace yet.",
        "Learn some: python -m phantom_core rules learn",
    )


@requires(Permission.READ)
def open_learned(settings: Settings, version: str | None = None) -> LearnedPolicy:
    """Learned rules; None means the newest.

    Raises:
        NotFoundError: there are none.
        DataError: their file is damaged.
    """
    store = learned_store(settings)
    name = version or next(iter(store.names()), "none")
    return parse_learned(store.read(name), str(store.path(name)))


def _live(settings: Settings) -> RuleSet | None:
    return open_live(settings) if is_anything_live(settings) else None


def _markups_within(limits: PriceLimits, live: RuleSet | None) -> tuple[float, float]:
    """Lowest and highest mark-up that no gate refuses.

    A first release may mark up by little; later ones may move any live price by the largest step.
    """
    rails, step = limits.guard_rails, limits.largest_step
    if live is None:
        least = min(step, limits.first_markup - 1.0) if limits.first_markup > 1.0 else 0.0
        return (
            max(rails.lowest_markup, round(1.0 - least, 4)),
            min(rails.highest_markup, round(1.0 + least, 4)),
        )
    asked = (*(rule.markup_ratio for rule in live.rules), live.otherwise)
    lowest = max(rails.lowest_markup, round(max(asked) - step, 4))
    highest = min(rails.highest_markup, round(min(asked) + step, 4))
    return min(lowest, 1.0), max(highest, 1.0)


def _checked(settings: Settings, constraints: PolicyConstraints) -> PolicyConstraints:
    """Constraints of a person, with what the installation bans."""
    rails = read_price_limits(settings).guard_rails
    if not (
        rails.contains(constraints.lowest_markup) and rails.contains(constraints.highest_markup)
    ):
        raise InputError(
            f"Mark-ups from ×{constraints.lowest_markup:g} to ×{constraints.highest_markup:g} "
            f"leave the guard rails {rails}.",
            hint="Ask for mark-ups within them.",
        )
    if unknown := [name for name in constraints.banned if name not in learnable_features()]:
        known = [*learnable_features(), *PRICE_FEATURES]
        if unknown[0] not in known:
            raise InputError(
                f"There is no feature '{unknown[0]}' to ban.",
                hint=f"Known features: {', '.join(known)}.",
            )
    banned = dict.fromkeys((*constraints.banned, *read_banned_features(settings)))
    if not set(learnable_features()) - set(banned):
        raise InputError("Every feature was banned.", hint="Allow at least one.")
    return replace(constraints, banned=tuple(banned))


def _version(now_ms: int, workshop: Workshop, rates: ExchangeRates) -> str:
    """A name that sorts by time and differs with the parameters."""
    about = repr((workshop.constraints, rates, workshop.sample.lake_version, workshop.seed))
    created = datetime.fromtimestamp(now_ms / 1_000, UTC)
    return f"{created:%Y%m%d-%H%M%S}-{hashlib.sha256(about.encode()).hexdigest()[:6]}"
