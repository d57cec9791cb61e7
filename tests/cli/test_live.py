"""Verbs about what is live, from publish to heal and watch, on the embedded server."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from phantom_core.core.settings import Settings
from phantom_core.publishing.publish import read_live
from phantom_core.signing.keys import public_keys
from phantom_core.valkey.server import connect_server
from tests.cli.verbs import ANALYST, GENTLE, MANAGER, Phantom


def served(shop: Phantom) -> tuple[str, float, bool] | None:
    """What price servers read: version, share, whether the kill switch is on."""
    settings = Settings(workspace=shop.workspace, redis_url="")
    with connect_server(settings) as client:
        found = read_live(client, public_keys(settings))
    return (found.version, found.share, found.is_killed) if found else None


def damage(shop: Phantom) -> None:
    settings = Settings(workspace=shop.workspace, redis_url="")
    with connect_server(settings) as client:
        client.flushdb()


def test_a_published_request_is_what_servers_read(shop: Phantom) -> None:
    shop.json("rules", "approve", "1", who=MANAGER)
    found = shop.json("rules", "publish", "1", "--share", "0.05", "--why", "Go.", who=MANAGER)
    assert (found["kind"], found["request"], found["share"], found["why"]) == (
        "publish",
        1,
        0.05,
        "Go.",
    )
    assert (found["epoch"], found["stable"], found["killed"], found["who"]) == (
        1,
        "",
        False,
        MANAGER,
    )
    assert served(shop) == (found["version"], 0.05, False)
    assert shop.json("rules", "show", "1")["state"] == "live"


WHY = "Prices are wrong today."


def test_an_emergency_that_may_raise_prices_takes_a_second_person(shop: Phantom) -> None:
    found = shop.json("rules", "preview", "1")
    assert (found["prices"], found["gates_overruled"], found["second_person"]) == ("raise", [], [])
    refusal = shop.refusal("rules", "publish", "1", "--emergency", WHY, who=MANAGER)
    assert refusal == "Request 1 may raise prices, so an emergency takes a second person."
    shop.json("rules", "confirm", "1", "--comment", "I saw it.", who=MANAGER)
    assert shop.json("rules", "preview", "1")["second_person"] == [MANAGER]
    assert shop.refusal("rules", "publish", "1", "--emergency", WHY, who=MANAGER) == refusal
    assert served(shop) is None


def test_an_emergency_that_lowers_prices_is_shown_and_waits_for_a_review(shop: Phantom) -> None:
    rules = shop.workspace / "cheaper.txt"
    rules.write_text(GENTLE.replace("1.10", "0.98"))
    shop.json("rules", "submit", str(rules), "--why", "Cheaper.", "--share", "0.1", who=ANALYST)
    shop.json("rules", "publish", "2", "--emergency", WHY, who=MANAGER)
    assert shop.json("rules", "show", "2")["break_glass"] == WHY
    assert served(shop) is not None
    (emergency,) = shop.json("rules", "status")["emergencies"]
    assert (emergency["who"], emergency["why"], emergency["reviewed_by"]) == (MANAGER, WHY, "")
    assert shop.refusal("rules", "review", "2", "--comment", "Fine.", who=MANAGER).startswith(
        "An emergency is reviewed by another person"
    )


def test_a_larger_rollout_than_the_approved_one_is_a_change_of_its_own(live: Phantom) -> None:
    found = live.json(
        "rules", "widen", "0.5", "--why", "It is fine.", "--ramp", "1:48", who=ANALYST
    )
    assert (found["share"], found["ramp"]) == (0.5, [{"share": 1.0, "wait_h": 48.0, "sessions": 0}])
    live.json("rules", "approve", "2", who=MANAGER)
    live.json("rules", "publish", "2", who=MANAGER)
    served_now = served(live)
    assert served_now is not None
    assert served_now[1] == 0.5


def test_status_shows_what_is_live_and_that_the_server_holds_it(live: Phantom) -> None:
    found = live.json("rules", "status")
    assert (found["embedded"], found["divergences"], found["problem"]) == (True, [], "")
    version = live.json("rules", "show", "1")["version"]
    assert (found["live"]["version"], found["live"]["share"]) == (version, 0.1)


def test_before_anything_is_published_status_is_well_and_starts_no_server(empty: Phantom) -> None:
    found = empty.json("rules", "status")
    assert (found["live"], found["divergences"], found["problem"]) == (None, [], "")
    assert not (empty.workspace / "valkey").exists()


def test_a_share_of_1_makes_the_canary_the_only_version(live: Phantom) -> None:
    version = live.json("rules", "show", "1")["version"]
    found = live.json("rules", "share", "0.5", "--why", "It goes well.", who=MANAGER)
    assert (found["kind"], found["share"], found["stable"]) == ("share", 0.5, "")
    assert served(live) == (version, 0.5, False)
    found = live.json("rules", "share", "1", "--why", "It went well.", who=MANAGER)
    assert (found["share"], found["stable"]) == (1.0, version)
    assert served(live) == (version, 1.0, False)


def test_a_rollback_goes_to_the_version_before_or_to_the_one_named(live: Phantom) -> None:
    live.json("rules", "share", "0.5", "--why", "Good.", who=MANAGER)
    version = str(live.json("rules", "share", "1", "--why", "Good.", who=MANAGER)["version"])
    assert live.json("rules", "rollback", "--why", "Hm.", who=MANAGER)["version"] == ""
    assert served(live) == ("", 1.0, False)
    assert live.json("rules", "show", "1")["state"] == "rolled back"
    assert (
        live.json("rules", "rollback", version, "--why", "It was fine.", who=MANAGER)["request"]
        == 1
    )
    assert served(live) == (version, 1.0, False)
    assert live.json("rules", "rollback", "base", "--why", "No.", who=MANAGER)["version"] == ""
    assert served(live) == ("", 1.0, False)


def test_the_kill_switch_stays_on_until_it_is_lifted(live: Phantom) -> None:
    found = live.json("rules", "kill", "--why", "Look first.", who=MANAGER)
    assert (found["kind"], found["killed"], found["share"]) == ("kill", True, 0.1)
    assert served(live) == (found["version"], 0.1, True)
    found = live.json("rules", "revive", "--why", "Looked.", who=MANAGER)
    assert (found["kind"], found["killed"]) == ("revive", False)
    assert served(live) == (found["version"], 0.1, False)


def test_a_server_that_lost_everything_is_reported_and_healed(live: Phantom) -> None:
    before = served(live)
    damage(live)
    seen = live.run("rules", "status", "--json")
    assert seen.code == 1
    assert len(seen.document["divergences"]) == 2
    healed = live.json("rules", "heal", "--why", "It was emptied.", who=MANAGER)["healed"]
    assert healed == seen.document["divergences"]
    assert served(live) == before
    newest = live.json("audit", "list", "--newest", "1")["entries"][0]
    assert (newest["action"], newest["who"]) == ("server.healed", MANAGER)
    assert live.json("rules", "heal", who=MANAGER) == {"healed": []}


def test_watch_publishes_what_is_due_and_ends_when_it_is_stopped(shop: Phantom) -> None:
    shop.json("rules", "approve", "1", who=MANAGER)
    due = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 2))
    shop.json("rules", "schedule", "1", "--at", due, who=MANAGER)
    command = [sys.executable, "-m", "phantom_core", "rules", "watch", "--every", "0.2"]
    env = os.environ | {"PHANTOM_REDIS_URL": "", "PHANTOM_DATABASE_URL": ""}
    watcher = subprocess.Popen(
        [*command, "--workspace", str(shop.workspace)], env=env, stderr=subprocess.PIPE
    )
    try:
        until_s = time.monotonic() + 60
        while shop.json("rules", "show", "1")["state"] == "scheduled":
            assert watcher.poll() is None and time.monotonic() < until_s
            time.sleep(0.2)
        watcher.send_signal(signal.SIGTERM)
        assert watcher.wait(20) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            watcher.kill()
        watcher.communicate()
    assert shop.json("rules", "show", "1")["state"] == "live"
    newest = shop.json("audit", "list", "--newest", "20")["entries"]
    assert [step["who"] for step in newest if step["action"] == "release.publish"] == [MANAGER]


NOT_LIVE = {
    "unapproved": (["publish", "1"], MANAGER, "Request 1 is submitted, so it cannot be published."),
    "an analyst publishes": (
        ["publish", "1", "--emergency", "Now!"],
        ANALYST,
        "Demo analyst is an analyst and may not publish and roll back.",
    ),
    "nothing to publish": (["publish", "9"], MANAGER, "There is no change request 9."),
    "no canary": (
        ["share", "0.5", "--why", "x"],
        MANAGER,
        "No canary is live, so there is no share to change.",
    ),
    "nothing to roll back to": (
        ["rollback", "--why", "x"],
        MANAGER,
        "Nothing was ever live, so there is nothing to roll back to.",
    ),
    "nothing to kill": (
        ["kill", "--why", "x"],
        MANAGER,
        "Nothing is live: every price is the base price already.",
    ),
    "nothing to lift": (
        ["revive", "--why", "x"],
        MANAGER,
        "Nothing is live: every price is the base price already.",
    ),
    "nobody kills": (["kill", "--why", "x"], "", "This command needs an account."),
}
IS_LIVE = {
    "a share of nothing": (["share", "0", "--why", "x"], MANAGER, "A share of 0.0 is not valid."),
    "too large a share": (
        ["share", "1.01", "--why", "x"],
        MANAGER,
        "A share of 1.01 is not valid.",
    ),
    "a share that is no number": (
        ["share", "nan", "--why", "x"],
        MANAGER,
        "A share of nan is not valid.",
    ),
    "an analyst shares out": (
        ["share", "1", "--why", "x"],
        ANALYST,
        "Demo analyst is an analyst and may not publish and roll back.",
    ),
    "no such version": (
        ["rollback", "bands-9", "--why", "x"],
        MANAGER,
        "There is no version 'bands-9'.",
    ),
    "an analyst rolls back": (
        ["rollback", "--why", "x"],
        ANALYST,
        "Demo analyst is an analyst and may not publish and roll back.",
    ),
    "an analyst kills": (
        ["kill", "--why", "x"],
        ANALYST,
        "Demo analyst is an analyst and may not use the kill switch.",
    ),
    "the switch is off": (["revive", "--why", "x"], MANAGER, "The kill switch is off already."),
    "an analyst heals": (
        ["heal", "--why", "x"],
        ANALYST,
        "Demo analyst is an analyst and may not use the kill switch.",
    ),
    "published twice": (["publish", "1"], MANAGER, "Request 1 is live, so it cannot be published."),
}


@pytest.mark.parametrize("case", NOT_LIVE)
def test_while_nothing_is_live_wrong_usage_changes_nothing(shop: Phantom, case: str) -> None:
    arguments, who, sentence = NOT_LIVE[case]
    before = shop.state()
    assert shop.refusal("rules", *arguments, who=who) == sentence
    assert shop.state() == before


@pytest.mark.parametrize("case", IS_LIVE)
def test_while_something_is_live_wrong_usage_changes_nothing(live: Phantom, case: str) -> None:
    arguments, who, sentence = IS_LIVE[case]
    before, read = live.state(), served(live)
    assert live.refusal("rules", *arguments, who=who) == sentence
    assert (live.state(), served(live)) == (before, read)


def test_a_request_is_not_published_to_more_than_it_was_approved_for(shop: Phantom) -> None:
    shop.json("rules", "approve", "1", who=MANAGER)
    before = shop.state()
    rejected = shop.refusal("rules", "publish", "1", "--share", "0.5", who=MANAGER)
    assert rejected == "It was approved for 10% of the sessions, not for 50%."
    assert shop.state() == before


def test_the_guard_of_a_canary_acts_for_those_who_may_publish(live: Phantom) -> None:
    found = live.json("rules", "guard")["rollout"]
    assert (found["share"], found["stage"], found["action"]) == (0.1, 1, "hold")
    assert {one["name"] for one in found["guards"]} > {"human conversion", "revenue", "failures"}
    live.refusal("rules", "guard", "--act", who=ANALYST)
    assert live.json("rules", "guard", "--act", who=MANAGER)["rollout"]["done"] == ""
