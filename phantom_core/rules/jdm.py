"""JDM: rules as a GoRules decision table for any Zen engine (Python, Node, Go, JVM, .NET, Rust).

A row is a rule, the last one ELSE; a column is a feature, twice where a rule has two conditions on
it; the hit policy is "first". Each cell states the effect of an undefined feature:
`$ != null and number($) > 10` is false where it is undefined, `$ == null or number($) > 10` is true
there, and `$ == null` tests for it. A row returns `markup_ratio` and `rule`.

Zen engines round a floating point input to about 15 digits, but compare decimal text exactly:
`number($)` takes both, so a caller that needs the last digit sends numbers as text
(`phantom_core.rules.zen` does).
Source: https://docs.gorules.io (decision table, expression language), zen-engine 2.1.
"""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, NoReturn, cast

from phantom_core.core.errors import InputError
from phantom_core.rules.condition import Condition, Operator
from phantom_core.rules.document import tests_from_json, tests_to_json
from phantom_core.rules.jdm_graph import TABLE, graph_problem, table_problem
from phantom_core.rules.rule_set import ELSE, Rule, RuleSet

MARKUP: Final = "markup_ratio"
RULE: Final = "rule"
_NUMBER: Final = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_TEXT: Final = r"(?:\"[^\"]*\"|'[^']*')(?: \+ (?:\"[^\"]*\"|'[^']*'))*"
_CELL: Final = re.compile(
    r"(?P<undefined>\$ == null or |\$ != null and )?(?:(?:number\(\$\)|\$) "
    rf"*)?(?P<operator>>=|<=|==|!=|>|<)? *(?P<value>{_NUMBER}|{_TEXT})"
)
_IS_UNDEFINED: Final = "$ == null"
_TO_JDM: Final = {"=": "=="}
_HINT: Final = (
    'A cell is one comparison such as > 10, == "Chrome" or $ == null; put a second one '
    "into a second column."
)


def to_jdm(rules: RuleSet) -> dict[str, object]:
    """A rule set as a JDM graph (input, decision table, output), which `from_jdm` reads back."""
    columns = _columns(rules)
    inputs = [
        {"id": f"in{n}", "name": feature, "field": feature} for n, feature in enumerate(columns)
    ]
    outputs = [{"id": name, "name": name, "field": name} for name in (MARKUP, RULE)]
    rows = [
        _row(
            f"row{n}",
            rules.title(n),
            rule.markup_ratio,
            rule.note,
            _cells(rule.conditions, columns),
        )
        for n, rule in enumerate(rules.rules)
    ]
    rows.append(_row("else", ELSE, rules.otherwise, rules.note, [""] * len(columns)))
    table = {
        "hitPolicy": "first",
        "executionMode": "single",
        "passThrough": False,
        "inputs": inputs,
        "outputs": outputs,
        "rules": rows,
    }
    return {
        "contentType": "application/vnd.gorules.decision",
        "metadata": {
            "name": rules.name,
            "rises_with": list(rules.rises_with),
            "falls_with": list(rules.falls_with),
            **({"tests": tests_to_json(rules.tests)} if rules.tests else {}),
        },
        "nodes": [
            {
                "id": "session",
                "type": "inputNode",
                "name": "session",
                "position": {"x": 80, "y": 120},
            },
            {
                "id": "table",
                "type": TABLE,
                "name": rules.name,
                "position": {"x": 380, "y": 120},
                "content": table,
            },
            {
                "id": "price",
                "type": "outputNode",
                "name": "price",
                "position": {"x": 680, "y": 120},
            },
        ],
        "edges": [
            {"id": "into", "type": "edge", "sourceId": "session", "targetId": "table"},
            {"id": "out", "type": "edge", "sourceId": "table", "targetId": "price"},
        ],
    }


def write_jdm(rules: RuleSet) -> str:
    """A rule set as JDM text."""
    return json.dumps(to_jdm(rules), indent=2, ensure_ascii=False) + "\n"


def from_jdm(graph: object, name: str = "") -> RuleSet:
    """Read a rule set from a JDM graph (input, decision table, output), also a GoRules editor's.

    Args:
        graph: the parsed JSON.
        name: of the rules; empty for the name the graph has.
    Raises:
        InputError: names the row and the cell, what was found and what was expected.
    """
    node, metadata = _table(graph)
    table = _mapping(node.get("content"))
    called = name or str(metadata.get("name") or node.get("name") or "rules")
    if table.get("hitPolicy") != "first":
        _reject(called, f"the hit policy is {table.get('hitPolicy')!r}, expected 'first'")
    inputs = [
        (str(one.get("id")), str(one.get("field") or "")) for one in _mappings(table.get("inputs"))
    ]
    outputs = {str(one.get("field")): str(one.get("id")) for one in _mappings(table.get("outputs"))}
    if MARKUP not in outputs:
        _reject(called, f"no output column '{MARKUP}', found {', '.join(outputs) or 'none'}")
    rows = _mappings(table.get("rules"))
    found = [_rule(called, n, row, inputs, outputs) for n, row in enumerate(rows, start=1)]
    if not found or found[-1][0] or any(not conditions for conditions, *_ in found[:-1]):
        _reject(called, "expected is one row without conditions, the last one: it is the ELSE")
    *above, (_, otherwise, note, _) = found
    return RuleSet(
        called,
        tuple(Rule(*parts) for parts in above),
        otherwise,
        note,
        _names(metadata.get("rises_with")),
        _names(metadata.get("falls_with")),
        tests_from_json(metadata.get("tests") or []),
    )


def jdm_literal(number: float) -> str:
    """A number as decimal text without an exponent, exactly.

    >>> jdm_literal(1e-05), jdm_literal(12.0)
    ('0.00001', '12')
    """
    return format(Decimal(repr(float(number)).removesuffix(".0")), "f")


def _columns(rules: RuleSet) -> list[str]:
    """Features of the columns, in an order that fits the conditions of every rule."""
    columns: list[str] = []
    for rule in rules.rules:
        start = 0
        for condition in rule.conditions:
            if condition.feature not in columns[start:]:
                columns.insert(start, condition.feature)
            start = columns.index(condition.feature, start) + 1
    return columns


def _cells(conditions: Sequence[Condition], columns: Sequence[str]) -> list[str]:
    cells, start = [""] * len(columns), 0
    for condition in conditions:
        place = columns.index(condition.feature, start)
        cells[place], start = _cell(condition), place + 1
    return cells


def _cell(condition: Condition) -> str:
    if condition.threshold is None:
        return _IS_UNDEFINED
    value = condition.threshold
    compared = (
        f"$ {_operator(condition)} {_quoted(value)}"
        if isinstance(value, str)
        else f"number($) {_operator(condition)} {jdm_literal(value)}"
    )
    return f"{'$ == null or' if condition.when_undefined else '$ != null and'} {compared}"


def _operator(condition: Condition) -> str:
    return _TO_JDM.get(condition.operator, condition.operator)


def _quoted(text: str) -> str:
    """A text in quotes; without escapes, one with both kinds of quotes is concatenated."""
    if '"' not in text:
        return f'"{text}"'
    return (
        f"'{text}'"
        if "'" not in text
        else """ + '"' + """.join(f'"{part}"' for part in text.split('"'))
    )


def _unquoted(text: str) -> str:
    return "".join(part[1:-1] for part in re.findall(r"\"[^\"]*\"|'[^']*'", text))


def _row(
    key: str, title: str, markup_ratio: float, note: str, cells: Sequence[str]
) -> dict[str, object]:
    inputs = {f"in{n}": cell for n, cell in enumerate(cells)}
    return {
        "_id": key,
        "_description": note,
        **inputs,
        MARKUP: jdm_literal(markup_ratio),
        RULE: f'"{title}"',
    }


def _table(graph: object) -> tuple[Mapping[str, object], Mapping[str, object]]:
    """The only decision table of a graph, and the graph's metadata."""
    whole = _mapping(graph)
    tables = [node for node in _mappings(whole.get("nodes")) if node.get("type") == TABLE]
    if len(tables) != 1:
        _reject("as JDM", f"found {len(tables)} decision tables, expected one")
    problem = graph_problem(_mappings(whole.get("nodes")), _mappings(whole.get("edges")))
    problem = problem or table_problem(_mapping(tables[0].get("content")))
    if problem:
        hint = "Only input → table → output is read; write what the other nodes do into the table."
        _reject("as JDM", problem, hint)
    return tables[0], _mapping(whole.get("metadata"))


def _rule(
    called: str,
    number: int,
    row: Mapping[str, object],
    inputs: Sequence[tuple[str, str]],
    outputs: Mapping[str, str],
) -> tuple[tuple[Condition, ...], float, str, str]:
    written = [(feature, str(row.get(key) or "").strip()) for key, feature in inputs]
    conditions = tuple(
        _condition(called, number, feature, cell)
        for feature, cell in written
        if cell and cell != "-"
    )
    markup = str(row.get(outputs[MARKUP], "")).strip()
    if not re.fullmatch(_NUMBER, markup):
        _reject(called, f"row {number} has the mark-up {markup!r}, expected a number")
    title = _unquoted(str(row.get(outputs.get(RULE, ""), "")))
    is_numbered = title in (ELSE, f"rule {number}")
    return (
        conditions,
        float(markup),
        str(row.get("_description") or "").strip(),
        "" if is_numbered else title,
    )


def _condition(called: str, number: int, feature: str, cell: str) -> Condition:
    if cell == _IS_UNDEFINED:
        return Condition(feature, "IS UNDEFINED", when_undefined=True)
    found = _CELL.fullmatch(cell)
    if not found:
        _reject(
            called,
            f"row {number}, {feature or 'a column without a field'}: cannot read {cell!r}",
            _HINT,
        )
    operator = "=" if found["operator"] in (None, "==") else found["operator"]
    # Without a test for null, the engine evaluates only != to true there.
    when_undefined = (
        found["undefined"].startswith("$ ==") if found["undefined"] else operator == "!="
    )
    value = found["value"]
    threshold = _unquoted(value) if value[0] in "\"'" else float(value)
    return Condition(feature, cast(Operator, operator), threshold, when_undefined)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object) -> list[Mapping[str, object]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _names(value: object) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, list) else ()


def _reject(called: str, what: str, hint: str = "") -> NoReturn:
    raise InputError(f"Rules {called}: {what}.", hint=hint)
