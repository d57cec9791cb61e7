"""Terms: feature definitions over the events of a session, for SQL, live sessions and the market.

A measure is what events are folded into (a count, an extreme, distinct values …); a term combines
measures, as in `CARTS / (VIEWS + 1)`. NULL is undefined: whatever is combined with it, and whatever
is divided by 0, is undefined too.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Operator = Literal["+", "-", "*", "/", "//", "%", ">"]
Key = Literal["page", "product_id"]
Column = Literal["event_ms", "gap_ms", "price_seen"]
Which = Literal["MIN", "MAX", "AVG", "STDDEV_SAMP"]


@dataclass(frozen=True, slots=True)
class EventKind:
    """Which events count; without names and prefixes, every one.

    Attributes:
        word: what SQL calls them, a plural.
        names: canonical event names.
        prefixes: or how a name begins, in letters alone.
    """

    word: str
    names: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()

    def __contains__(self, event_name: str) -> bool:
        return self == EVENTS or event_name in self.names or event_name.startswith(self.prefixes)


EVENTS: Final = EventKind("events")


class Term:
    """A number, a truth or a text of one session; arithmetic on terms gives terms."""

    __slots__ = ()

    def __add__(self, other: "Term | float") -> "Term":
        return Combined("+", self, _term(other))

    def __sub__(self, other: "Term | float") -> "Term":
        return Combined("-", self, _term(other))

    def __mul__(self, other: "Term | float") -> "Term":
        return Combined("*", self, _term(other))

    def __truediv__(self, other: "Term | float") -> "Term":
        return Combined("/", self, _term(other))

    def __floordiv__(self, other: int) -> "Term":
        return Combined("//", self, Number(other))

    def __mod__(self, other: int) -> "Term":
        return Combined("%", self, Number(other))

    def __gt__(self, other: "Term | float") -> "Term":
        return Combined(">", self, _term(other))


@dataclass(frozen=True, slots=True)
class Number(Term):
    """A constant."""

    value: float


@dataclass(frozen=True, slots=True)
class Combined(Term):
    """Two terms and what is done with them."""

    operator: Operator
    left: Term
    right: Term


class Measure(Term):
    """What events are folded into."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Count(Measure):
    """How many events there are."""

    of: EventKind = EVENTS


@dataclass(frozen=True, slots=True)
class Distinct(Measure):
    """How many values the events name; 0 without any."""

    key: Key
    of: EventKind = EVENTS


@dataclass(frozen=True, slots=True)
class MostOfOne(Measure):
    """Events that name the value named most often; undefined without any."""

    key: Key
    of: EventKind = EVENTS


@dataclass(frozen=True, slots=True)
class Statistic(Measure):
    """Minimum, maximum, mean or standard deviation (n − 1) of a column where it is defined.

    Gaps are those between any two consecutive events.
    """

    which: Which
    column: Column
    of: EventKind = EVENTS

    def __post_init__(self) -> None:
        if self.column == "gap_ms" and self.of != EVENTS:
            raise TypeError("Gaps are those between consecutive events, of whatever kind.")
        if self.column == "event_ms" and self.which not in ("MIN", "MAX"):
            raise TypeError("Times of events have a first and a last one, no mean and no spread.")


@dataclass(frozen=True, slots=True)
class MostWithin(Measure):
    """Most events in any window [t − window_ms, t] that ends at an event."""

    window_ms: int


@dataclass(frozen=True, slots=True)
class Says(Measure):
    """Whether the first user agent contains one of some lower-case tokens; undefined without one.

    Attributes:
        word: what SQL calls it.
    """

    word: str
    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SaysWhich(Measure):
    """Which value the first user agent's tokens stand for; undefined without a user agent.

    Attributes:
        word: what SQL calls it.
        values: all possible ones; the last where no token is found. Saved models number them:
            append, never rearrange.
        signs: a value and its tokens, the least specific first: where several are found, the last
            decides.
    """

    word: str
    values: tuple[str, ...]
    signs: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class PaidIn(Measure):
    """Sum paid, in the shop's currency; undefined where unknown. A target: not in live sessions."""

    of: EventKind


@dataclass(frozen=True, slots=True)
class If(Term):
    """One term where a condition holds, else another."""

    condition: Term
    then: Term
    otherwise: Term


def measures_of(terms: Iterable[Term]) -> tuple[Measure, ...]:
    """The measures that terms are made of, each once.

    >>> measures_of([Count() / (Count() + 1), Distinct("page")]) == (Count(), Distinct("page"))
    True
    """
    return tuple(
        dict.fromkeys(
            measure for term in terms for measure in _parts(term) if isinstance(measure, Measure)
        )
    )


@dataclass(frozen=True, slots=True)
class Program:
    """Steps that compute terms from measures, each sub-term once, in one growing list of values.

    Attributes:
        constants: behind the measures.
        steps: an operator and where its two values stand.
        results: where the value of each term stands.
    """

    constants: tuple[float, ...]
    steps: tuple[tuple[Operator, int, int], ...]
    results: tuple[int, ...]


def program(terms: Sequence[Term], measures: Sequence[Measure]) -> Program:
    """Compile terms into a program.

    Args:
        terms: to compute.
        measures: all that they are made of, in the order in which their values will be given.

    >>> program([Count() / (Count() + 1)], [Count()])
    Program(constants=(1,), steps=(('+', 0, 1), ('/', 0, 2)), results=(3,))
    """
    parts = list(dict.fromkeys(part for term in terms for part in _parts(term)))
    constants = [part for part in parts if isinstance(part, Number)]
    combined = [part for part in parts if isinstance(part, Combined)]
    place = {part: at for at, part in enumerate((*measures, *constants, *combined))}
    steps = [(part.operator, place[part.left], place[part.right]) for part in combined]
    return Program(
        tuple(part.value for part in constants), tuple(steps), tuple(place[term] for term in terms)
    )


def _parts(term: Term) -> Iterator[Term]:
    """A term and what it is made of, what is needed first first."""
    match term:
        case Combined(_, left, right):
            yield from (*_parts(left), *_parts(right))
        case If(condition, then, otherwise):
            yield from (*_parts(condition), *_parts(then), *_parts(otherwise))
    yield term


def _term(value: Term | float) -> Term:
    return value if isinstance(value, Term) else Number(value)
