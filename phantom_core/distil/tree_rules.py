"""Tree rules: a tree as a rule set, one rule per leaf, with the same answer for every session."""

from phantom_core.distil.tree import Leaf, SplitNode, default_leaf, tree_features, tree_paths
from phantom_core.rules.rule_set import Rule, RuleSet


def rules_of(
    root: Leaf | SplitNode,
    name: str,
    *,
    counted: str = "labelled session",
    rises_with: tuple[str, ...] = (),
    otherwise: float | None = None,
) -> RuleSet:
    """Write a tree as rules, the highest mark-up first.

    The leaf with the lowest mark-up becomes ELSE, so a session that fits nowhere is not marked up.

    Args:
        root: the tree.
        name: of the rule set.
        counted: what leaves count, singular.
        rises_with: features with which mark-ups never fall; those that the tree reads are declared.
        otherwise: mark-up of ELSE, where every leaf is to be a rule; None makes the lowest leaf it.
    """
    found = list(tree_paths(root))
    default = default_leaf(root) if otherwise is None else None
    rest = [path for i, path in enumerate(found) if i != default]
    rest.sort(key=lambda path: (-path[1].markup_ratio, -path[1].n_sessions))
    rules = tuple(
        Rule(conditions, leaf.markup_ratio, _note(leaf, counted)) for conditions, leaf in rest
    )
    declared = tuple(name for name in rises_with if name in tree_features(root))
    if otherwise is not None:
        return RuleSet(name, rules, otherwise, f"no {counted}", rises_with=declared)
    last = found[default_leaf(root)][1]
    return RuleSet(name, rules, last.markup_ratio, _note(last, counted), rises_with=declared)


def _note(leaf: Leaf, counted: str) -> str:
    if not leaf.n_sessions:
        return f"no {counted}"
    *_, noun = counted.split()
    nouns = noun if leaf.n_sessions == 1 else f"{noun}s"
    return f"{leaf.n_sessions:,} {nouns}, {leaf.n_agents / leaf.n_sessions:.0%} agents"
