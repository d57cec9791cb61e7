"""Never raises: a proof that one rule set asks no session for more than another one does."""

from phantom_core.core.limits import TOLERANCE, GuardRails
from phantom_core.rules.rule_set import RuleSet


def never_raises(
    rules: RuleSet, against: RuleSet, guard_rails: GuardRails, against_within: GuardRails
) -> bool:
    """Whether no session can pay more under `rules` than under `against`.

    It is so where the highest price of the one is at most the lowest of the other, or where both
    have the same conditions in the same order, and each price is at most that of the other one.
    Other rule sets may be cheaper too; for those the answer is no.

    Args:
        rules: proposed.
        against: live now.
        guard_rails: within which the proposed ones price.
        against_within: within which the live ones price.
    """
    new = [guard_rails.clamp(one) for one in _markups(rules)]
    old = [against_within.clamp(one) for one in _markups(against)]
    if max(new) <= min(old) + TOLERANCE:
        return True
    conditions, known = (
        [frozenset(rule.conditions) for rule in one.rules] for one in (rules, against)
    )
    return conditions == known and all(
        after <= before + TOLERANCE for after, before in zip(new, old, strict=True)
    )


def _markups(rules: RuleSet) -> list[float]:
    return [*(rule.markup_ratio for rule in rules.rules), rules.otherwise]
