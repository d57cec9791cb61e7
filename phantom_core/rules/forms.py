"""Forms: a rule set as text, JSON or JDM, recognised by the content."""

import json
from collections.abc import Callable, Mapping
from typing import Final, Literal, get_args

from phantom_core.core.errors import InputError
from phantom_core.rules.document import from_json, write_document
from phantom_core.rules.jdm import from_jdm, write_jdm
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.text import format_rules, parse_rules

Form = Literal["text", "json", "jdm"]
FORMS: Final[tuple[Form, ...]] = get_args(Form)
SUFFIXES: Final[Mapping[Form, str]] = {"text": "rules", "json": "json", "jdm": "jdm.json"}
MOST_CHARACTERS: Final = 1_000_000
_WRITE: Final[Mapping[Form, Callable[[RuleSet], str]]] = {
    "text": format_rules,
    "json": write_document,
    "jdm": write_jdm,
}


def read_form(content: str, name: str) -> RuleSet:
    """Read a rule set in any form.

    Args:
        content: text, a JSON document, or a JDM graph.
        name: of the rules in results.
    Raises:
        InputError: it is invalid; names the place.
    """
    if len(content) > MOST_CHARACTERS:
        raise InputError(
            f"Rules {name} have {len(content):,} characters; at most {MOST_CHARACTERS:,} are read.",
            hint="Is this the right file?",
        )
    if not content.lstrip().startswith("{"):
        return parse_rules(content, name)
    try:
        return _from_document(json.loads(content), name)
    except json.JSONDecodeError as error:
        raise InputError(
            f"Rules {name}, line {error.lineno}: this is not JSON, {error.msg}.",
            hint="Write rules as text or as JSON.",
        ) from None
    except (RecursionError, ValueError) as error:
        what = "nested too deep" if isinstance(error, RecursionError) else f"no JSON: {error}"
        raise InputError(
            f"Rules {name} are {what}.", hint="Write rules as text or as JSON."
        ) from None


def _from_document(values: dict[str, object], name: str) -> RuleSet:
    return from_jdm(values, name) if "nodes" in values else from_json(values | {"name": name})


def write_form(rules: RuleSet, form: Form) -> str:
    """A rule set in a form, which `read_form` reads back."""
    return _WRITE[form](rules)
