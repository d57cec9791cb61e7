"""Verbs about the audit chain: list, verify, export."""

import json
import sqlite3
from pathlib import Path

from tests.cli.verbs import ANALYST, MANAGER, Phantom


def test_the_newest_steps_are_listed_in_order(shop: Phantom) -> None:
    shop.json("rules", "approve", "1", who=MANAGER)
    found = shop.json("audit", "list", "--newest", "2")["entries"]
    assert [(step["who"], step["action"]) for step in found] == [
        (MANAGER, "signed.in"),
        (MANAGER, "request.approved"),
    ]
    assert found[1]["previous"] == found[0]["hash"]
    assert found[1]["about"] == "request 1"
    lines = shop.run("audit", "list", "--newest", "1").out.splitlines()
    assert len(lines) == 1 and "request.approved" in lines[0]


def test_an_unchanged_chain_holds(shop: Phantom) -> None:
    found = shop.json("audit", "verify")
    newest = shop.json("audit", "list", "--newest", "1")["entries"][0]
    expected = {
        "answer": "holds",
        "holds": True,
        "entries": newest["seq"],
        "anchored": newest["seq"],
        "head": newest["hash"],
        "problems": [],
        "unknown": [],
    }
    assert {name: found[name] for name in expected} == expected


def test_a_step_that_was_changed_is_found(shop: Phantom) -> None:
    path = shop.workspace / "control.sqlite"
    with sqlite3.connect(path) as database:
        for (name,) in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE audit SET who = 'root' WHERE action = 'request.submitted'")
    database.close()
    done = shop.run("audit", "verify", "--json")
    assert (done.code, done.document["holds"]) == (1, False)
    assert len(done.document["problems"]) == 1


def test_the_chain_of_a_new_workspace_begins_with_its_limits_and_holds(empty: Phantom) -> None:
    entries = empty.json("audit", "list")["entries"]
    assert [(one["who"], one["action"]) for one in entries] == [("@shell", "limits.seeded")]
    assert empty.json("audit", "verify")["holds"] is True


def test_an_export_is_a_page_and_a_document_of_one_request(shop: Phantom) -> None:
    out = shop.workspace / "new" / "pack"
    files = shop.json("audit", "export", "1", "--out", str(out))["files"]
    assert files == [str(out / "change-request-1.html"), str(out / "change-request-1.json")]
    document = json.loads(Path(files[1]).read_text())
    assert (document["request"]["author"], document["request"]["state"]) == (ANALYST, "submitted")
    assert "Less leakage." in Path(files[0]).read_text()


def test_wrong_usage_writes_nothing(shop: Phantom) -> None:
    before, out = shop.state(), shop.workspace / "pack"
    assert (
        shop.refusal("audit", "export", "9", "--out", str(out)) == "There is no change request 9."
    )
    assert not out.exists()
    taken = shop.workspace / "gentle.txt"
    assert shop.refusal("audit", "export", "1", "--out", str(taken)) == f"File exists: {taken}."
    assert shop.state() == before
