"""Forms: rules written in any form are read back, under a given name."""

import json

import pytest

from phantom_core.core.errors import InputError
from phantom_core.rules.forms import FORMS, read_form, write_form
from phantom_core.rules.jdm import write_jdm
from phantom_core.rules.text import parse_rules

BANDS = parse_rules(
    "IF p_agent > 0.7 OR UNDEFINED THEN markup 1.3 (likely agent)\nELSE markup 1", "bands"
)


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_read_back_under_another_name(form: str) -> None:
    found = read_form(write_form(BANDS, next(one for one in FORMS if one == form)), "others")
    assert found.name == "others"
    assert (found.rules, found.otherwise) == (BANDS.rules, BANDS.otherwise)


def test_text_that_begins_like_json_but_is_none_is_answered_with_its_line() -> None:
    with pytest.raises(InputError, match="Rules others, line 2: this is not JSON"):
        read_form('{"format":\n oops}', "others")


def test_an_engine_answers_with_the_price_alone() -> None:
    nodes = json.loads(write_jdm(BANDS))["nodes"]
    [table] = [node for node in nodes if node["type"] == "decisionTableNode"]
    assert (table["content"]["hitPolicy"], table["content"]["passThrough"]) == ("first", False)
