"""Monotone: rules that violate a monotonicity that the rule set declares."""

from collections.abc import Callable, Iterator
from typing import Final

from phantom_core.rules.checks.finding import Finding
from phantom_core.rules.checks.prepared import Prepared
from phantom_core.rules.checks.rule_check import rule_check
from phantom_core.rules.grid import Bits, Budget, Cells, Meetings

MOST_DECIDED: Final = 20_000  # pieces of all rules together


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
    decided = _Decided(prepared)
    ratios = [*(rule.markup_ratio for rule in prepared.rules.rules), prepared.rules.otherwise]
    for feature, way in declared:
        above = decided.above(prepared.space.position(feature))
        for dear in range(len(ratios)):
            for cheap in range(len(ratios)):
                low, high = (dear, cheap) if way > 0 else (cheap, dear)
                if ratios[dear] > ratios[cheap] and above[low] & decided.pieces_of[high]:
                    yield _finding(prepared, feature, way, (low, high))


class _Decided:
    """Sessions that each rule decides, ELSE last, as boxes that do not overlap.

    Attributes:
        pieces_of: the pieces of each rule, a bit for each piece.
    """

    def __init__(self, prepared: Prepared) -> None:
        grid, budget = prepared.grid, Budget(MOST_DECIDED)
        self.axes = grid.axes
        self.is_whole = [domain.kind == "whole" for domain in prepared.space.domains.values()]
        self.pieces: list[Cells] = []
        self.pieces_of: list[Bits] = []
        everything = grid.encode(prepared.space.everything())
        for position, box in enumerate((*grid.boxes, everything)):
            first = len(self.pieces)
            self.pieces += grid.uncovered(box, position, budget)
            self.pieces_of.append((1 << len(self.pieces)) - (1 << first))

    def above(self, k: int) -> list[Bits]:
        """For each rule, the pieces with sessions that differ from one of its own in one feature
        alone, which is greater.
        """
        alike, reaching = self._alike(k), self._reaching(k)
        found = []
        for own in self.pieces_of:
            above = 0
            for n in _positions(own):
                if (span := self._span(n, k)) is not None:
                    above |= alike(n) & reaching(span[0])
            found.append(above)
        return found

    def _span(self, n: int, k: int) -> tuple[float, float] | None:
        """The smallest and largest number of a piece in a feature; None without a number."""
        axis = self.axes[k]
        numbers = axis.numbers_of(self.pieces[n][k])
        if not numbers:
            return None
        first = (numbers & -numbers).bit_length() - 1
        return axis.cuts[first][0], axis.cuts[numbers.bit_length()][0]

    def _reaching(self, k: int) -> Callable[[float], Bits]:
        """Pieces with a number above a given one."""
        by_largest: dict[float, Bits] = {}
        for n in range(len(self.pieces)):
            if (span := self._span(n, k)) is not None:
                by_largest[span[1]] = by_largest.get(span[1], 0) | 1 << n
        # Whole numbers end below a boundary; between two boundaries there is always another number.
        less = 1 if self.is_whole[k] else 0
        known: dict[float, Bits] = {}

        def reaching(smallest: float) -> Bits:
            if smallest not in known:
                known[smallest] = 0
                for largest, pieces in by_largest.items():
                    if smallest < largest - less:
                        known[smallest] |= pieces
            return known[smallest]

        return reaching

    def _alike(self, k: int) -> Callable[[int], Bits]:
        """Pieces that share values with a piece in every feature but one."""
        others = [
            Meetings([piece[other] for piece in self.pieces])
            for other in range(len(self.axes))
            if other != k
        ]
        rest = [piece[:k] + piece[k + 1 :] for piece in self.pieces]
        known: dict[Cells, Bits] = {}

        def alike(n: int) -> Bits:
            if rest[n] not in known:
                found = (1 << len(self.pieces)) - 1
                for own, meetings in zip(rest[n], others, strict=True):
                    found &= meetings.of(own)
                known[rest[n]] = found
            return known[rest[n]]

        return alike


def _positions(bits: Bits) -> Iterator[int]:
    """The positions of the bits that are set, ascending."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


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
