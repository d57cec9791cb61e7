"""Rules as a JSON document: every field is explicit, including the effect of an undefined feature.

{"format": "phantom-rules/1", "name": "bands", "rises_with": ["p_agent"], "falls_with": [],
 "rules": [{"name": "",
            "if": [{"feature": "p_agent", "operator": ">", "threshold": 0.7,
                    "when_undefined": false}],
            "markup_ratio": 1.3, "note": "very likely an agent"}],
 "otherwise": {"markup_ratio": 1.0, "note": ""},
 "tests": [{"given": {"p_agent": 0.9}, "markup_ratio": 1.3, "note": "a scraper"}]}
"""

import json
from collections.abc import Iterable
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from phantom_core.core.errors import InputError
from phantom_core.rules.condition import Condition, Operator
from phantom_core.rules.expectation import Expectation
from phantom_core.rules.rule_set import Rule, RuleSet

FORMAT: Final = "phantom-rules/1"
_Strict = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


class _Condition(BaseModel):
    model_config = _Strict
    feature: str
    operator: Operator
    threshold: Annotated[float, Field(allow_inf_nan=False)] | str | None
    when_undefined: bool


class _Rule(BaseModel):
    model_config = _Strict
    name: str = ""
    conditions: list[_Condition] = Field(alias="if")
    markup_ratio: float
    note: str = ""


class _Otherwise(BaseModel):
    model_config = _Strict
    markup_ratio: float
    note: str = ""


class _Test(BaseModel):
    model_config = _Strict
    given: dict[str, Annotated[float, Field(allow_inf_nan=False)] | str]
    markup_ratio: float
    note: str = ""


class _Document(BaseModel):
    model_config = _Strict
    format: Literal["phantom-rules/1"]
    name: str
    rises_with: list[str] = []
    falls_with: list[str] = []
    rules: list[_Rule]
    otherwise: _Otherwise
    tests: list[_Test] = []


_TESTS: Final = TypeAdapter(list[_Test])


def to_json(rules: RuleSet) -> dict[str, object]:
    """A rule set as plain values, which `from_json` reads back."""
    tests = tests_to_json(rules.tests)
    return {
        "format": FORMAT,
        "name": rules.name,
        "rises_with": list(rules.rises_with),
        "falls_with": list(rules.falls_with),
        "rules": [
            {
                "name": rule.name,
                "if": [
                    {
                        "feature": one.feature,
                        "operator": one.operator,
                        "threshold": one.threshold,
                        "when_undefined": one.when_undefined,
                    }
                    for one in rule.conditions
                ],
                "markup_ratio": rule.markup_ratio,
                "note": rule.note,
            }
            for rule in rules.rules
        ],
        "otherwise": {"markup_ratio": rules.otherwise, "note": rules.note},
        # Left out where there are none, so that earlier documents keep their bytes.
        **({"tests": tests} if tests else {}),
    }


def tests_to_json(tests: Iterable[Expectation]) -> list[dict[str, object]]:
    """Tests as plain values, which `tests_from_json` reads back."""
    return [
        {"given": dict(one.given), "markup_ratio": one.markup_ratio, "note": one.note}
        for one in tests
    ]


def tests_from_json(values: object) -> tuple[Expectation, ...]:
    """Read tests from plain values.

    Raises:
        InputError: they are no tests.
    """
    try:
        return tuple(map(_test, _TESTS.validate_python(values)))
    except ValidationError as error:
        raise InputError(
            f"Tests as JSON: {error.errors()[0]['msg']}.",
            hint="Expected is a list of given, markup_ratio and note.",
        ) from None


def write_document(rules: RuleSet) -> str:
    """A rule set as JSON text."""
    return json.dumps(to_json(rules), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def from_json(values: object) -> RuleSet:
    """Read a rule set from plain values.

    Raises:
        InputError: names the place, what was found and what was expected.
    """
    try:
        found = _Document.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise InputError(
            f"Rules as JSON, at {place}: {first['msg']}.",
            hint=f"Expected is a document of format {FORMAT}.",
        ) from None
    return RuleSet(
        found.name,
        tuple(
            Rule(tuple(map(_condition, rule.conditions)), rule.markup_ratio, rule.note, rule.name)
            for rule in found.rules
        ),
        found.otherwise.markup_ratio,
        found.otherwise.note,
        tuple(found.rises_with),
        tuple(found.falls_with),
        tuple(map(_test, found.tests)),
    )


def _test(found: _Test) -> Expectation:
    return Expectation(found.markup_ratio, tuple(found.given.items()), found.note)


def _condition(found: _Condition) -> Condition:
    return Condition(found.feature, found.operator, found.threshold, found.when_undefined)
