"""Monotone: rules that violate a monotonicity that the rule set declares."""

from collections.abc import Iterator

from phantom_core.rules.checks.finding import Finding
from phantom_core.rules.checks.prepared import Prepared
from phantom_core.rules.checks.rule_check import rule_check
from phantom_core.rules.domain import Domain
from phantom_core.rules.region import Region
from phantom_core.rules.space import Box, is_empty, uncovered_pieces


@rule_check(
    "not monotone",
    order=80,
    severity="error",
    description=(
        "two sessions are equal but for a declared feature, and the mark-up goes the other way"
    ),
)
def check_monotone(prepared: Prepared) -> Iterator[Finding]:
    """Find two sessions, equal but for a declared feature, whose mark-ups go the other way.

    Undefined is neither more nor less than a number, so it violates nothing.
    """
    declared = [(feature, 1) for feature in prepared.rules.rises_with] + [
        (feature, -1) for feature in prepared.rules.falls_with
    ]
    if not declared:
        return
    decided = _decided(prepared)
    ratios = [*(rule.markup_ratio for rule in prepared.rules.rules), prepared.rules.otherwise]
    for feature, way in declared:
        k, domain = prepared.space.position(feature), prepared.space.domains[feature]
        for dear in range(len(ratios)):
            for cheap in range(len(ratios)):
                low, high = (dear, cheap) if way > 0 else (cheap, dear)
                if ratios[dear] > ratios[cheap] and _in_order(
                    decided[low], decided[high], k, domain
                ):
                    yield _finding(prepared, feature, way, (low, high))


def _decided(prepared: Prepared) -> list[list[Box]]:
    """Sessions that each rule decides, ELSE last, as boxes that do not overlap."""
    found = [
        list(uncovered_pieces(box, prepared.boxes[:position]))
        for position, box in enumerate(prepared.boxes)
    ]
    return [*found, list(uncovered_pieces(prepared.space.everything(), prepared.boxes))]


def _in_order(low: list[Box], high: list[Box], k: int, domain: Domain) -> bool:
    """Whether two sessions differ in one feature alone, the first having less of it."""
    return any(
        _is_below(one[k], other[k], domain) and _alike(one, other, k)
        for one in low
        for other in high
    )


def _alike(one: Box, other: Box, k: int) -> bool:
    rest = [a & b for n, (a, b) in enumerate(zip(one, other, strict=True)) if n != k]
    return not is_empty(tuple(rest))


def _is_below(region: Region, other: Region, domain: Domain) -> bool:
    if not (region.spans and other.spans):
        return False
    smallest, largest = region.spans[0][0][0], other.spans[-1][1][0]
    # Whole numbers end below a boundary; between two boundaries there is always another number.
    return smallest < largest - (1 if domain.kind == "whole" else 0)


def _finding(prepared: Prepared, feature: str, way: int, order: tuple[int, int]) -> Finding:
    low, high = (prepared.shown(position) for position in order)
    verb, other = ("rise", "falls") if way > 0 else ("fall", "rises")
    says = (
        f"The mark-up is declared to {verb} with {feature}, but {other} from {low} to {high} "
        f"as {feature} grows."
    )
    titles = (prepared.title(order[0]), prepared.title(order[1]))
    return Finding(
        "not monotone",
        "error",
        titles,
        says,
        "Change a mark-up or a threshold of these, or drop the declaration.",
    )
