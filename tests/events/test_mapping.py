"""Mappings translate foreign columns, and errors in them are reported."""

import re

import pytest

from phantom_core.core.errors import MappingError
from phantom_core.events.canonical import canonical_mapping, fitting_mappings
from phantom_core.events.columns import Columns
from phantom_core.events.mapping import load_mapping, parse_mapping, shipped_mappings

MINIMAL = 'name = "mine"\n[columns]\nsession_id = "sid"\nts = "t"\nevent_name = "what"\n'


@pytest.mark.parametrize("name", shipped_mappings())
def test_shipped_mappings_are_valid_and_survive_being_written(name: str) -> None:
    mapping = load_mapping(name)
    assert mapping.name == name
    assert parse_mapping(mapping.to_toml()) == mapping


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name = ", "is not valid TOML"),
        ('name = "x"', "nothing gives session_id, ts, event_name"),
        (MINIMAL + 'colour = "red"', "'colour' is not a field of events"),
        (MINIMAL + '[event_names]\nbuy = "teleport"', "'teleport' is not an event name"),
        (
            MINIMAL + '[[event_rules]]\nevent_name = "search"\nwhen = { path = "(" }',
            "is not a regular expression",
        ),
        ("kind = 3\n" + MINIMAL, "kind"),
        ('time_zone = "Mars/Olympus"\n' + MINIMAL, "'Mars/Olympus' is not a time zone"),
        ('time_format = "%d.%Q"\n' + MINIMAL, "is not a time pattern"),
        ('encoding = "morse"\n' + MINIMAL, "there is no encoding 'morse'"),
        (
            MINIMAL + '[[event_rules]]\nevent_name = "search"\nwhen = { path = "(?=x)" }',
            "is not a regular expression",
        ),
        (MINIMAL + '[extract.page]\ncolumn = "path"\npattern = "("', "is not a regular expression"),
        (
            MINIMAL + '[extract.event_name]\ncolumn = "path"\npattern = "(x)"',
            "'event_name' cannot be given like this",
        ),
        (MINIMAL + '[constants]\nstore_mode = "casino"', "store_mode must be one of"),
        (MINIMAL.replace('"sid"', "[]"), "a list of columns is empty"),
    ],
)
def test_a_wrong_mapping_is_refused_with_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises(MappingError, match=re.escape(complaint)):
        parse_mapping(text)


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(MappingError, match="There is no column 'sid'; the columns are a, b"):
        Columns(["a", "b"], is_json=False).text("sid")


def test_the_error_of_a_file_that_needs_a_mapping_names_one() -> None:
    columns = Columns(
        ["event_time", "event_type", "product_id", "price", "user_session"], is_json=False
    )
    assert fitting_mappings(columns) == ["rees46"]
    with pytest.raises(MappingError, match="use --mapping rees46"):
        canonical_mapping(columns)


def test_snake_and_camel_case_are_both_understood() -> None:
    snake = Columns(["session_id", "event_ms", "event_name", "price"], is_json=False)
    mapping = canonical_mapping(snake)
    assert sorted(mapping.columns) == ["event_name", "session_id", "ts"]
    assert '"event_ms"' in snake.joined(mapping.columns["ts"])
    assert mapping.metadata == {"price": "price"}
