"""Learned rules on the page Rules: empty, shown, opened as a rule set."""

from pathlib import Path

import pytest

from phantom_core.core.settings import Settings
from phantom_core.use_cases.rules.learn_policy import learned_store
from phantom_core.use_cases.rules.rule_sets import open_rule_set
from tests.pages.conftest import Open, texts
from tests.policy_learning.samples import learned_sample

pytestmark = pytest.mark.slow
LEARN = {"rules_tab": "Learn"}


def test_without_learned_rules_the_tab_says_how_to_get_some(own: Path, open_page: Open) -> None:
    page = open_page(own, "rules", **LEARN)
    assert not page.exception
    assert "No learned rules yet" in texts(page)
    assert page.button(key="learn").label == "Learn rules"


def test_learned_rules_are_shown_and_opened(own: Path, open_page: Open) -> None:
    learned, settings = learned_sample(), Settings(workspace=own)
    learned_store(settings).save(learned.to_file(), learned.version)
    page = open_page(own, "rules", **LEARN)
    assert not page.exception
    shown = {metric.label: metric.value for metric in page.metric}
    assert shown["Leakage"] == "−33.0 %"
    assert "33 % of the leakage is recovered for −3.5 % of revenue" in texts(page)
    page.button(key="learned_open").click().run()
    assert not page.exception
    assert open_rule_set(settings, learned.version).rules == learned.rules.rules
    assert page.selectbox(key="rules").value == learned.version
