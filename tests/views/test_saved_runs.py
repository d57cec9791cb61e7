"""A page opens with what its reader asked for, whatever others did since."""

from phantom_core.replay.origin import Origin
from phantom_core.views.workspace.saved_runs import SavedRun, run_to_show

WEEK = ("2026-02-09", "2026-02-15")


ALL = ("", "")


def run(name: str, *, own: bool, rules: str = "bands", days: tuple[str, str] = ALL) -> SavedRun:
    return SavedRun(name, rules, "", 0, Origin("somebody", *days), own)


def shown(*runs: SavedRun, rules: str | None = None) -> str:
    found = run_to_show(runs, rules and (rules,))
    return found.name if found else ""


def test_a_newer_run_of_somebody_else_does_not_replace_my_own() -> None:
    assert shown(run("visitor", own=False, days=WEEK), run("mine", own=True)) == "mine"


def test_my_newest_comes_first_also_when_it_is_of_some_days() -> None:
    assert shown(run("week", own=True, days=WEEK), run("whole", own=True)) == "week"


def test_without_one_of_my_own_all_days_go_before_some() -> None:
    assert shown(run("week", own=False, days=WEEK), run("whole", own=False)) == "whole"
    assert shown(run("week", own=False, days=WEEK)) == "week"
    assert shown() == ""


def test_a_run_of_other_rules_is_never_taken_for_these() -> None:
    runs = (run("other", own=True, rules="distilled"), run("these", own=False, rules="gentle"))
    assert shown(*runs, rules="gentle") == "these"
    assert shown(*runs, rules="mine") == ""
