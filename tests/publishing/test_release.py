"""A release is the rules, whichever of its forms one reads, or it is refused."""

import json
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phantom_core.core.errors import DataError, InputError
from phantom_core.publishing.live import NOTHING_LIVE, Live, parse_live
from phantom_core.publishing.release import parse_release, release_of
from phantom_core.rules.evaluate import evaluate_rules
from phantom_core.rules.jdm import from_jdm
from phantom_core.rules.rule_set import RuleSet
from tests.publishing.samples import FIRST, LIVE_SECOND, make_live
from tests.rules import strategies, test_text

VERSIONS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}", fullmatch=True).filter(
    lambda version: version != "live"
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
lives = st.builds(
    Live,
    st.integers(0, 2**53 - 1),
    st.just("") | VERSIONS,
    st.floats(0, 1),
    st.just("") | VERSIONS,
    TEXTS,
    st.booleans(),
    st.sampled_from(["rules", "model"]),
    st.integers(0),
    st.from_regex(r"[0-9a-f]{0,64}", fullmatch=True),
    st.integers(0),
    lowest_markup=st.floats(0.1, 1),
    highest_markup=st.floats(1, 10),
)


@pytest.mark.slow
@given(
    test_text.rule_sets(),
    VERSIONS,
    TEXTS,
    st.integers(0, 2**53),
    st.dictionaries(TEXTS, TEXTS, max_size=2),
)
def test_rules_come_back_from_the_bytes_of_their_release(
    rules: RuleSet, version: str, request_id: str, created_ms: int, models: dict[str, str]
) -> None:
    release = release_of(rules, version, request_id, created_ms, models)
    content = release.to_bytes()
    found = parse_release(content)
    assert found == release
    assert found.rules() == rules
    assert found.to_bytes() == content
    assert json.loads(content)["sha256"] == found.sha256


@given(strategies.rule_sets, st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_every_session_gets_the_same_answer_from_what_readers_find(
    rules: RuleSet, seed: int
) -> None:
    columns = strategies.random_sessions(500, np.random.default_rng(seed))
    expected = evaluate_rules(rules, columns, 500)
    found = parse_release(release_of(rules, "v1", "r", 1, {}).to_bytes())
    for form in (found.rules(), from_jdm(found.jdm, found.name)):
        answer = evaluate_rules(form, columns, 500)
        assert np.array_equal(answer.markup_ratio, expected.markup_ratio)
        assert np.array_equal(answer.rule, expected.rule)


@given(st.data())
@settings(max_examples=200)
def test_no_changed_byte_goes_unnoticed(data: st.DataObject) -> None:
    content = bytearray(FIRST.to_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255).filter(lambda value: value != content[place]))
    try:
        found = parse_release(bytes(content))
    except DataError:
        return
    assert found == FIRST  # only a blank for a blank, or an escape for what it stands for


def test_the_order_of_keys_and_blanks_in_the_json_do_not_matter() -> None:
    values = list(json.loads(FIRST.to_bytes()).items())
    random.Random(1).shuffle(values)
    assert parse_release(json.dumps(dict(values), indent=3)) == FIRST


def test_text_and_table_that_differ_are_refused_even_with_a_right_hash() -> None:
    from phantom_core.publishing.canonical import canonical_digest, canonical_json

    values = json.loads(FIRST.to_bytes())
    values["text"] = values["text"].replace("1.2", "1.4")
    with pytest.raises(DataError, match="its text and its decision table are different rules"):
        parse_release(canonical_json(values | {"sha256": canonical_digest(values)}))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The release holds 0 bytes that are not a JSON object"),
        (b"[1]", "not a JSON object"),
        (b"\x80\x04\x95", "not a JSON object"),
        (b"[" * 100_000, "not a JSON object"),
        (
            b'{"format": "phantom-release/2"}',
            "format 'phantom-release/2', expected 'phantom-release/1'",
        ),
        (b'{"format": "phantom-release/1"}', "is damaged, at version: Field required"),
        (
            FIRST.to_bytes().replace(b"agents", b"others"),
            "is not what was published: its SHA-256 differs",
        ),
    ],
)
def test_what_is_no_release_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        parse_release(content)


@pytest.mark.parametrize("version", ["", "live", "a b", "../x", "-x", "a" * 129, "naïve", "x\n"])
def test_what_cannot_name_a_version_is_refused(version: str) -> None:
    with pytest.raises(InputError, match="cannot name a version"):
        release_of(FIRST.rules(), version, "r", 1, {})


def test_half_a_character_is_refused() -> None:
    with pytest.raises(InputError, match="contains half a character"):
        release_of(RuleSet("\ud800", ()), "v1", "r", 1, {})


@given(lives)
def test_what_is_live_comes_back_from_its_bytes(live: Live) -> None:
    assert parse_live(live.to_bytes()) == live
    assert parse_live(live.to_bytes()).to_bytes() == live.to_bytes()


def test_whole_numbers_make_no_difference() -> None:
    assert make_live(1, "v1", share=1).to_bytes() == make_live(1, "v1", share=1.0).to_bytes()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"epoch": "x"}, "is damaged, at epoch"),
        ({"share": 2}, "2.0 is not a valid share"),
        ({"share": None}, "is damaged, at share"),
        ({"version": "live"}, "'live' cannot name a version"),
        ({"policy": "whim"}, "is damaged, at policy"),
        ({"lowest_markup": 2.0}, "No price lies within guard rails of ×2 to ×1.5"),
        ({"format": "phantom-live/2"}, "format 'phantom-live/2'"),
        ({"more": 1}, "is damaged, at more"),
        ({"audit_hash": "xyz"}, "not hexadecimal"),
    ],
)
def test_what_cannot_be_live_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(DataError, match=said):
        parse_live(json.dumps(json.loads(LIVE_SECOND.to_bytes()) | change))


def test_guard_rails_may_leave_one_price() -> None:
    assert Live(1, "first-1", lowest_markup=1.0, highest_markup=1.0).highest_markup == 1.0
    assert Live(1, "first-1", lowest_markup=10.0, highest_markup=10.0).lowest_markup == 10.0


def test_nothing_live_is_the_base_price() -> None:
    assert (NOTHING_LIVE.epoch, NOTHING_LIVE.versions) == (0, ())
