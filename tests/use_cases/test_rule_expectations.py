"""A test of a rule set from a session of the workspace."""

from pathlib import Path

import pytest

from phantom_core.core.errors import NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import open_lake
from phantom_core.rules.text import format_expectation, parse_rules
from phantom_core.use_cases.rules.expect_session import expect_session
from tests.views.workspaces import load_events


def test_a_session_becomes_a_test_with_what_the_rules_read(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path)
    load_events(settings, [("a", "search", 0), ("a", "view_item_page", 2_000)])
    FeatureStore(open_lake(settings)).refresh()
    rules = parse_rules(
        "IF item_views > 0 AND std_price_seen IS UNDEFINED THEN markup 1.1\nELSE markup 1", "r"
    )
    found = expect_session(settings, rules, "a")
    assert format_expectation(found) == "EXPECT markup 1.10 GIVEN item_views = 1 (session a)"
    with pytest.raises(NotFoundError, match="no session 'b'"):
        expect_session(settings, rules, "b")
