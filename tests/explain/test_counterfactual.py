"""The least change of behaviour after which a session pays the base price."""

from itertools import combinations, product

import pytest

from phantom_core.explain.actions import ACTIONS, Action, Events
from phantom_core.explain.counterfactual import Counterfactual, find_counterfactual
from phantom_core.features.online.session import Event, LiveSession
from phantom_core.features.online.user_agents import UserAgents
from phantom_core.rules.decide import Decider
from phantom_core.rules.text import parse_rules

AGENTS = UserAgents()


def session(*waits_s: float, name: str = "view_item_page") -> Events:
    """Views of one item, with these waits between them."""
    at_ms, found = 0, []
    for number, wait_s in enumerate((0.0, *waits_s)):
        at_ms += round(1_000 * wait_s)
        found.append(Event(at_ms, 0, number, name, "/", "p1", 20.0, "curl/8.0"))
    return tuple(found)


def found(rules: str, events: Events) -> Counterfactual:
    return find_counterfactual("s", events, parse_rules(rules, "r"), None)


def features(events: Events) -> dict[str, object]:
    live = LiveSession()
    for event in events:
        assert live.add(event)
    return dict(live.features(AGENTS))


def action(name: str) -> Action:
    return next(one for one in ACTIONS if one.name == name)


def test_a_quick_session_waits_just_long_enough() -> None:
    fast = found(
        "IF avg_time_between_events < 3 THEN markup 1.2\nELSE markup 1", session(2.0, 2.0, 2.0)
    )
    assert [(change.action.name, change.amount) for change in fast.changes] == [("slow", 1.5)]
    assert fast.then is not None
    assert fast.then.features == {"avg_time_between_events": 3.0}
    assert fast.says == "It pays ×1.20; it would pay ×1.00 with waits ×1.5."


def test_two_causes_need_two_changes_and_features_stay_those_of_one_session() -> None:
    both = found(
        "IF hover_events < 2 THEN markup 1.1\n"
        "ELIF session_duration_sec < 11 THEN markup 1.2\nELSE markup 1",
        session(5.0, 5.0),
    )
    assert {(change.action.name, change.amount) for change in both.changes} == {
        ("hover", 2),
        ("slow", 1.25),
    }
    changed = action("slow").change(action("hover").change(session(5.0, 5.0), 2), 1.25)
    values = features(changed)
    assert values["session_duration_sec"] == 12.5
    assert values["hover_intensity"] == 2 / 5
    assert values["interaction_velocity"] == pytest.approx(5 / 12.5 * 60)


def test_no_single_change_was_overlooked() -> None:
    """The answer is the first of an independent search in the order of size and amount."""
    rules = parse_rules(
        "IF item_views < 6 AND interaction_velocity > 20 THEN markup 1.3\nELSE markup 1", "r"
    )
    events = session(1.0, 2.0, 1.0)
    decider, sizes = Decider(rules), []
    for size in (1, 2):
        for several in combinations(ACTIONS, size):
            for amounts in product(*(one.amounts for one in several)):
                changed = events
                for one, amount in zip(several, amounts, strict=True):
                    changed = one.change(changed, amount)
                if decider.decide(features(changed)).markup_ratio <= 1:  # type: ignore[arg-type]
                    levels = sum(
                        one.amounts.index(amount)
                        for one, amount in zip(several, amounts, strict=True)
                    )
                    sizes.append((size, levels))
    answer = find_counterfactual("s", events, rules, None)
    level = sum(change.action.amounts.index(change.amount) for change in answer.changes)
    assert (len(answer.changes), level) == min(sizes)


def test_what_is_no_behaviour_has_no_way_out() -> None:
    tool = found("IF is_automation_tool = 1 THEN markup 1.2\nELSE markup 1", session(2.0))
    assert (tool.then, tool.changes) == (None, ())
    assert tool.n_tried > 100
    assert "none of" in tool.says


def test_a_session_at_the_base_price_changes_nothing() -> None:
    cheap = found("IF item_views > 9 THEN markup 1.2\nELSE markup 1", session(2.0))
    assert (cheap.changes, cheap.n_tried) == ((), 0)
    assert cheap.says == "It pays no more than the base price now (×1.00)."


def test_the_score_is_of_the_changed_session() -> None:
    rules = parse_rules("IF p_agent > 0.5 THEN markup 1.3\nELSE markup 1", "r")
    slow = find_counterfactual(
        "s",
        session(1.0, 1.0),
        rules,
        lambda rows: [0.9 if row["interaction_velocity"] > 60 else 0.2 for row in rows],  # type: ignore[operator]
    )
    assert [change.says for change in slow.changes] == ["waits ×1.5"]
    assert slow.now.features == {"p_agent": 0.9}
    assert slow.then is not None
    assert slow.then.features == {"p_agent": 0.2}


@pytest.mark.parametrize("one", ACTIONS, ids=lambda one: one.name)
def test_actions_hold_order_ids_and_price_range(one: Action) -> None:
    for events in (session(), session(0.0), session(3.0, 0.5, 4.0)):
        for amount in one.amounts:
            changed = one.change(events, amount)
            assert [event.event_ms for event in changed] == sorted(
                event.event_ms for event in changed
            )
            assert len({event.event_id for event in changed}) == len(changed)
            before, after = features(events), features(changed)
            for name in ("min_price_seen", "max_price_seen", "cart_adds", "purchases"):
                assert after[name] == before[name]
            assert after["session_start_hour"] == before["session_start_hour"]
