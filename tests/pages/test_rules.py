"""Rules: write, break, mend, save, check, replay, compare."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import TextArea

from phantom_core.accounts.people import MACHINE
from phantom_core.approvals.limits import set_limits
from phantom_core.core.settings import Settings
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.rules.job_replay_rules import ReplayRulesRequest
from phantom_core.use_cases.rules.rule_sets import open_rule_set, rule_set_names
from tests.pages.conftest import NOW_MS, Open, enter, texts, wait_for_jobs

pytestmark = pytest.mark.slow

CHECK, REPLAY, COMPARE = ({"rules_tab": name} for name in ("Check", "Replay", "Compare"))


def editor(page: AppTest) -> TextArea:
    return next(area for area in page.text_area if area.label == "Rules")


def replay(workspace: Path, rules: str = "bands", against: str = "none") -> None:
    now_ms = NOW_MS + len(list(workspace.glob("replays/*/replay.json")))
    ReplayRulesRequest(rules=rules, against=against).run(
        Settings(workspace=workspace), now_ms=now_ms
    )


def test_rules_are_broken_fixed_and_saved(own: Path, open_page: Open) -> None:
    page = open_page(own, "rules")
    assert editor(page).value.startswith("IF p_agent > 0.7")
    editor(page).set_value("IF p_agent > high THEN markup 1.3\nELSE markup 1.0").run()
    assert (
        "line 1: found high, expected a number, or a category in single quotes"
        in page.error[0].value
    )
    editor(page).set_value("IF p_agent > 0.8 THEN markup 1.20\nELSE markup 1.00").run()
    assert not page.error
    next(box for box in page.text_input if box.label == "Save as").set_value("mine").run()
    page.button(key="rules_save").click().run()
    assert rule_set_names(Settings(workspace=own)) == ("mine",)
    assert open_rule_set(Settings(workspace=own), "mine").rules[0].markup_ratio == 1.2
    assert page.selectbox(key="rules").value == "mine"
    assert not page.exception


def test_opening_another_rule_set_keeps_what_was_written(own: Path, open_page: Open) -> None:
    page = open_page(own, "rules")
    assert "rules_discard" not in {button.key for button in page.button}
    editor(page).set_value("IF p_agent > 0.8 THEN markup 1.20\nELSE markup 1.00").run()
    page.selectbox(key="rules").set_value("none").run()
    assert editor(page).value == "ELSE markup 1.00\n"
    assert "Unsaved changes in other rule sets: bands." in texts(page)
    page.selectbox(key="rules").set_value("bands").run()
    assert editor(page).value == "IF p_agent > 0.8 THEN markup 1.20\nELSE markup 1.00"
    page.button(key="rules_discard").click().run()
    assert editor(page).value.startswith("IF p_agent > 0.7")
    assert "not saved yet" not in texts(page)
    assert not page.exception


def test_what_is_typed_while_another_set_is_chosen_is_not_lost(own: Path, open_page: Open) -> None:
    page = open_page(own, "rules")
    editor(page).set_value("ELSE markup 1.10")
    page.selectbox(key="rules").set_value("none").run()
    page.selectbox(key="rules").set_value("bands").run()
    assert editor(page).value == "ELSE markup 1.10"


def test_a_draft_saved_under_a_name_is_saved(own: Path, open_page: Open) -> None:
    page = open_page(own, "rules")
    editor(page).set_value("ELSE markup 1.10").run()
    next(box for box in page.text_input if box.label == "Save as").set_value("mine").run()
    page.button(key="rules_save").click().run()
    assert "rules_discard" not in {button.key for button in page.button}
    page.selectbox(key="rules").set_value("bands").run()
    assert editor(page).value.startswith("IF p_agent > 0.7")
    assert "not saved yet" not in texts(page)


def test_a_name_that_cannot_be_used_is_one_sentence(own: Path, open_page: Open) -> None:
    page = open_page(own, "rules")
    next(box for box in page.text_input if box.label == "Save as").set_value("bands").run()
    page.button(key="rules_save").click().run()
    assert "'bands' cannot be the name of a rule set." in page.error[0].value


def test_the_table_shows_what_the_text_says(trained: Path, open_page: Open) -> None:
    page = open_page(trained, "rules", rules_form="Table")
    assert not page.exception
    assert "ELIF p_agent > 0.4 THEN markup 1.10 (likely an agent)" in "".join(
        code.value for code in page.code
    )


def test_text_and_table_stay_views_of_one_draft(own: Path, open_page: Open) -> None:
    page = open_page(own, "rules", rules_form="Table")
    page.session_state["rules_form"] = "Text"
    page.run()
    editor(page).set_value("IF p_agent > 0.9 THEN markup 1.40\nELSE markup 1.00\n").run()
    page.session_state["rules_form"] = "Table"
    page.run()
    assert "IF p_agent > 0.9 THEN markup 1.40" in "".join(code.value for code in page.code)
    page.session_state["rules_form"] = "Text"
    page.run()
    assert editor(page).value == "IF p_agent > 0.9 THEN markup 1.40\nELSE markup 1.00\n"


def test_what_is_written_is_what_is_checked(own: Path, open_page: Open) -> None:
    page = open_page(own, "rules")
    editor(page).set_value(
        "IF p_agent > 0.4 THEN markup 1.6\nELIF p_agent > 0.7 THEN markup 1.3\nELSE markup 1.0"
    ).run()
    assert "2 errors" in texts(page)
    page.query_params["rules_tab"] = "Check"
    page.run()
    said = texts(page)
    assert "Out of guard rails" in said and "Shadowed" in said and "Fix: Write 1.50" in said


def test_limits_that_change_hold_at_once_and_the_caption_says_where_they_come_from(
    own: Path, open_page: Open
) -> None:
    page = open_page(own, "rules", **CHECK)
    assert "Guard rails ×0.70 to ×1.50, set by an administrator on the page People." in texts(page)
    settings = Settings(workspace=own)
    set_limits(
        control_database(settings), MACHINE, {"highest_markup": 1.2}, settings, now_ms=NOW_MS
    )
    page.run()
    assert "Guard rails ×0.70 to ×1.20, set by an administrator" in texts(page)
    assert "has a mark-up of ×1.3, above the guard rails ×0.70 to ×1.20" in texts(page)


def test_bands_have_nothing_against_them_and_the_engine_agrees(
    trained: Path, open_page: Open
) -> None:
    page = open_page(trained, "rules", **CHECK)
    assert page.success[0].value == "No issues found"
    assert (
        "The JDM export in a Zen engine gives the same mark-up by the same rule for 300 loaded "
        "sessions." in texts(page)
    )


def test_a_replay_is_one_click_away_and_says_who_pays(own: Path, open_page: Open) -> None:
    page = open_page(own, "rules", **REPLAY)
    assert "No replays yet" in texts(page)
    page.button(key="replay").click().run()
    wait_for_jobs(own)
    page.run()
    assert not page.error
    assert {metric.label for metric in page.metric} >= {
        "Humans marked up",
        "Average premium paid by humans",
        "Leakage recovered",
        "Sessions with a different price",
    }
    assert len(page.get("plotly_chart")) == 3
    assert "was never tried" in texts(page)


def test_a_draft_that_changed_since_is_said(own: Path, open_page: Open) -> None:
    replay(own, "bands")
    page = open_page(own, "rules")
    editor(page).set_value("ELSE markup 1.05").run()
    page.session_state["rules_tab"] = "Replay"
    assert "The draft has changed since this replay." in texts(page.run())


def test_a_replay_of_other_rules_is_not_shown_for_these(own: Path, open_page: Open) -> None:
    replay(own, "bands")
    page = open_page(own, "rules", rules="none", **REPLAY)
    assert "my-none has not been replayed" in texts(page)
    page.selectbox(key="replay_shown").select_index(1).run()
    assert "This replay is of bands; open in the editor is my-none." in texts(page)


def test_rules_that_cannot_be_read_are_not_replayed(own: Path, open_page: Open) -> None:
    page = open_page(own, "rules")
    editor(page).set_value("IF mood > 1 THEN markup 1.1\nELSE markup 1.0").run()
    page.query_params["rules_tab"] = "Replay"
    page.run()
    assert page.button(key="replay").disabled


def test_two_sets_are_compared_down_to_the_session(own: Path, open_page: Open) -> None:
    assert "Nothing to compare yet" in texts(open_page(own, "rules", **COMPARE))
    replay(own)
    page = open_page(own, "rules", **COMPARE)
    assert "+IF p_agent > 0.7" in "".join(code.value for code in page.code)
    sessions = page.dataframe[-1].value
    assert len(sessions) and set(sessions["rule_after"]) <= {"rule 1", "rule 2"}
    assert not page.exception


def test_earlier_replays_can_be_looked_at(own: Path, open_page: Open) -> None:
    replay(own)
    replay(own, "none", "bands")
    page = open_page(own, "rules", **COMPARE)
    choice = page.selectbox(key="replay_shown")
    assert [title.split(" · ")[0] for title in choice.options[1:]] == [
        "none vs bands",
        "bands vs none",
    ]
    assert "+IF p_agent > 0.7" in "".join(code.value for code in page.code)
    choice.select_index(1)
    page.run()
    assert "+IF p_agent > 0.7" not in "".join(code.value for code in page.code)
    page.query_params["rules_tab"] = "Replay"
    page.run()
    assert "This replay is of none" in page.info[0].value
    assert not page.exception


def test_a_damaged_replay_is_one_sentence(own: Path, open_page: Open) -> None:
    replay(own)
    next(own.glob("replays/*/replay.json")).write_text("{")
    page = open_page(own, "rules", **REPLAY)
    assert "cannot be read" in page.error[0].value
    assert not page.exception


MINE = "IF p_agent > 0.8 THEN markup 1.20\nELSE markup 1.00"


def typed_and_moved_on(page: AppTest, tab: str) -> AppTest:
    """The text arrives together with the click on another tab, as a browser sends both."""
    editor(page).set_value(MINE)
    page.session_state["rules_tab"] = tab
    return page.run()


def test_text_that_arrives_with_another_tab_is_checked_and_stays(
    own: Path, open_page: Open
) -> None:
    page = open_page(own, "rules")
    editor(page).set_value(MINE.replace("p_agent", "foo"))
    page.session_state["rules_tab"] = "Check"
    page.run()
    assert "foo" in texts(page)
    page.session_state["rules_tab"] = "Write"
    assert editor(page.run()).value == MINE.replace("p_agent", "foo")


@pytest.mark.parametrize("tab", ["Replay", "Compare"])
def test_text_that_arrives_with_a_tab_is_still_there_afterwards(
    own: Path, open_page: Open, tab: str
) -> None:
    page = typed_and_moved_on(open_page(own, "rules"), tab)
    page.session_state["rules_tab"] = "Write"
    assert editor(page.run()).value == MINE


def test_a_draft_outlives_a_reload_and_another_page(own: Path, open_page: Open) -> None:
    page = open_page(own, "rules")
    editor(page).set_value(MINE).run()
    page.switch_page("pages/jobs.py").run()
    page.switch_page("pages/rules.py").run()
    assert editor(page).value == MINE
    again = open_page(own, "rules")
    assert editor(again).value == MINE
    assert "Restored" in texts(again)
    again.button(key="rules_discard").click().run()
    assert editor(open_page(own, "rules")).value.startswith("IF p_agent > 0.7")


def test_another_person_has_drafts_of_their_own(own: Path, open_page: Open) -> None:
    page = enter(open_page(own, "rules"), "demo-analyst")
    editor(page).set_value(MINE).run()
    other = enter(open_page(own, "rules"), "demo-manager")
    assert editor(other).value.startswith("IF p_agent > 0.7")
    assert editor(enter(open_page(own, "rules"), "demo-analyst")).value == MINE
