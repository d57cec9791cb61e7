"""Simplify: the same answers in fewer and shorter rules.

A condition that the rules above already imply is dropped, rules of one mark-up that together form a
box become one rule, and a rule with the mark-up of ELSE is dropped where ELSE would decide instead.
Nothing is assumed of the features: every number, category and undefined value still gets the same
mark-up, which a property test verifies.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from phantom_core.rules.condition import Condition, Operator
from phantom_core.rules.domain import ANY_OTHER, free_domains
from phantom_core.rules.region import AFTER, BEFORE, FIRST, LAST, Cut, Region
from phantom_core.rules.rule_set import Rule, RuleSet
from phantom_core.rules.space import Box, Space, Undecided, intersect, is_covered, subtract

_ABOVE: Final[dict[int, Operator]] = {BEFORE: ">=", AFTER: ">"}
_BELOW: Final[dict[int, Operator]] = {BEFORE: "<", AFTER: "<="}


def simplify_rules(rules: RuleSet) -> RuleSet:
    """Merge and shorten rules without changing any answer.

    Args:
        rules: in any order, overlapping or not.
    Returns:
        A rule set of the same name that gives every session the same mark-up; notes of merged rules
        are joined.
    """
    space = Space(free_domains(condition for rule in rules.rules for condition in rule.conditions))
    while True:
        shorter = _without_repeated_else(_merged(_shortened(rules, space), space), space)
        if shorter == rules:
            return rules
        rules = shorter


def _shortened(rules: RuleSet, space: Space) -> RuleSet:
    """Drop rules that never decide, and conditions that change nothing below the rules above."""
    needed: list[Rule] = []
    above: list[Box] = []
    for rule in rules.rules:
        box = space.where(rule.conditions)
        if _covered(box, above):
            continue
        conditions = _needed(rule.conditions, above, space)
        if not conditions:
            return replace(rules, rules=tuple(needed), otherwise=rule.markup_ratio, note=rule.note)
        needed.append(replace(rule, conditions=conditions))
        above.append(space.where(conditions))
    return replace(rules, rules=tuple(needed))


def _needed(
    conditions: tuple[Condition, ...], above: Sequence[Box], space: Space
) -> tuple[Condition, ...]:
    for condition in reversed(conditions):
        fewer = tuple(one for one in conditions if one is not condition)
        more = subtract(space.where(fewer), space.where(conditions))
        if all(_covered(piece, above) for piece in more):
            conditions = fewer
    return conditions


def _merged(rules: RuleSet, space: Space) -> RuleSet:
    """Merge pairs of rules with the same mark-up, as long as there are any."""
    found = list(rules.rules)
    boxes = [space.where(rule.conditions) for rule in found]
    i = 0
    while i < len(found):
        for j in range(i + 1, len(found)):
            one = _joined(_Pair(i, j), found, boxes, space)
            if one:
                found[i], boxes[i] = one, space.where(one.conditions)
                del found[j], boxes[j]
                break
        else:
            i += 1
    return replace(rules, rules=tuple(found))


@dataclass(frozen=True, slots=True)
class _Pair:
    first: int
    second: int


def _joined(pair: _Pair, rules: Sequence[Rule], boxes: Sequence[Box], space: Space) -> Rule | None:
    one, other = rules[pair.first], rules[pair.second]
    if one.markup_ratio != other.markup_ratio or not _can_move_up(pair, rules, boxes):
        return None
    conditions: list[Condition] = []
    for feature, a, b in zip(space.domains, boxes[pair.first], boxes[pair.second], strict=True):
        written = _written(feature, a | b, space) or _written(feature, _hull(a | b), space)
        if written is None:
            return None
        conditions += written
    more = [
        piece
        for part in subtract(space.where(conditions), boxes[pair.first])
        for piece in subtract(part, boxes[pair.second])
    ]
    if not conditions or not all(_covered(piece, boxes[: pair.first]) for piece in more):
        return None
    return Rule(
        tuple(conditions), one.markup_ratio, _notes(one.note, other.note), one.name or other.name
    )


def _can_move_up(pair: _Pair, rules: Sequence[Rule], boxes: Sequence[Box]) -> bool:
    """Whether the second rule may move right below the first: no rule between loses sessions."""
    between = [
        k
        for k in range(pair.first + 1, pair.second)
        if rules[k].markup_ratio != rules[pair.first].markup_ratio
    ]
    return all(_covered(intersect(boxes[pair.second], boxes[k]), boxes[:k]) for k in between)


def _without_repeated_else(rules: RuleSet, space: Space) -> RuleSet:
    """Drop rules with the mark-up of ELSE, where no rule below would decide otherwise."""
    remaining, note = list(rules.rules), rules.note
    for rule in reversed(rules.rules):
        if rule.markup_ratio != rules.otherwise:
            continue
        at = remaining.index(rule)
        boxes = [space.where(one.conditions) for one in remaining]
        below = [
            k for k in range(at + 1, len(remaining)) if remaining[k].markup_ratio != rules.otherwise
        ]
        if all(_covered(intersect(boxes[at], boxes[k]), boxes[:at]) for k in below):
            note = _notes(note, rule.note)
            del remaining[at]
    return replace(rules, rules=tuple(remaining), note=note)


def _covered(box: Box, covers: Sequence[Box]) -> bool:
    try:
        return is_covered(box, covers)
    except Undecided:
        return False


def _notes(one: str, other: str) -> str:
    return "; ".join(dict.fromkeys(part for part in (one, other) if part))


def _hull(region: Region) -> Region:
    """The interval from the first to the last number."""
    return (
        Region(((region.spans[0][0], region.spans[-1][1]),), region.categories, region.undefined)
        if region.spans
        else region
    )


def _written(feature: str, region: Region, space: Space) -> list[Condition] | None:
    """Conditions that match exactly a region: an empty list for everything, None if impossible."""
    everything = space.domains[feature].everything()
    if region == everything:
        return []
    if not region.spans and not region.categories:
        return [Condition(feature, "IS UNDEFINED", when_undefined=True)]
    compared = (
        _compared_categories(region, everything) if region.categories else _compared_numbers(region)
    )
    if not compared:
        return None
    return [
        Condition(feature, operator, threshold, region.undefined)
        for operator, threshold in compared
    ]


def _compared_categories(region: Region, everything: Region) -> list[tuple[Operator, str]]:
    if len(region.categories) == 1 and ANY_OTHER not in region.categories:
        return [("=", next(iter(region.categories)))]
    missing = everything.categories - region.categories
    return [] if ANY_OTHER in missing else [("!=", one) for one in sorted(missing)]


def _compared_numbers(region: Region) -> list[tuple[Operator, float]]:
    if len(region.spans) > 1:
        cuts = [FIRST, *(cut for span in region.spans for cut in span), LAST][2:-2]
        holes = list(zip(cuts[::2], cuts[1::2], strict=True))
        is_open = region.spans[0][0] == FIRST and region.spans[-1][1] == LAST
        return (
            [("!=", low[0]) for low, high in holes]
            if is_open and all(_is_point(low, high) for low, high in holes)
            else []
        )
    [(low, high)] = region.spans
    if _is_point(low, high):
        return [("=", low[0])]
    above = [] if low == FIRST else [(_ABOVE[low[1]], low[0])]
    below = [] if high == LAST else [(_BELOW[high[1]], high[0])]
    return above + below


def _is_point(low: Cut, high: Cut) -> bool:
    return low[0] == high[0] and low[1] == BEFORE and high[1] == AFTER
