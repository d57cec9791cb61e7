"""Rules as text that a pricing manager reads and writes, without loss.

    MARKUP RISES WITH p_agent
    IF interaction_velocity > 10 AND cart_to_view_ratio < 0.1 THEN markup 1.30 AS recon (likely bot)
    ELIF p_agent > 0.4 OR UNDEFINED AND browser_family = 'Chrome' THEN markup 1.10
    ELIF std_price_seen IS UNDEFINED THEN markup 1.05
    ELSE markup 1.00
    EXPECT markup 1.10 GIVEN p_agent = 0.6, browser_family = 'Chrome' (a price monitor)

A condition on an undefined feature is false, != included, unless OR UNDEFINED follows it. One rule
a line; empty lines and lines that begin with # are skipped; keywords may be in any case. MARKUP
RISES WITH and MARKUP FALLS WITH come first and change no price: a check enforces them. So do EXPECT
lines, which come last: a session and the mark-up it must get, other features undefined.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NoReturn, cast

from phantom_core.core.errors import InputError
from phantom_core.rules.condition import NAME, Condition, Operator
from phantom_core.rules.expectation import Expectation
from phantom_core.rules.rule_set import Rule, RuleSet

_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_TOKEN: Final = re.compile(rf"\s*('(?:[^']|'')*'|>=|<=|!=|[><=]|{_NUMBER.pattern}(?![\w.])|\w+|\S)")
_COMPARISONS: Final = (">", ">=", "<", "<=", "=", "!=")


def format_rules(rules: RuleSet) -> str:
    """A rule set as text, which `parse_rules` reads back.

    >>> rule = Rule((Condition("p_agent", ">", 0.7),), 1.3, "likely an agent")
    >>> print(format_rules(RuleSet("bands", (rule,))), end="")
    IF p_agent > 0.7 THEN markup 1.30 (likely an agent)
    ELSE markup 1.00
    """
    declared = [f"MARKUP {way} WITH {name}" for way, names in _ways(rules) for name in names]
    lines = [
        f"{'ELIF' if position else 'IF'} {format_conditions(rule.conditions)} THEN "
        f"{_markup(rule.markup_ratio, rule.note, rule.name)}"
        for position, rule in enumerate(rules.rules)
    ]
    tests = map(format_expectation, rules.tests)
    otherwise = f"ELSE {_markup(rules.otherwise, rules.note)}"
    return "\n".join([*declared, *lines, otherwise, *tests]) + "\n"


def format_expectation(test: Expectation) -> str:
    """A test as a line of text."""
    note = f" ({test.note})" if test.note else ""
    return f"EXPECT markup {_ratio(test.markup_ratio)} GIVEN {format_given(test)}{note}"


def format_given(test: Expectation) -> str:
    """The session of a test as text.

    >>> format_given(Expectation(1.1, (("p_agent", 0.6), ("browser_family", "Chrome"))))
    "p_agent = 0.6, browser_family = 'Chrome'"
    """
    given = [f"{name} = {_value(value)}" for name, value in test.given]
    return ", ".join(given) or "NOTHING"


def format_conditions(conditions: Iterable[Condition]) -> str:
    """Conditions as text, joined by AND.

    >>> other = Condition("p_agent", "<", 0.5, when_undefined=True)
    >>> format_conditions((Condition("cart_adds", ">", 0.0), other))
    'cart_adds > 0 AND p_agent < 0.5 OR UNDEFINED'
    """
    return " AND ".join(_condition(condition) for condition in conditions)


def _ways(rules: RuleSet) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (("RISES", rules.rises_with), ("FALLS", rules.falls_with))


def parse_rules(text: str, name: str) -> RuleSet:
    """Read a rule set.

    Args:
        text: one rule a line, the last one ELSE.
        name: of the rules in results and errors.
    Raises:
        InputError: names the line, what was found there and what was expected.
    """
    rules: list[Rule] = []
    declared: dict[str, list[str]] = {"RISES": [], "FALLS": []}
    otherwise: tuple[float, str] | None = None
    tests: list[Expectation] = []
    number = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        reader = _Line(line, number, name)
        if otherwise:
            if not reader.follows("EXPECT"):
                reader.fail("EXPECT, or nothing after the ELSE line")
            tests.append(reader.expectation())
            continue
        if not rules and reader.follows("MARKUP"):
            declared[reader.keyword("RISES", "FALLS")].append(reader.declared_feature())
        elif reader.keyword(*(("ELIF", "ELSE") if rules else ("IF", "ELSE"))) == "ELSE":
            otherwise = reader.otherwise()
            with reader.named():
                RuleSet(name, (), *otherwise)
        else:
            conditions = reader.conditions()
            ratio, note, title = reader.markup()
            with reader.named():
                rules.append(Rule(conditions, ratio, note, title))
    if otherwise is None:
        raise InputError(
            f"Rules {name}, line {number + 1}: found the end, expected ELSE markup 1.00."
        )
    return RuleSet(
        name,
        tuple(rules),
        *otherwise,
        rises_with=tuple(declared["RISES"]),
        falls_with=tuple(declared["FALLS"]),
        tests=tuple(tests),
    )


def _condition(condition: Condition) -> str:
    if condition.threshold is None:
        return f"{condition.feature} IS UNDEFINED"
    return (
        f"{condition.feature} {condition.operator} "
        f"{_value(condition.threshold)}{' OR UNDEFINED' if condition.when_undefined else ''}"
    )


def _value(value: float | str) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(float(value)).removesuffix(".0")


def _ratio(ratio: float) -> str:
    shown = f"{ratio:.2f}"
    return shown if float(shown) == ratio else repr(float(ratio))


def _markup(ratio: float, note: str, name: str = "") -> str:
    named = f" AS {name}" if name else ""
    return f"markup {_ratio(ratio)}{named}{f' ({note})' if note else ''}"


@dataclass(slots=True)
class _Line:
    """A line that is read from left to right."""

    text: str
    number: int
    name: str
    at: int = 0

    def fail(self, expected: str) -> NoReturn:
        found = self._peek()
        raise InputError(
            f"Rules {self.name}, line {self.number}: found {found or 'the end of the line'}, "
            f"expected {expected}."
        )

    def _peek(self) -> str:
        found = _TOKEN.match(self.text, self.at)
        return found[1] if found else ""

    def _take(self) -> str:
        found = _TOKEN.match(self.text, self.at)
        self.at = found.end() if found else len(self.text)
        return found[1] if found else ""

    def follows(self, *words: str) -> bool:
        """Whether some keywords come next; they are taken if so."""
        start = self.at
        if all(self._take().upper() == word for word in words):
            return True
        self.at = start
        return False

    def keyword(self, *words: str) -> str:
        """Take one of some keywords."""
        for word in words:
            if self.follows(word):
                return word
        self.fail(" or ".join(words))

    def conditions(self) -> tuple[Condition, ...]:
        """Take conditions up to and with THEN."""
        found = [self._condition()]
        while self.keyword("AND", "THEN") == "AND":
            found.append(self._condition())
        return tuple(found)

    def _condition(self) -> Condition:
        feature = self._name("the name of a feature")
        if self.follows("IS", "UNDEFINED"):
            return Condition(feature, "IS UNDEFINED", when_undefined=True)
        if self._peek() not in _COMPARISONS:
            self.fail(f"{', '.join(_COMPARISONS)} or IS UNDEFINED")
        operator = cast(Operator, self._take())
        threshold = self._threshold()
        when_undefined = self.follows("OR", "UNDEFINED")
        with self.named():
            return Condition(feature, operator, threshold, when_undefined)

    def _threshold(self) -> float | str:
        found = self._peek()
        if found.startswith("'") and len(found) > 1:
            return self._take()[1:-1].replace("''", "'")
        return self._number("a number, or a category in single quotes")

    def _number(self, expected: str) -> float:
        if not _NUMBER.fullmatch(self._peek()):
            self.fail(expected)
        return float(self._take())

    def markup(self) -> tuple[float, str, str]:
        """Take a mark-up, the name and the note after it, to the end of the line."""
        self.keyword("MARKUP")
        ratio = self._number("a price ratio such as 1.30")
        name = self._name("the name of the rule") if self.follows("AS") else ""
        return ratio, self._note(), name

    def expectation(self) -> Expectation:
        """Take the mark-up and the session of a test, and the note after it."""
        self.keyword("MARKUP")
        ratio = self._number("a price ratio such as 1.30")
        self.keyword("GIVEN")
        given: list[tuple[str, float | str]] = []
        if not self.follows("NOTHING"):
            given.append(self._given())
            while self._peek() == ",":
                self._take()
                given.append(self._given())
        with self.named():
            return Expectation(ratio, tuple(given), self._note())

    def _given(self) -> tuple[str, float | str]:
        feature = self._name("the name of a feature, or NOTHING")
        if self._take() != "=":
            self.fail("= after the feature")
        return feature, self._threshold()

    def otherwise(self) -> tuple[float, str]:
        """Take the mark-up and the note of ELSE, which has no name."""
        self.keyword("MARKUP")
        return self._number("a price ratio such as 1.30"), self._note()

    def declared_feature(self) -> str:
        """Take the feature of a declaration, to the end of the line."""
        self.keyword("WITH")
        feature = self._name("the name of a feature")
        if self._peek():
            self.fail("the end of the line")
        return feature

    def _name(self, expected: str) -> str:
        if not NAME.fullmatch(self._peek()):
            self.fail(expected)
        return self._take()

    def _note(self) -> str:
        rest = self.text[self.at :].strip()
        if not rest:
            return ""
        if not (rest.startswith("(") and rest.endswith(")") and len(rest) > 1):
            self.fail("a note in parentheses, or the end of the line")
        return rest[1:-1].strip()

    @contextmanager
    def named(self) -> Iterator[None]:
        """Name the line in the error of an invalid part."""
        try:
            yield
        except InputError as error:
            raise InputError(
                f"Rules {self.name}, line {self.number}: {error.message}", hint=error.hint
            ) from None
