"""Evidence stays readable across versions, and is stored byte for byte as it was frozen."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

import pytest

from phantom_core.core.errors import DataError
from phantom_core.evidence.evidence import (
    VERSION,
    Evidence,
    EvidencePart,
    evidence_digest,
    parse_evidence,
)
from phantom_core.evidence.gates import human_premium
from phantom_core.evidence.stored_evidence import (
    StoredArm,
    StoredClass,
    StoredRecovery,
    StoredReplay,
    StoredRules,
    StoredValue,
)
from phantom_core.replay.markups import Recovered, ReplayClassFigures
from phantom_core.replay.off_policy import OffPolicyValue
from phantom_core.replay.replay import Replay, SetReplay
from phantom_core.rules.text import format_rules
from phantom_core.session_market.result import SessionFigures
from tests.evidence.samples import LIMITS, V1_TEXT, evidence, stored


def paths(value: object, at: str = "") -> Iterator[str]:
    """Every place in a document that holds a plain value, lists by their first entry."""
    if isinstance(value, dict) and value:
        for name, one in value.items():
            yield from paths(one, f"{at}.{name}")
    elif isinstance(value, list) and value:
        yield from paths(value[0], f"{at}[]")
    else:
        yield at


def read_again(found: Evidence) -> Evidence:
    return parse_evidence(found.to_text(), found.sha256)


def test_evidence_without_a_version_is_read_and_keeps_its_hash() -> None:
    found = stored()
    assert (found.version, found.limits) == (1, None)
    assert (found.to_text(), found.sha256) == (V1_TEXT, evidence_digest(V1_TEXT))
    assert format_rules(found.rules) == found.text
    replay, trial, fidelity = found.replay.found, found.trial.found, found.fidelity.found
    assert replay and replay.rules.human and trial and fidelity
    assert replay.rules.human.premium.value == 0.003231939163498102
    assert replay.against.human and replay.against.human.premium_when_marked_up.value is None
    assert (trial.proposed.revenue.value, trial.live.reward.value) == (1219.192899088684, 1201.9)
    assert (trial.live_of_optimum.value, fidelity.sessions) == (0.9794925635597469, 300)
    assert [one.severity for one in found.findings] == ["warning", "note"]
    assert human_premium(found) == replay.rules.human.premium


# Figures that evidence has held since, each of them unknown in an earlier document.
LATER = (
    ".replay.found.difference",
    ".replay.found.against.value.terms",
    ".replay.found.against.value.warning",
    ".replay.found.rules.value.terms",
    ".replay.found.rules.value.warning",
    ".trial.found.leakage_weight",
    ".trial.found.market",
    ".trial.found.is_invented",
)


def without(document: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """A document without some of its fields, given as paths."""
    found = json.loads(json.dumps(document))
    for name in names:
        *above, last = name.lstrip(".").split(".")
        part = found
        for one in above:
            part = part[one]
        del part[last]
    return dict(found)


def test_what_is_written_now_has_the_names_it_always_had_and_a_version_and_limits() -> None:
    written = json.loads(
        evidence(findings=stored().findings, version=VERSION, limits=LIMITS).to_text()
    )
    limits = {f".limits.{name}" for name in LIMITS.__slots__}
    assert set(paths(written)) == set(paths(json.loads(V1_TEXT))) | {".version", *limits, *LATER}
    assert without(written, ("version", "limits", *LATER)) == json.loads(V1_TEXT)


def test_what_is_written_comes_back_equal() -> None:
    found = evidence(version=VERSION, limits=LIMITS, replay=EvidencePart(None, "No quotes."))
    assert read_again(found) == found
    assert read_again(read_again(found)).sha256 == found.sha256


@pytest.mark.parametrize(
    ("stored_class", "computed_class"),
    [
        (StoredReplay, Replay),
        (StoredRules, SetReplay),
        (StoredClass, ReplayClassFigures),
        (StoredRecovery, Recovered),
        (StoredValue, OffPolicyValue),
        (StoredArm, SessionFigures),
    ],
)
def test_evidence_stores_every_computed_figure(stored_class: type, computed_class: type) -> None:
    stored_names = [one.name for one in fields(stored_class)]
    computed = [one.name for one in fields(computed_class) if one.name != "origin"]  # the request's
    assert stored_names == computed


def test_a_part_without_figures_is_none_in_either_version() -> None:
    old = json.loads(V1_TEXT) | {"trial": {"found": {}, "problem": "No classifier."}}
    text = json.dumps(old)
    assert parse_evidence(text, evidence_digest(text)).trial == EvidencePart(None, "No classifier.")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[1]", "cannot be read"),
        ("{", "cannot be read"),
        (
            json.dumps(json.loads(V1_TEXT) | {"version": VERSION + 1}),
            f"of version {VERSION + 1}, and this release reads up to {VERSION}",
        ),
        (V1_TEXT.replace('"premium":', '"surcharge":'), "cannot be read: Field required"),
        (
            V1_TEXT.replace('"human_premium":', '"human_surcharge":'),
            "cannot be read: Field required",
        ),
    ],
    ids=["no object", "no json", "of a later version", "a renamed field", "a renamed figure"],
)
def test_unreadable_evidence_is_refused(text: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        parse_evidence(text, evidence_digest(text))


def test_evidence_that_was_changed_since_is_refused() -> None:
    with pytest.raises(DataError, match="was changed after it was frozen"):
        parse_evidence(V1_TEXT.replace("1.1", "1.0"), evidence_digest(V1_TEXT))
