"""The session market's optimum is one: no rule set earns more on the same sessions."""

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from phantom_core.core.limits import GuardRails
from phantom_core.rules.evaluate import Column
from phantom_core.rules.rule_set import RuleSet
from phantom_core.session_market.market import BANDS, NO_MARKUP
from phantom_core.session_market.optimum import best_ratio, paired_trial

pytestmark = pytest.mark.slow

GUARD_RAILS = GuardRails(0.7, 1.5)


def half(columns: Mapping[str, Column]) -> NDArray[np.float64]:
    """A scorer that knows nothing."""
    return np.full(next(iter(columns.values())).size, 0.5)


@pytest.mark.parametrize(
    "rules",
    [BANDS, RuleSet("dear", (), 1.3), RuleSet("cheap", (), 0.8)],
    ids=lambda rules: rules.name,
)
def test_no_rule_set_earns_more(rules: RuleSet) -> None:
    found = paired_trial(rules, NO_MARKUP, half, guard_rails=GUARD_RAILS, n_sessions=200, seed=7)
    assert found.proposed_of_optimum.value < 1.0
    assert found.live_of_optimum.value <= 1.0
    difference = found.proposed.reward.value - found.live.reward.value
    assert found.difference.reward.value == pytest.approx(difference)


def test_guard_rails_bind_the_optimum() -> None:
    assert best_ratio(2.0, GuardRails(1.2, 1.5), is_agent=False) == 1.2
    assert best_ratio(2.0, GuardRails(0.7, 0.9), is_agent=False) == 0.9
