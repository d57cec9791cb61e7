"""Space: the sessions that rules distinguish, as exact boxes with one region per feature."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from phantom_core.core.errors import PhantomError
from phantom_core.rules.condition import Condition
from phantom_core.rules.domain import Domain
from phantom_core.rules.region import Region

Box = tuple[Region, ...]
# Whether boxes cover another one is hard to decide in general; real rule sets need a few hundred
# pieces.
MOST_PIECES: Final = 20_000


class Undecided(PhantomError):  # noqa: N818 - an answer, caught by the caller
    """The boxes overlap in too many ways to decide."""


@dataclass(frozen=True, slots=True)
class Space:
    """All sessions, described by some features.

    Attributes:
        domains: of each feature; their order is that of the regions in a box.
    """

    domains: Mapping[str, Domain]

    def everything(self) -> Box:
        """All sessions."""
        return tuple(domain.everything() for domain in self.domains.values())

    def where(self, conditions: Iterable[Condition]) -> Box:
        """Sessions that match all conditions."""
        box = dict(zip(self.domains, self.everything(), strict=True))
        for condition in conditions:
            box[condition.feature] = box[condition.feature] & self.domains[condition.feature].where(
                condition
            )
        return tuple(box.values())

    def position(self, feature: str) -> int:
        """Position of a feature in a box."""
        return list(self.domains).index(feature)


def is_empty(box: Box) -> bool:
    """Whether no session is in a box."""
    return any(region.is_empty for region in box)


def intersect(box: Box, other: Box) -> Box:
    """Sessions in two boxes."""
    return tuple(one & two for one, two in zip(box, other, strict=True))


def spaces_overlap(box: Box, other: Box) -> bool:
    """Whether some session is in both boxes."""
    return all(one.overlaps(two) for one, two in zip(box, other, strict=True))


def subtract(box: Box, other: Box) -> list[Box]:
    """Sessions of a box that are not in another one, as boxes that do not overlap."""
    if not spaces_overlap(box, other):
        return [] if is_empty(box) else [box]
    shared = intersect(box, other)
    pieces = []
    for k, region in enumerate(box):
        rest = region.minus(other[k])
        if not rest.is_empty:
            pieces.append((*shared[:k], rest, *box[k + 1 :]))
    return pieces


def uncovered_pieces(box: Box, covers: Sequence[Box]) -> Iterator[Box]:
    """The parts of a box that no other box covers, piece by piece, without overlap.

    Raises:
        Undecided: there are more than MOST_PIECES pieces.
    """
    n_pieces = 0
    covers = [cover for cover in covers if spaces_overlap(box, cover)]  # the others cover nothing
    waiting = [] if is_empty(box) else [(box, 0)]
    while waiting:
        piece, n_done = waiting.pop()
        n_pieces += 1
        if n_pieces > MOST_PIECES:
            raise Undecided(f"{len(covers)} rules overlap in more than {MOST_PIECES:,} pieces.")
        if n_done == len(covers):
            yield piece
        else:
            waiting.extend((part, n_done + 1) for part in subtract(piece, covers[n_done]))


def is_covered(box: Box, covers: Sequence[Box]) -> bool:
    """Whether every session of a box is in another one.

    Raises:
        Undecided: see `uncovered_pieces`.
    """
    return next(uncovered_pieces(box, covers), None) is None
