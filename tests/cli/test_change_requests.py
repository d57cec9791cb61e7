"""Verbs about change requests: what each does, and failures that change nothing."""

from pathlib import Path
from typing import Any

import pytest

from tests.cli.verbs import ANALYST, GENTLE, MANAGER, Phantom


def rules_file(shop: Phantom, text: str = GENTLE) -> str:
    path = shop.workspace / "rules.txt"
    path.write_text(text)
    return str(path)


def one(document: dict[str, Any], *names: str) -> tuple[object, ...]:
    return tuple(document[name] for name in names)


def test_a_submitted_request_shows_its_rules_gates_and_evidence(shop: Phantom) -> None:
    found = shop.json(
        "rules", "submit", rules_file(shop), "--why", "Again.", "--share", "0.05", who=ANALYST
    )
    assert one(found, "request", "state", "author", "revision", "share") == (
        2,
        "submitted",
        ANALYST,
        1,
        0.05,
    )
    assert one(found, "version", "base_version", "break_glass", "decisions", "rivals") == (
        "",
        "",
        "",
        [],
        [1],
    )
    gates = {gate["gate"]: gate["open"] for gate in found["gates"]}
    assert len(gates) == 10 and all(gates.values())
    assert len(str(found["evidence"])) == 64
    assert shop.json("rules", "show", "2") == found


def test_requests_are_listed_newest_first(shop: Phantom) -> None:
    shop.json("rules", "submit", rules_file(shop), "--why", "Again.", who=ANALYST)
    listed = shop.json("rules", "requests")["requests"]
    assert [row["request"] for row in listed] == [2, 1]
    lines = shop.run("rules", "requests").out.splitlines()
    assert [line.split()[:2] for line in lines] == [["2", "submitted"], ["1", "submitted"]]
    assert lines[1].endswith("Less leakage.")


def test_without_requests_the_list_is_empty_and_says_how_to_begin(empty: Phantom) -> None:
    assert empty.json("rules", "requests") == {"requests": []}
    assert "rules submit FILE --why" in empty.run("rules", "requests").out


def test_an_approval_is_of_the_revision_that_was_looked_at(shop: Phantom) -> None:
    refused = shop.refusal("rules", "approve", "1", "--revision", "2", who=MANAGER)
    assert refused == "Request 1 was edited: you reviewed revision 2, it is at 1."
    found = shop.json("rules", "approve", "1", "--revision", "1", "--comment", "Fine.", who=MANAGER)
    assert one(found, "request", "state", "revision") == (1, "approved", 1)
    decision = {"who": MANAGER, "verdict": "approve", "revision": 1, "comment": "Fine."}
    assert shop.json("rules", "show", "1")["decisions"] == [decision]


def test_revision_0_is_one_that_was_never_looked_at(shop: Phantom) -> None:
    for verb in (["approve", "1"], ["reject", "1", "--comment", "No."]):
        assert "you reviewed revision 0" in shop.refusal(
            "rules", *verb, "--revision", "0", who=MANAGER
        )
    assert shop.json("rules", "show", "1")["state"] == "submitted"


def test_a_rejected_request_goes_on_once_its_author_edits_it(shop: Phantom) -> None:
    found = shop.json("rules", "reject", "1", "--comment", "Too bold.", who=MANAGER)
    assert one(found, "request", "state") == (1, "rejected")
    edit = (
        "rules",
        "submit",
        rules_file(shop),
        "--why",
        "Less bold.",
        "--share",
        "0.05",
        "--edit",
        "1",
    )
    again = shop.json(*edit, who=ANALYST)
    assert one(again, "request", "state", "revision", "share") == (1, "submitted", 2, 0.05)
    assert [said["comment"] for said in again["decisions"]] == ["Too bold."]


def test_a_withdrawn_request_is_over(shop: Phantom) -> None:
    assert shop.json("rules", "withdraw", "1", who=ANALYST)["state"] == "withdrawn"
    assert "is withdrawn" in shop.refusal("rules", "approve", "1", who=MANAGER)


def test_a_rebase_is_a_new_revision_with_new_evidence(shop: Phantom) -> None:
    before = shop.json("rules", "approve", "1", who=MANAGER)
    after = shop.json("rules", "rebase", "1", who=ANALYST)
    assert one(after, "state", "revision") == ("submitted", 2)
    assert after["evidence"] != before["evidence"]


def test_a_schedule_takes_its_time_zone_into_account(shop: Phantom) -> None:
    shop.json("rules", "approve", "1", who=MANAGER)
    at = ("--at", "2100-01-01T09:00", "--zone", "Europe/Vienna")
    assert shop.json("rules", "schedule", "1", *at, who=MANAGER)["state"] == "scheduled"
    newest = shop.json("audit", "list", "--newest", "1")["entries"][0]
    assert (newest["action"], newest["about"]) == ("request.scheduled", "request 1")
    assert "4102473600000" in newest["details"]  # 08:00 UTC


def test_rules_can_come_with_answers_an_end_and_a_policy(shop: Phantom) -> None:
    more = (
        "--answers",
        "Known.",
        "--expires",
        "2100-01-01T00:00",
        "--zone",
        "UTC",
        "--policy",
        "rules",
    )
    found = shop.json(
        "rules", "submit", rules_file(shop), "--why", "For a century.", *more, who=ANALYST
    )
    files = shop.json(
        "audit", "export", str(found["request"]), "--out", str(shop.workspace / "pack")
    )["files"]
    page = Path(str(files[0])).read_text()
    assert "Known." in page


WRONG = {
    "no file": (
        ["submit", "nowhere.txt", "--why", "x"],
        ANALYST,
        "There are no rules 'nowhere.txt'.",
    ),
    "no reason": (
        ["submit", "FILE", "--why", " "],
        ANALYST,
        "The purpose of this change is missing.",
    ),
    "no share": (
        ["submit", "FILE", "--why", "x", "--share", "0"],
        ANALYST,
        "0.0 is not a valid share.",
    ),
    "not a policy": (
        ["submit", "FILE", "--why", "x", "--policy", "luck"],
        ANALYST,
        "'luck' is not a policy.",
    ),
    "no end": (
        ["submit", "FILE", "--why", "x", "--expires", "soon"],
        ANALYST,
        "'soon' is not a date and time.",
    ),
    "an end that is past": (
        ["submit", "FILE", "--why", "x", "--expires", "2020-01-01"],
        ANALYST,
        "The end of this change is in the past.",
    ),
    "nobody proposes": (["submit", "FILE", "--why", "x"], "", "This command needs an account."),
    "no request to edit": (
        ["submit", "FILE", "--why", "x", "--edit", "9"],
        ANALYST,
        "There is no change request 9.",
    ),
    "edited by another person": (
        ["submit", "FILE", "--why", "x", "--edit", "1"],
        MANAGER,
        "Only demo-analyst can edit request 1.",
    ),
    "the author approves": (
        ["approve", "1"],
        ANALYST,
        "Demo analyst is an analyst and may not approve changes.",
    ),
    "nobody approves": (["approve", "1"], "", "This command needs an account."),
    "an unknown person approves": (
        ["approve", "1"],
        "demo-nobody",
        "Wrong login or password.",
    ),
    "nothing to approve": (["approve", "9"], MANAGER, "There is no change request 9."),
    "a rejection without a reason": (
        ["reject", "1", "--comment", ""],
        MANAGER,
        "The reason for the rejection is missing.",
    ),
    "the author rejects": (
        ["reject", "1", "--comment", "x"],
        ANALYST,
        "Demo analyst is an analyst and may not approve changes.",
    ),
    "withdrawn by another person": (
        ["withdraw", "1"],
        MANAGER,
        "Only demo-analyst can withdraw request 1.",
    ),
    "rebased by another person": (
        ["rebase", "1"],
        MANAGER,
        "Only demo-analyst can edit request 1.",
    ),
    "scheduled unapproved": (
        ["schedule", "1", "--at", "2100-01-01T00:00"],
        MANAGER,
        "Request 1 is submitted and cannot become scheduled.",
    ),
    "a moment that is none": (
        ["schedule", "1", "--at", "noon"],
        MANAGER,
        "'noon' is not a date and time.",
    ),
    "not a time zone": (
        ["schedule", "1", "--at", "2100-01-01T00:00", "--zone", "Mars/Base"],
        MANAGER,
        "'Mars/Base' is not a time zone.",
    ),
    "nothing to show": (["show", "9"], "", "There is no change request 9."),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage_is_one_sentence_and_changes_nothing(shop: Phantom, case: str) -> None:
    arguments, who, sentence = WRONG[case]
    given = [rules_file(shop) if word == "FILE" else word for word in arguments]
    before = shop.state()
    env = {} if who in ("", ANALYST, MANAGER) else {"PHANTOM_PASSWORD": "wrong password"}
    if who and case != "nothing to show":
        assert shop.refusal("rules", *given, who=who, **env) == sentence
    else:
        assert shop.refusal("rules", *given) == sentence
    assert shop.state() == before
