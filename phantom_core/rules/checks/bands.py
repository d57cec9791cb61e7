"""Bands: rules that overlap, and gaps between rules."""

from collections.abc import Iterator
from itertools import permutations

from phantom_core.rules.checks.finding import Finding
from phantom_core.rules.checks.prepared import Prepared
from phantom_core.rules.checks.rule_check import rule_check
from phantom_core.rules.grid import Bits, Budget, Cells, Grid, intersect_cells
from phantom_core.rules.region import Region


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
    budget = Budget()
    for second in range(len(prepared.boxes)):
        crossed = [
            (first, piece)
            for first in range(second)
            if (piece := _crossing(prepared, first, second, budget))
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


def _crossing(prepared: Prepared, first: int, second: int, budget: Budget) -> Cells | None:
    """Sessions of both rules; None where one is a special case of the other."""
    boxes = prepared.grid.boxes
    if prepared.rules.markup(first) == prepared.rules.markup(second):
        return None
    shared = intersect_cells(boxes[first], boxes[second])
    if not all(shared) or shared in (boxes[first], boxes[second]):
        return None
    return next(prepared.grid.uncovered(shared, first, budget), None)


def _such_as(prepared: Prepared, crossed: list[tuple[int, Cells]]) -> str:
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
    budget = Budget()
    reported: set[tuple[int, Bits]] = set()
    known: dict[Cells, Cells | None] = {}
    boxes = prepared.grid.boxes
    for first, second in permutations(range(len(boxes)), 2):
        for k, gap in _between(prepared.grid, boxes[first], boxes[second]):
            if gap not in known:
                known[gap] = next(prepared.grid.uncovered(gap, budget=budget), None)
            piece = known[gap]
            if piece and (k, piece[k]) not in reported:
                reported.add((k, piece[k]))
                yield _gap(prepared, (first, second), piece, k)
    yield from _undefined(prepared)


def _between(grid: Grid, low: Cells, high: Cells) -> Iterator[tuple[int, Cells]]:
    """Sessions of both rules but for one feature, whose value lies between those of the two."""
    shared = intersect_cells(low, high)
    apart = [k for k, cells in enumerate(shared) if not cells]
    if len(apart) > 1:
        return
    for k in apart or range(len(shared)):
        below, above = grid.axes[k].numbers_of(low[k]), grid.axes[k].numbers_of(high[k])
        end, start = below.bit_length(), (above & -above).bit_length() - 1
        if below and above and end < start:
            yield k, (*shared[:k], (1 << start) - (1 << end), *shared[k + 1 :])


def _gap(prepared: Prepared, between: tuple[int, int], piece: Cells, k: int) -> Finding:
    titles = tuple(prepared.title(position) for position in between)
    feature = list(prepared.space.domains)[k]
    low, high = (prepared.shown(position) for position in between)
    says = f"Between {low} and {high}, {prepared.example(piece)} fall to {prepared.shown(-1)}."
    fix = f"Widen one of them on {feature}, or write a rule; leave it if ELSE is meant."
    return Finding("gap", "warning", (*titles, prepared.title(-1)), says, fix)


def _undefined(prepared: Prepared) -> Iterator[Finding]:
    grid = prepared.grid
    everything = grid.encode(prepared.space.everything())
    for k, (feature, domain) in enumerate(prepared.space.domains.items()):
        if not domain.can_be_undefined:
            continue
        missing = grid.axes[k].cells_of(Region(undefined=True))
        undefined = (*everything[:k], missing, *everything[k + 1 :])
        defined = (*everything[:k], everything[k] & ~missing, *everything[k + 1 :])
        if next(grid.uncovered(undefined), None) and next(grid.uncovered(defined), None) is None:
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
