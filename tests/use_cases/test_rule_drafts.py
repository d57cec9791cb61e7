"""Unsaved rules belong to their author, and are bounded."""

import pytest

from phantom_core.accounts.account_actors import GUEST
from phantom_core.accounts.actors import Internal, acting_as
from phantom_core.core.errors import InputError
from phantom_core.core.settings import Settings
from phantom_core.use_cases.rules.rule_drafts import (
    MAX_CHARACTERS,
    MAX_DRAFTS,
    RuleDraft,
    read_rule_drafts,
    save_rule_drafts,
)

DRAFT = RuleDraft("mine", "ELSE markup 1.10", 1_000)


def test_drafts_are_of_their_author_alone(settings: Settings) -> None:
    with acting_as(GUEST, settings):
        save_rule_drafts(settings, {"bands": DRAFT})
    with acting_as(Internal.SHELL):
        assert read_rule_drafts(settings) == {}
        save_rule_drafts(settings, {"none": DRAFT})
    with acting_as(GUEST, settings):
        assert read_rule_drafts(settings) == {"bands": DRAFT}


def test_what_is_not_named_stays_and_none_forgets(settings: Settings) -> None:
    save_rule_drafts(settings, {"bands": DRAFT, "none": DRAFT})
    save_rule_drafts(settings, {"bands": None})
    assert read_rule_drafts(settings) == {"none": DRAFT}


def test_too_much_is_refused_and_loses_nothing(settings: Settings) -> None:
    save_rule_drafts(settings, {"bands": DRAFT})
    with pytest.raises(InputError, match="200,001 characters"):
        save_rule_drafts(settings, {"bands": RuleDraft("mine", "x" * (MAX_CHARACTERS + 1), 1)})
    with pytest.raises(InputError, match="101 unsaved rule sets"):
        save_rule_drafts(settings, {f"set{n}": DRAFT for n in range(MAX_DRAFTS)})
    assert read_rule_drafts(settings) == {"bands": DRAFT}


def test_a_damaged_file_holds_no_drafts(settings: Settings) -> None:
    save_rule_drafts(settings, {"bands": DRAFT})
    (path,) = settings.paths.rule_drafts.iterdir()
    path.write_text("{")
    assert read_rule_drafts(settings) == {}
