"""Tree rules: a tree as a rule set, one rule per leaf, with the same answer for every session."""

from phantom_core.distil.tree import Leaf, SplitNode, default_leaf, tree_paths
from phantom_core.rules.rule_set import Rule, RuleSet


def rules_of(root: Leaf | SplitNode, name: str) -> RuleSet:
    """Write a tree as rules, the highest mark-up first.

    The leaf with the lowest mark-up becomes ELSE, so a session that fits nowhere is not marked up.

    Args:
        root: the tree.
        name: of the rule set.
    """
    found = list(tree_paths(root))
    default = default_leaf(root)
    rest = [path for i, path in enumerate(found) if i != default]
    rest.sort(key=lambda path: (-path[1].markup_ratio, -path[1].n_sessions))
    rules = tuple(Rule(conditions, leaf.markup_ratio, _note(leaf)) for conditions, leaf in rest)
    otherwise = found[default][1]
    return RuleSet(name, rules, otherwise.markup_ratio, _note(otherwise))


def _note(leaf: Leaf) -> str:
    if not leaf.n_sessions:
        return "no labelled session"
    sessions = "session" if leaf.n_sessions == 1 else "sessions"
    return f"{leaf.n_sessions:,} {sessions}, {leaf.n_agents / leaf.n_sessions:.0%} agents"
