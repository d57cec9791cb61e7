"""Grid: the boxes of many rules as bits, so that questions about their overlap are quick.

All boundaries that occur in a feature's conditions cut its values into cells; a region is a whole
number with a bit for each of its cells. Which rules a region meets, and which contain it, is
remembered as a whole number with a bit for each rule: a question about 150 rules is then one AND a
feature instead of a loop.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from phantom_core.rules import space
from phantom_core.rules.region import Cut, Region, join_regions
from phantom_core.rules.space import Box, Undecided

Bits = int
Cells = tuple[Bits, ...]  # a box: the cells of each feature
# Pieces that one check may look at over all of its questions: about a second of work.
MOST_WORK: Final = 300_000


@dataclass(frozen=True, slots=True)
class Axis:
    """The cells of one feature: numbers first, in ascending order, then categories and undefined.

    Attributes:
        cuts: boundaries of the cells of numbers, ascending; one more than there are cells.
        categories: in the order of their cells.
    """

    cuts: tuple[Cut, ...]
    categories: tuple[str, ...]

    @classmethod
    def of(cls, regions: Iterable[Region]) -> "Axis":
        """The coarsest cells of which all regions are made."""
        found = list(regions)
        return cls(
            tuple(sorted({cut for one in found for span in one.spans for cut in span})),
            tuple(sorted({name for one in found for name in one.categories})),
        )

    @property
    def n_numbers(self) -> int:
        """Cells of numbers, count."""
        return max(0, len(self.cuts) - 1)

    def cells_of(self, region: Region) -> Bits:
        """The cells of a region."""
        place = {cut: position for position, cut in enumerate(self.cuts)}
        cells = 0
        for low, high in region.spans:
            cells |= (1 << place[high]) - (1 << place[low])
        for position, name in enumerate(self.categories):
            cells |= (name in region.categories) << (self.n_numbers + position)
        return cells | region.undefined << (self.n_numbers + len(self.categories))

    def region_of(self, cells: Bits) -> Region:
        """The region of some cells."""
        spans = (
            (self.cuts[position], self.cuts[position + 1])
            for position in range(self.n_numbers)
            if cells >> position & 1
        )
        rest = cells >> self.n_numbers
        names = (name for position, name in enumerate(self.categories) if rest >> position & 1)
        return Region(join_regions(spans), frozenset(names), bool(rest >> len(self.categories) & 1))

    def numbers_of(self, cells: Bits) -> Bits:
        """The cells of numbers among some."""
        return cells & ((1 << self.n_numbers) - 1)


@dataclass(slots=True)
class Budget:
    """Pieces that may be looked at.

    Attributes:
        n_pieces: at most.
        n_spent: so far.
    """

    n_pieces: int = MOST_WORK
    n_spent: int = 0

    def spend(self) -> None:
        """Look at one more piece.

        Raises:
            Undecided: none is left.
        """
        self.n_spent += 1
        if self.n_spent > self.n_pieces:
            raise Undecided(f"The rules overlap in more than {self.n_pieces:,} pieces.")


class Meetings:
    """Which boxes meet a region of one feature, and which contain it; remembered by region.

    Args:
        regions: of the boxes, in order.
    """

    def __init__(self, regions: Sequence[Bits]) -> None:
        self._boxes: dict[Bits, Bits] = {}
        for n, cells in enumerate(regions):
            self._boxes[cells] = self._boxes.get(cells, 0) | 1 << n
        self._meeting: dict[Bits, Bits] = {}
        self._holding: dict[Bits, Bits] = {}

    def of(self, region: Bits) -> Bits:
        """The boxes that share a value with a region, a bit for each."""
        found = self._meeting.get(region)
        if found is None:
            found = 0
            for cells, boxes in self._boxes.items():
                if cells & region:
                    found |= boxes
            self._meeting[region] = found
        return found

    def containing(self, region: Bits) -> Bits:
        """The boxes that have every value of a region, a bit for each."""
        found = self._holding.get(region)
        if found is None:
            found = 0
            for cells, boxes in self._boxes.items():
                if not region & ~cells:
                    found |= boxes
            self._holding[region] = found
        return found


class Grid:
    """Boxes in order, and what is left of other boxes beside them.

    Args:
        axes: of each feature.
        boxes: of the rules, from the first.
    """

    def __init__(self, axes: Sequence[Axis], boxes: Sequence[Box]) -> None:
        self.axes = tuple(axes)
        self.boxes = tuple(self.encode(box) for box in boxes)
        self._meetings = tuple(
            Meetings([box[k] for box in self.boxes]) for k in range(len(self.axes))
        )

    def encode(self, box: Box) -> Cells:
        """The cells of a box."""
        return tuple(axis.cells_of(region) for axis, region in zip(self.axes, box, strict=True))

    def decode(self, cells: Cells) -> Box:
        """The box of some cells."""
        return tuple(axis.region_of(own) for axis, own in zip(self.axes, cells, strict=True))

    def meeting(self, cells: Cells, among: Bits | None = None) -> Bits:
        """The rules that share a session with a box, a bit for each.

        Args:
            cells: the box.
            among: only these rules; None for all.
        """
        found = (1 << len(self.boxes)) - 1 if among is None else among
        for own, meetings in zip(cells, self._meetings, strict=True):
            if not found:
                break
            found &= meetings.of(own)
        return found

    def _containing(self, cells: Cells, candidates: Bits) -> Bits:
        for own, meetings in zip(cells, self._meetings, strict=True):
            if not candidates:
                break
            candidates &= meetings.containing(own)
        return candidates

    def uncovered(
        self, cells: Cells, n_covers: int | None = None, budget: Budget | None = None
    ) -> Iterator[Cells]:
        """The parts of a box that no rule covers, piece by piece, without overlap.

        Args:
            cells: the box.
            n_covers: only the first so many rules; None for all.
            budget: that each piece is taken from.
        Raises:
            Undecided: there are more than MOST_PIECES pieces, or more than the budget has.
        """
        if not all(cells):
            return
        among = (1 << (len(self.boxes) if n_covers is None else n_covers)) - 1
        n_pieces, waiting = 0, [(cells, self.meeting(cells, among))]
        while waiting:
            piece, covers = waiting.pop()
            n_pieces += 1
            if budget:
                budget.spend()
            if n_pieces > space.MOST_PIECES:
                n_rules = self.meeting(cells, among).bit_count()
                raise Undecided(
                    f"{n_rules} rules overlap in more than {space.MOST_PIECES:,} pieces."
                )
            if not covers:
                yield piece
            elif not self._containing(piece, covers):
                waiting += self._split(piece, covers)

    def _split(self, piece: Cells, covers: Bits) -> Iterator[tuple[Cells, Bits]]:
        """What the first of some covers leaves of a piece, with the covers that meet each part."""
        first = covers & -covers
        cover = self.boxes[first.bit_length() - 1]
        covers ^= first
        shared: Cells = ()
        for k, (own, taken) in enumerate(zip(piece, cover, strict=True)):
            if rest := own & ~taken:
                part = (*shared, rest, *piece[k + 1 :])
                yield part, self.meeting(part, covers)
            shared += (own & taken,)


def intersect_cells(one: Cells, other: Cells) -> Cells:
    """Sessions in two boxes."""
    return tuple(a & b for a, b in zip(one, other, strict=True))


def subtract_cells(box: Cells, other: Cells) -> list[Cells]:
    """Sessions of a box that are not in another one, as boxes that do not overlap."""
    shared = intersect_cells(box, other)
    if not all(shared):
        return [box] if all(box) else []
    return [
        (*shared[:k], rest, *box[k + 1 :]) for k, own in enumerate(box) if (rest := own & ~other[k])
    ]
