"""What a session of a workspace should have done to pay the base price."""

from pathlib import Path

import pyarrow.compute as pc
import pytest

from phantom_core.core.errors import NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.explain.counterfactual import BASE_PRICE
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import open_lake
from phantom_core.rules.text import parse_rules
from phantom_core.use_cases.models.score import score_sessions
from phantom_core.use_cases.rules.find_counterfactual import find_counterfactual
from tests.views.workspaces import load_events

RULES = parse_rules("IF p_agent > 0.5 THEN markup 1.2\nELSE markup 1", "r")


def test_features_are_those_of_the_store_and_the_change_is_named(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path)
    load_events(settings, [("a", "search", 0), ("a", "view_item_page", 2), ("a", "search", 4)])
    rules = parse_rules(
        "IF interaction_velocity > 30 AND filter_events < 9 THEN markup 1.1\nELSE markup 1", "r"
    )
    found = find_counterfactual(settings, rules, "a")
    FeatureStore(open_lake(settings)).refresh()
    [row] = FeatureStore(open_lake(settings)).matrix().to_pylist()
    assert found.now.features == {name: row[name] for name in rules.features}
    assert [change.says for change in found.changes] == ["waits ×1.5"]


def test_an_unknown_session_and_a_missing_model_are_reported(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path)
    load_events(settings, [("a", "search", 0)])
    with pytest.raises(NotFoundError, match="no session 'b'"):
        find_counterfactual(settings, RULES, "b")
    with pytest.raises(NotFoundError, match="No classifier has been trained"):
        find_counterfactual(settings, RULES, "a")


def test_humans_taken_for_agents_learn_what_would_have_told_them_apart(trained: Path) -> None:
    settings = Settings(workspace=trained)
    scored = score_sessions(settings, open_lake(settings)).sort_by(
        [("agent_probability", "ascending")]
    )
    near = scored.filter(pc.greater(scored["agent_probability"], 0.6))["session_id"].to_pylist()
    found = [find_counterfactual(settings, RULES, session) for session in near[:5]]
    helped = [one for one in found if one.changes]
    assert helped
    for one in helped:
        assert one.then is not None
        assert one.then.markup_ratio <= BASE_PRICE < one.now.markup_ratio
        assert float(str(one.then.features["p_agent"])) <= 0.5
