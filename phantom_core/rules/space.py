"""Space: the sessions that rules tell apart, cut exactly into boxes, one region per feature."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from phantom_core.core.errors import PhantomError
from phantom_core.rules.condition import Condition
from phantom_core.rules.domain import Domain
from phantom_core.rules.region import Region

Box = tuple[Region, ...]
# Whether boxes cover another one is a hard question in general; real rule sets need a few hundred
# pieces.
MOST_PIECES: Final = 20_000


class Undecided(PhantomError):  # noqa: N818 - an answer, caught by whoever asked
    """The boxes overlap in too many ways to say."""


@dataclass(frozen=True, slots=True)
class Space:
    """All sessions, as far as some features see them.

    Attributes:
        domains: what each feature can be; their order is that of the regions in a box.
    """

    domains: Mapping[str, Domain]

    def everything(self) -> Box:
        """All sessions."""
        return tuple(domain.everything() for domain in self.domains.values())

    def where(self, conditions: Iterable[Condition]) -> Box:
        """Sessions for which all conditions hold."""
        box = dict(zip(self.domains, self.everything(), strict=True))
        for condition in conditions:
            box[condition.feature] = box[condition.feature] & self.domains[condition.feature].where(
                condition
            )
        return tuple(box.values())

    def position(self, feature: str) -> int:
        """Where a feature stands in a box."""
        return list(self.domains).index(feature)


def is_empty(box: Box) -> bool:
    """Whether no session is in a box."""
    return any(region.is_empty for region in box)


def intersect(box: Box, other: Box) -> Box:
    """Sessions in two boxes."""
    return tuple(one & two for one, two in zip(box, other, strict=True))


def spaces_overlap(box: Box, other: Box) -> bool:
    """Whether some session is in both boxes."""
    return all(one.meets(two) for one, two in zip(box, other, strict=True))


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


def left_of(box: Box, covers: Sequence[Box]) -> Iterator[Box]:
    """What some boxes leave of another one, piece by piece, without overlap.

    Raises:
        Undecided: more than MOST_PIECES pieces were looked at.
    """
    n_pieces = 0
    covers = [cover for cover in covers if spaces_overlap(box, cover)]  # the others take nothing
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
    """Whether every session of a box is in one of others.

    Raises:
        Undecided: see `left_of`.
    """
    return next(left_of(box, covers), None) is None
