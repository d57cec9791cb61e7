"""Domain: the possible values of a feature."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from phantom_core.rules.condition import Condition
from phantom_core.rules.region import AFTER, BEFORE, FIRST, LAST, Cut, Region, Span

Kind = Literal["number", "whole", "category"]
# Stands for every category that is not named; no category has this name, as all are printable.
ANY_OTHER: Final = "\n"


@dataclass(frozen=True, slots=True)
class Domain:
    """The possible values of a feature.

    Attributes:
        kind: numbers, whole numbers, or categories.
        low, high: smallest and largest possible number; None without a bound.
        can_be_undefined: whether it may have no value.
        categories: all possible ones; ANY_OTHER among them where others are possible.
        unit: of the numbers, for display.
        seen: smallest and largest number in the data; None without data, or where every value is
            undefined.
        seen_categories: categories in the data; None without data.
    """

    kind: Kind = "number"
    low: float | None = None
    high: float | None = None
    can_be_undefined: bool = True
    categories: tuple[str, ...] = ()
    unit: str = ""
    seen: tuple[float, float] | None = None
    seen_categories: tuple[str, ...] | None = None

    def everything(self) -> Region:
        """All possible values, the same object each time."""
        return _everything(self)

    def _everything(self) -> Region:
        if self.kind == "category":
            return Region((), frozenset(self.categories), self.can_be_undefined)
        low: Cut = FIRST if self.low is None else (self.low, BEFORE)
        high: Cut = LAST if self.high is None else (self.high, AFTER)
        return self._exact(Region(((low, high),), frozenset(), self.can_be_undefined))

    def where(self, condition: Condition) -> Region:
        """Possible values that match a condition on the feature; none if it is of a wrong kind."""
        undefined, threshold = condition.when_undefined, condition.threshold
        if isinstance(threshold, str):
            named = frozenset((threshold,))
            chosen = named if condition.operator == "=" else frozenset(self.categories) - named
            found = Region((), chosen, undefined)
        else:
            found = Region(
                () if threshold is None else _spans(condition.operator, threshold),
                frozenset(),
                undefined,
            )
        return (
            self._exact(found) & self.everything()
            if self.kind == "whole"
            else found & self.everything()
        )

    def fits(self, condition: Condition) -> bool:
        """Whether the condition compares with a value of the right kind."""
        return condition.threshold is None or isinstance(condition.threshold, str) == (
            self.kind == "category"
        )

    def _exact(self, region: Region) -> Region:
        return region.whole() if self.kind == "whole" else region


@lru_cache(maxsize=4_096)
def _everything(domain: Domain) -> Region:
    return domain._everything()


def free_domains(conditions: Iterable[Condition]) -> dict[str, Domain]:
    """Domains without any restriction: any number or category, and undefined, by feature.

    Args:
        conditions: determine which features there are, and which of them are categories.
    """
    mentioned: dict[str, list[str]] = {}
    for condition in conditions:
        texts = mentioned.setdefault(condition.feature, [])
        if isinstance(condition.threshold, str):
            texts.append(condition.threshold)
    return {
        feature: Domain("category", categories=(*dict.fromkeys(texts), ANY_OTHER))
        if texts
        else Domain()
        for feature, texts in mentioned.items()
    }


def known_domains(
    known: Mapping[str, Domain], conditions: Iterable[Condition]
) -> dict[str, Domain]:
    """Domains of the features that some conditions read: known ones, else unrestricted ones."""
    return {
        feature: known.get(feature, domain) for feature, domain in free_domains(conditions).items()
    }


def _spans(operator: str, value: float) -> tuple[Span, ...]:
    before, after = (value, BEFORE), (value, AFTER)
    found: dict[str, tuple[Span, ...]] = {
        ">": ((after, LAST),),
        ">=": ((before, LAST),),
        "<": ((FIRST, before),),
        "<=": ((FIRST, after),),
        "=": ((before, after),),
        "!=": ((FIRST, before), (after, LAST)),
    }
    return found[operator]
