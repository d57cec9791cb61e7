"""Region: an exact set of values of one feature, with set operations."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

# A boundary on the number line: (x, BEFORE) lies just below x, (x, AFTER) just above it. So x >= 5
# is [(5, BEFORE), LAST) and x > 5 is [(5, AFTER), LAST): open and closed ends compare as pairs.
Cut = tuple[float, int]
Span = tuple[Cut, Cut]
BEFORE: Final = 0
AFTER: Final = 1
FIRST: Final[Cut] = (-math.inf, BEFORE)
LAST: Final[Cut] = (math.inf, AFTER)


@dataclass(frozen=True, slots=True)
class Region:
    """A set of values of a feature.

    Attributes:
        spans: intervals of numbers between two boundaries, ascending and disjoint.
        categories: texts.
        undefined: whether the undefined value is among them.
    """

    spans: tuple[Span, ...] = ()
    categories: frozenset[str] = frozenset()
    undefined: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether it has no value."""
        return not (self.spans or self.categories or self.undefined)

    def overlaps(self, other: "Region") -> bool:
        """Whether some value is in both."""
        if self is other:
            return not self.is_empty
        return (
            (self.undefined and other.undefined)
            or any(max(a, c) < min(b, d) for a, b in self.spans for c, d in other.spans)
            or not self.categories.isdisjoint(other.categories)
        )

    def __and__(self, other: "Region") -> "Region":
        """The values in both."""
        if self is other:
            return self
        # Nearly always; the rest is for conditions with !=.
        if len(self.spans) == 1 == len(other.spans):
            ((a, b),), ((c, d),) = self.spans, other.spans
            low, high = max(a, c), min(b, d)
            spans = ((low, high),) if low < high else ()
            return Region(
                spans, self.categories & other.categories, self.undefined and other.undefined
            )
        both = ((max(a, c), min(b, d)) for a, b in self.spans for c, d in other.spans)
        return Region(
            join_regions(both),
            self.categories & other.categories,
            self.undefined and other.undefined,
        )

    def __or__(self, other: "Region") -> "Region":
        """The values in either."""
        return Region(
            join_regions((*self.spans, *other.spans)),
            self.categories | other.categories,
            self.undefined or other.undefined,
        )

    def minus(self, other: "Region") -> "Region":
        """The values in this one alone."""
        outside = Region(_outside(other.spans))
        return Region(
            (self & outside).spans,
            self.categories - other.categories,
            self.undefined and not other.undefined,
        )

    def whole(self) -> "Region":
        """The same for a feature of whole numbers: spans from and up to whole numbers.

        >>> Region((((0.5, AFTER), (2.0, BEFORE)),)).whole().spans
        (((1, 0), (2, 0)),)
        """
        return Region(
            join_regions((_whole(low), _whole(high)) for low, high in self.spans),
            self.categories,
            self.undefined,
        )


def join_regions(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans in order, without empty ones, adjacent ones merged."""
    found: list[Span] = []
    for low, high in sorted(span for span in spans if span[0] < span[1]):
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return tuple(found)


def describe_region(region: Region, *, is_whole: bool = False) -> str:
    """A region in words.

    Args:
        region: what to describe.
        is_whole: its numbers are whole ones.

    >>> describe_region(Region((((0.4, AFTER), (0.7, AFTER)),)))
    'above 0.4 and up to 0.7'
    >>> describe_region(Region((), frozenset({"Chrome"}), True))
    'Chrome, or undefined'
    """
    parts = [_span(_closed(span) if is_whole else span) for span in region.spans] + sorted(
        one for one in region.categories if one.isprintable()
    )
    if any(not one.isprintable() for one in region.categories):
        parts.append("any other")
    shown = " or ".join(parts)
    return (
        f"{shown}, or undefined"
        if shown and region.undefined
        else shown or ("undefined" if region.undefined else "nothing")
    )


def _closed(span: Span) -> Span:
    """A span of whole numbers with a closed end: below a boundary, the number before it."""
    low, (high, side) = span
    return low, (high - 1, AFTER) if side == BEFORE else (high, side)


def _span(span: Span) -> str:
    (low, low_side), (high, high_side) = span
    if low == high:
        return f"exactly {low:g}"
    above = "" if math.isinf(low) else f"above {low:g}" if low_side == AFTER else f"from {low:g}"
    below = (
        "" if math.isinf(high) else f"up to {high:g}" if high_side == AFTER else f"below {high:g}"
    )
    if above.startswith("from") and not below:
        return f"{above} on"
    return " and ".join(part for part in (above, below) if part) or "any number"


def _outside(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    cuts = [FIRST, *(cut for span in spans for cut in span), LAST]
    return join_regions(zip(cuts[::2], cuts[1::2], strict=True))


def _whole(cut: Cut) -> Cut:
    value, side = cut
    if math.isinf(value):
        return cut
    return (math.ceil(value), BEFORE) if side == BEFORE else (math.floor(value) + 1, BEFORE)
