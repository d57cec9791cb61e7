"""Bands: rules that overlap, and gaps between rules."""

from collections.abc import Iterator

from phantom_core.rules.checks.finding import Finding
from phantom_core.rules.checks.prepared import Prepared
from phantom_core.rules.checks.rule_check import rule_check
from phantom_core.rules.region import Region
from phantom_core.rules.space import Box, intersect, is_empty, uncovered_pieces


@rule_check(
    "overlap",
    order=100,
    severity="note",
    description=(
        "rules with different mark-ups share sessions and neither is a special case of "
        "the other: their order alone decides; reported once for each lower rule"
    ),
)
def check_overlaps(prepared: Prepared) -> Iterator[Finding]:
    """Find rules with different mark-ups that overlap without one being a special case.

    An exception above the general rule is the usual way to write such lists; where rules cross,
    their order alone decides. Each lower rule is reported once: a distilled tree has many such
    overlaps, all intended.
    """
    for second in range(len(prepared.boxes)):
        crossed = [
            (first, piece)
            for first in range(second)
            if (piece := _crossing(prepared, first, second))
        ]
        if crossed:
            titles = tuple(prepared.title(first) for first, _ in crossed)
            upper = ", ".join(prepared.shown(first) for first, _ in crossed)
            decide = "decides" if len(crossed) == 1 else "decide"
            says = (
                f"{prepared.shown(second)} also holds where {upper} above it {decide}, "
                f"{_such_as(prepared, crossed)}."
            )
            fix = (
                f"If that is meant, leave it; else narrow {titles[0]}, or put "
                f"{prepared.title(second)} above it."
            )
            yield Finding("overlap", "note", (*titles, prepared.title(second)), says, fix)


def _crossing(prepared: Prepared, first: int, second: int) -> Box | None:
    """Sessions of both rules; None where one is a special case of the other."""
    boxes = prepared.boxes
    shared = intersect(boxes[first], boxes[second])
    is_same = prepared.rules.markup(first) == prepared.rules.markup(second)
    if is_same or is_empty(shared) or shared in (boxes[first], boxes[second]):
        return None
    return next(uncovered_pieces(shared, boxes[:first]), None)


def _such_as(prepared: Prepared, crossed: list[tuple[int, Box]]) -> str:
    return f"{'as for' if len(crossed) == 1 else 'the first for'} {prepared.example(crossed[0][1])}"


@rule_check(
    "gap",
    order=90,
    severity="warning, note",
    description=(
        "sessions between two rules on one feature, alike in everything else, fall to "
        "ELSE; a note where that is so only of an undefined feature"
    ),
)
def check_gaps(prepared: Prepared) -> Iterator[Finding]:
    """Find ranges of a feature that fall to ELSE between two rules for the same sessions.

    Also find features whose every value has a rule while ELSE decides where they are undefined.
    """
    reported: set[tuple[int, Region]] = set()
    for first, second in (
        (i, j) for i in range(len(prepared.boxes)) for j in range(len(prepared.boxes)) if i != j
    ):
        for k in range(len(prepared.space.domains)):
            gap = _between(prepared.boxes[first], prepared.boxes[second], k)
            piece = next(uncovered_pieces(gap, prepared.boxes), None) if gap else None
            if piece and (k, piece[k]) not in reported:
                reported.add((k, piece[k]))
                yield _gap(prepared, (first, second), piece, k)
    yield from _undefined(prepared)


def _between(low: Box, high: Box, k: int) -> Box | None:
    """Sessions of both rules but for one feature, whose value lies between those of the two."""
    if not (low[k].spans and high[k].spans) or low[k].spans[-1][1] >= high[k].spans[0][0]:
        return None
    shared = intersect(low, high)
    box = (*shared[:k], Region(((low[k].spans[-1][1], high[k].spans[0][0]),)), *shared[k + 1 :])
    return None if is_empty(box) else box


def _gap(prepared: Prepared, between: tuple[int, int], piece: Box, k: int) -> Finding:
    titles = tuple(prepared.title(position) for position in between)
    feature = list(prepared.space.domains)[k]
    low, high = (prepared.shown(position) for position in between)
    says = f"Between {low} and {high}, {prepared.example(piece)} fall to {prepared.shown(-1)}."
    fix = f"Widen one of them on {feature}, or write a rule; leave it if ELSE is meant."
    return Finding("gap", "warning", (*titles, prepared.title(-1)), says, fix)


def _undefined(prepared: Prepared) -> Iterator[Finding]:
    everything = prepared.space.everything()
    for k, (feature, domain) in enumerate(prepared.space.domains.items()):
        if not domain.can_be_undefined:
            continue
        defined = (
            *everything[:k],
            Region(everything[k].spans, everything[k].categories),
            *everything[k + 1 :],
        )
        undefined = (*everything[:k], Region(undefined=True), *everything[k + 1 :])
        left = next(uncovered_pieces(undefined, prepared.boxes), None)
        if left and next(uncovered_pieces(defined, prepared.boxes), None) is None:
            says = (
                f"The rules decide for every value of {feature}; where it is undefined, ELSE "
                f"(×{prepared.rules.otherwise:.2f}) does."
            )
            yield Finding(
                "gap",
                "note",
                (prepared.title(-1),),
                says,
                "Add OR UNDEFINED to the condition that should hold there.",
            )
