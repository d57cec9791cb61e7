"""The page Frontier: empty, traced, a point chosen and saved as a rule set."""

from pathlib import Path

import pytest

from phantom_core.core.settings import Settings
from phantom_core.use_cases.rules.rule_sets import open_rule_set
from phantom_core.use_cases.rules.trace_frontier import frontier_store
from tests.pages.conftest import Open, texts
from tests.policy_learning.samples import frontier_sample

pytestmark = pytest.mark.slow


def test_without_a_frontier_the_page_says_how_to_get_one(own: Path, open_page: Open) -> None:
    page = open_page(own, "frontier")
    assert not page.exception
    assert "No frontier yet" in texts(page)
    assert page.button(key="frontier_trace").label == "Trace the frontier"


def test_the_target_is_judged_and_the_dial_gives_rules(own: Path, open_page: Open) -> None:
    found, settings = frontier_sample(), Settings(workspace=own)
    frontier_store(settings).save(found.to_file(), found.version)
    page = open_page(own, "frontier")
    assert not page.exception
    assert "out of reach of every policy" in page.info[0].value
    dial = page.select_slider(key="frontier_lambda")
    assert dial.value == "1.6"
    assert "Learned rules, λ = 1.6: leakage −33.0 %" in texts(page)
    dial.set_value("1").run()
    assert "Learned rules, λ = 1: leakage +5.0 %" in texts(page)
    page.button(key="frontier_save").click().run()
    assert not page.exception
    name = f"{found.version}-lambda-1"
    assert open_rule_set(settings, name).rules[0].markup_ratio == 1.1
