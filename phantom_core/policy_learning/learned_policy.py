"""Learned policy: rules learned for money, what they change, and what others change beside them."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from pydantic import JsonValue, TypeAdapter, ValidationError

from phantom_core.core.errors import DataError
from phantom_core.core.estimate import Estimate
from phantom_core.core.limits import GuardRails
from phantom_core.distil.tree import Leaf, Node, tree_depth, tree_features, tree_leaves
from phantom_core.distil.tree_rules import rules_of
from phantom_core.features.domains import P_AGENT, session_domains
from phantom_core.policy_learning.constraints import PolicyConstraints
from phantom_core.policy_learning.policy_figures import Changes, PolicyFigures
from phantom_core.policy_learning.quote_sample import Source
from phantom_core.policy_learning.sweep import ExchangeRates
from phantom_core.rules.checks.check import check_rules
from phantom_core.rules.checks.limits import RuleLimits
from phantom_core.rules.condition import Condition
from phantom_core.rules.rule_set import Rule, RuleSet
from phantom_core.rules.simplify import simplify_rules
from phantom_core.rules.text import format_rules

NOUN: Final = "quote"
_ANY_MARKUP: Final = GuardRails(0.01, 10.0)
_UNKNOWN: Final = Rule(
    (Condition(P_AGENT, "IS UNDEFINED", when_undefined=True),), 1.0, "not classified"
)


@dataclass(frozen=True, slots=True)
class ComparedPolicy:
    """Another policy on the same quotes.

    Attributes:
        name: of it.
        title: as shown.
        figures: what it changes against the base price.
        learned_minus: changes of the learned rules minus its own, paired.
    """

    name: str
    title: str
    figures: PolicyFigures
    learned_minus: Changes


@dataclass(frozen=True, slots=True)
class LearnedFrom:
    """What rules were learned from.

    Attributes:
        source: recorded shoppers, or simulated ones.
        lake_version: of the events; −1 for simulated shoppers.
        classifier: version that gives P(agent).
        quotes: with a base price, count.
        in_cart: products that went to the cart among them, count.
        actors: count.
        randomised: share of the products in carts whose price an experiment drew.
        human_slope, agent_slope: of the demand curves, with their intervals.
        p_no_intercept: probability of the data if half of what is in a cart is bought at the base
            price; None where the curves are assumed.
        seed: of everything random.
        problem: why shoppers are simulated though the log was asked for; empty where they are
            not.
    """

    source: Source
    lake_version: int
    classifier: str
    quotes: int
    in_cart: int
    actors: int
    randomised: float
    human_slope: Estimate
    agent_slope: Estimate
    p_no_intercept: float | None
    seed: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class LearnedPolicy:
    """Rules learned for money.

    Attributes:
        version: name of the saved rules.
        created_ms: UTC milliseconds.
        constraints: what they were asked to keep.
        rates: exchange rates at which they earn most.
        tree: of all quotes.
        figures: what such trees change for actors that they did not learn from.
        learned_from: the data.
        compared: other policies on the same quotes.
    """

    version: str
    created_ms: int
    constraints: PolicyConstraints
    rates: ExchangeRates
    tree: Node
    figures: PolicyFigures
    learned_from: LearnedFrom
    compared: tuple[ComparedPolicy, ...]

    @property
    def rules(self) -> RuleSet:
        """The tree as rules whose mark-ups never fall with P(agent)."""
        return rules_of_tree(self.tree, self.version)

    def to_file(self) -> bytes:
        """Everything, as the workspace stores it."""
        return _ADAPTER.dump_json(self, indent=1)

    def to_json(self) -> dict[str, JsonValue]:
        """Everything but the tree, and the rules as text."""
        plain: dict[str, JsonValue] = _ADAPTER.dump_python(self, mode="json", exclude={"tree"})
        return {
            **plain,
            "depth": tree_depth(self.tree),
            "leaves": len(tree_leaves(self.tree)),
            "rules": format_rules(self.rules),
        }


@lru_cache(maxsize=64)
def rules_of_tree(tree: Node, name: str) -> RuleSet:
    """A money tree as rules that declare how they depend on P(agent).

    They are as short as they can be without leaving to ELSE what lies between two rules, which
    would read like a gap: where it does, every leaf is a rule, and ELSE the base price. Where there
    are discounts, who has no P(agent) pays the base price: hiding from the classifier earns none.
    """
    declared = (P_AGENT,)
    short = rules_of(tree, name, counted=NOUN, rises_with=declared)
    if isinstance(tree, Leaf):
        return short
    whole = rules_of(tree, name, counted=NOUN, rises_with=declared, otherwise=1.0)
    has_discounts = any(leaf.markup_ratio < 1.0 for leaf in tree_leaves(tree))
    if has_discounts and P_AGENT in tree_features(tree):
        short, whole = (replace(one, rules=(_UNKNOWN, *one.rules)) for one in (short, whole))
    candidates = (simplify_rules(short), simplify_rules(whole), whole)
    return next((one for one in candidates if not _warns(one)), candidates[0])


def _warns(rules: RuleSet) -> bool:
    """Whether the check has more than notes on rules that are within all limits of a shop."""
    found = check_rules(rules, RuleLimits(session_domains(), _ANY_MARKUP))
    return any(one.severity != "note" for one in found)


_ADAPTER: Final = TypeAdapter(LearnedPolicy)


def parse_learned(text: bytes, where: str) -> LearnedPolicy:
    """Read saved rules back.

    Raises:
        DataError: they are not what this version saves.
    """
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        raise DataError(
            f"{where} cannot be read by this version of PHANTOM.", hint="Learn the rules again."
        ) from error
