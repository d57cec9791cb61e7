"""Publish and roll back rules: on SQLite with the embedded server, on PostgreSQL with Redis."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from phantom_core.accounts.people import MACHINE
from phantom_core.accounts.sign_in import sign_in_demo
from phantom_core.approvals import releases, requests
from phantom_core.approvals.limits import set_limits
from phantom_core.approvals.ramp import RampStep
from phantom_core.approvals.releases import PublishedRelease, Switch
from phantom_core.approvals.tables import EVIDENCE
from phantom_core.core.errors import (
    ConflictError,
    DataError,
    NotAllowedError,
    PhantomError,
    UnavailableError,
)
from phantom_core.core.limits import GuardRails
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.database.connection import write_transaction
from phantom_core.publishing.publish import publish_release, read_live, read_release
from phantom_core.rules.text import parse_rules
from phantom_core.signing.keys import public_keys, signing_key
from phantom_core.use_cases.approvals import change_requests, live_documents, publish_rules
from phantom_core.use_cases.approvals.audit_pack import export_audit_pack, verify_chain
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.live_status import heal_server, read_live_status
from phantom_core.use_cases.approvals.publish_rules import (
    kill_live_rules,
    lift_kill_switch,
    publish_request,
    roll_back,
    set_share,
)
from phantom_core.use_cases.approvals.watch_server import do_due, watch_once
from phantom_core.valkey.server import connect_server, stop_embedded
from tests.databases import HAS_POSTGRES, fresh_schema

pytestmark = pytest.mark.slow

ANA, MAX = "demo-analyst", "demo-manager"
GENTLE = "IF p_agent > 0.7 THEN markup 1.10 (likely agent)\nELSE markup 1.00"
FIRM = "IF p_agent > 0.9 THEN markup 1.20 (likely agent)\nELSE markup 1.00"
NOW = 1_772_500_000_000
LATER = NOW + 3_600_000


@pytest.fixture(scope="module")
def proposed(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a classifier, two demo people, and the gentle rules submitted as request 1;
    never written to.
    """
    settings = Settings(
        workspace=shutil.copytree(trained, tmp_path_factory.mktemp("proposed") / "shop"),
        redis_url="",
    )
    enter(settings)
    assert submit(settings, GENTLE) == 1
    control_database(settings).dispose()
    return settings.workspace


@pytest.fixture
def shop(proposed: Path, tmp_path: Path) -> Iterator[Settings]:
    """A copy of the proposed workspace."""
    settings = Settings(workspace=shutil.copytree(proposed, tmp_path / "shop"), redis_url="")
    yield settings
    stop_embedded(settings)
    control_database(settings).dispose()


def enter(settings: Settings) -> None:
    for login in (ANA, MAX):
        sign_in_demo(control_database(settings), login, now_ms=NOW, hours=1_000)


def submit(settings: Settings, text: str, **more: int) -> int:
    request = change_requests.propose_rules(
        settings,
        ANA,
        parse_rules(text, "rules"),
        why="Less leakage.",
        share=0.1,
        ramp=[RampStep(1.0, 1.0)],
        now_ms=NOW,
        **more,
    )
    return change_requests.submit_request(
        settings, ANA, request.request_id, now_ms=NOW, trial_sessions=60
    ).request_id


def approved(settings: Settings, number: int = 1) -> int:
    change_requests.approve_request(
        settings,
        MAX,
        number,
        change_requests.review_request(settings, number).request.revision,
        now_ms=NOW,
    )
    return number


def state(settings: Settings, number: int) -> str:
    return change_requests.review_request(settings, number).request.state


def the_whole_way(settings: Settings) -> None:
    """Submit, reject own approval, approve by another, publish, canary, roll back, kill, heal."""
    number = 1
    with pytest.raises(NotAllowedError):
        change_requests.approve_request(settings, ANA, number, 1, now_ms=NOW)
    with pytest.raises(ConflictError, match="needs approval first"):
        publish_request(settings, MAX, number, now_ms=NOW)
    change_requests.approve_request(settings, MAX, number, 1, comment="Fine.", now_ms=NOW)
    done = publish_request(settings, MAX, number, now_ms=NOW)
    assert elsewhere(settings) == {
        "version": done.version,
        "share": 0.1,
        "stable": "",
        "killed": False,
    }
    with connect_server(settings) as client:
        live = read_live(client, public_keys(settings))
        assert live
        drawn = [live.version_for(f"session-{n}") for n in range(20_000)]
    assert 0.09 < drawn.count(done.version) / len(drawn) < 0.11
    with pytest.raises(NotAllowedError, match=r"leads to 100% of the sessions in 1\.0 hours"):
        set_share(settings, MAX, 1.0, why="At once.", now_ms=NOW)
    set_share(settings, MAX, 1.0, why="It went well.", now_ms=LATER)
    assert kill_live_rules(settings, MAX, why="Look first.", now_ms=NOW).is_killed
    assert elsewhere(settings)["killed"] is True
    lift_kill_switch(settings, MAX, why="Fine.", now_ms=NOW)
    with connect_server(settings) as client:
        client.flushdb()
    assert len(read_live_status(settings, now_ms=NOW).divergences) == 2
    heal_server(settings, MAX, why="Somebody emptied it.", now_ms=NOW)
    assert read_live_status(settings, now_ms=NOW).is_well
    assert elsewhere(settings) == {
        "version": done.version,
        "share": 1.0,
        "stable": done.version,
        "killed": False,
    }
    roll_back(settings, MAX, why="Back.", now_ms=NOW)
    assert elsewhere(settings)["version"] == ""
    assert state(settings, number) == "rolled back"
    assert verify_chain(settings).holds


READER = """
import json
from phantom_core.publishing.publish import read_published
from phantom_core.valkey.server import connect_server
from phantom_core.core.settings import Settings
from phantom_core.signing.keys import public_keys
with connect_server(Settings()) as client:
    live = read_published(client, public_keys(Settings())).live
print(json.dumps({"version": live.version, "share": live.share, "stable": live.stable,
                  "killed": live.is_killed}))
"""


def elsewhere(settings: Settings) -> dict[str, object]:
    """What is live, as another process reads it, rules and all."""
    env = os.environ | {
        "PHANTOM_REDIS_URL": settings.redis_url,
        "PHANTOM_WORKSPACE": str(settings.workspace),
    }
    answer = subprocess.run(
        [sys.executable, "-c", READER], capture_output=True, check=True, env=env
    ).stdout
    found: dict[str, object] = json.loads(answer)
    return found


def test_the_full_path_on_sqlite_with_the_embedded_server(shop: Settings) -> None:
    the_whole_way(shop)


@HAS_POSTGRES
@pytest.mark.postgres
@pytest.mark.redis
def test_the_full_path_on_postgres_with_redis(
    trained: Path, tmp_path: Path, redis_url: str
) -> None:
    with fresh_schema() as url:
        workspace = shutil.copytree(trained, tmp_path / "shop")
        settings = Settings(workspace=workspace, redis_url=redis_url, database_url=url)
        settings.paths.audit_anchor.unlink()  # of the database that was copied along
        enter(settings)
        assert submit(settings, GENTLE) == 1
        the_whole_way(settings)
        control_database(settings).dispose()


def test_a_closed_gate_blocks_approval_and_says_which(shop: Settings) -> None:
    number = submit(shop, FIRM)
    with pytest.raises(ConflictError, match=r"first release: Up to ×1\.20 for 10 %"):
        change_requests.approve_request(shop, MAX, number, 1, now_ms=NOW)
    set_limits(control_database(shop), MACHINE, {"first_markup": 1.25}, shop, now_ms=NOW)
    assert change_requests.approve_request(shop, MAX, number, 1, now_ms=NOW).state == "approved"


def test_an_edit_voids_approvals_and_stale_reviews_are_rejected(shop: Settings) -> None:
    number = approved(shop)
    change_requests.propose_rules(
        shop, ANA, parse_rules(FIRM, "firm"), why="More.", share=0.1, now_ms=NOW, request_id=number
    )
    assert state(shop, number) == "draft"
    change_requests.submit_request(shop, ANA, number, now_ms=NOW, trial_sessions=60)
    set_limits(control_database(shop), MACHINE, {"first_markup": 1.25}, shop, now_ms=NOW)
    with pytest.raises(ConflictError, match="you reviewed revision 1, it is at 2"):
        change_requests.approve_request(shop, MAX, number, 1, now_ms=NOW)


def test_the_second_request_to_go_live_has_to_be_rebased(shop: Settings) -> None:
    first, second = approved(shop), approved(shop, submit(shop, GENTLE.replace("0.7", "0.8")))
    assert change_requests.review_request(shop, second).competing == (first,)
    publish_request(shop, MAX, first, now_ms=NOW)
    with pytest.raises(ConflictError, match="still a canary on 10%"):
        publish_request(shop, MAX, second, now_ms=NOW)
    set_share(shop, MAX, 1.0, why="Good.", now_ms=LATER)
    with pytest.raises(ConflictError, match="has to rebase it"):
        publish_request(shop, MAX, second, now_ms=NOW)
    change_requests.rebase_request(shop, ANA, second, now_ms=NOW)
    change_requests.submit_request(shop, ANA, second, now_ms=NOW, trial_sessions=60)
    change_requests.approve_request(shop, MAX, second, 2, now_ms=NOW)
    publish_request(shop, MAX, second, now_ms=LATER)
    set_share(shop, MAX, 1.0, why="Good.", now_ms=LATER + 3_600_000)
    assert (state(shop, first), state(shop, second)) == ("superseded", "live")
    back = roll_back(shop, MAX, why="Hm.", now_ms=NOW)
    assert back.request_id == first
    assert (state(shop, first), state(shop, second)) == ("live", "rolled back")


def test_an_emergency_goes_live_unapproved_and_stays_marked(shop: Settings) -> None:
    number = submit(shop, "IF p_agent > 0.7 THEN markup 0.98\nELSE markup 1.00")
    publish_request(shop, MAX, number, now_ms=NOW, emergency="Prices are wrong.")
    request = change_requests.review_request(shop, number).request
    assert (request.state, request.break_glass) == ("live", "Prices are wrong.")
    with pytest.raises(sa.exc.IntegrityError), control_database(shop).begin() as connection:
        connection.execute(sa.text("UPDATE change_requests SET break_glass = ''"))


def test_not_even_an_emergency_leaves_the_guard_rails(shop: Settings) -> None:
    number = submit(shop, "IF p_agent > 0.7 THEN markup 1.80\nELSE markup 1.00")
    with pytest.raises(ConflictError, match=r"guard rails: Mark-ups from ×1\.00 to ×1\.80"):
        publish_request(shop, MAX, number, now_ms=NOW, emergency="Prices are wrong now.")
    assert change_requests.review_request(shop, number).request.break_glass == ""


def test_a_scheduled_change_goes_live_at_its_moment_and_ends_at_its_end(shop: Settings) -> None:
    number = submit(shop, GENTLE, expires_ms=NOW + 10_000)
    change_requests.approve_request(shop, MAX, number, 1, now_ms=NOW)
    change_requests.schedule_request(shop, MAX, number, NOW + 5_000, "Europe/Vienna", now_ms=NOW)
    assert do_due(shop, now_ms=NOW + 4_999) == []
    assert do_due(shop, now_ms=NOW + 5_000) == [number]
    assert state(shop, number) == "live"
    do_due(shop, now_ms=NOW + 10_000)
    assert state(shop, number) == "expired"
    assert elsewhere(shop)["version"] == ""


def test_an_open_request_expires_unpublished(shop: Settings) -> None:
    number = submit(shop, GENTLE, expires_ms=NOW + 10)
    do_due(shop, now_ms=NOW + 10)
    assert state(shop, number) == "expired"


def test_the_watcher_finds_divergence_and_heals_it_by_itself(shop: Settings) -> None:
    publish_request(shop, MAX, approved(shop), now_ms=NOW)
    assert watch_once(shop, now_ms=NOW).problems == ()
    with connect_server(shop) as client:
        client.set("rules:live", "{}")
    assert "rules:live" in watch_once(shop, now_ms=NOW + 1).problems[0]
    assert watch_once(shop, now_ms=NOW + 2).problems == ()
    assert watch_once(shop, now_ms=NOW + 3).since_ms == NOW + 2


def test_a_server_that_is_gone_leaves_a_request_approved(shop: Settings) -> None:
    number = approved(shop)
    gone = shop.model_copy(update={"redis_url": "redis://127.0.0.1:1"})
    with pytest.raises(UnavailableError, match="nothing listens"):
        publish_request(gone, MAX, number, now_ms=NOW)
    assert state(shop, number) == "approved"
    assert read_live_status(gone, now_ms=NOW).problem
    publish_request(shop, MAX, number, now_ms=NOW)
    assert state(shop, number) == "live"


def begun(settings: Settings, number: int) -> PublishedRelease:
    """What a publisher that died left in the database."""
    with write_transaction(control_database(settings)) as connection:
        request = requests.find_request(connection, number)
        document = publish_rules._document(connection, request, NOW)
        releases.store_document(
            connection, document.version, document.to_bytes().decode(), document.sha256
        )
        switch = Switch("publish", number, document.version, 0.1, "", False, "rules")
        return releases.begin_release(
            connection, MAX, switch, "", salt="s", guard_rails=GuardRails(0.7, 1.5), now_ms=NOW
        )


@pytest.mark.parametrize("died", ["before the server was told", "after it was told"])
def test_a_publisher_that_died_is_reconciled_by_what_the_server_holds(
    shop: Settings, died: str
) -> None:
    number = approved(shop)
    release = begun(shop, number)
    if died == "after it was told":
        with connect_server(shop) as client, control_database(shop).connect() as connection:
            publish_release(
                client,
                signing_key(shop),
                live_documents.live_of(release),
                live_documents.documents_of(connection, release),
            )
    found = read_live_status(shop, now_ms=NOW)
    assert found.is_well and found.release and found.release.version == release.version
    assert state(shop, number) == "live"


def test_a_switch_that_something_later_overtook_has_failed(shop: Settings) -> None:
    number = approved(shop)
    release = begun(shop, number)
    with connect_server(shop) as client, control_database(shop).connect() as connection:
        later = live_documents.live_of(release)
        later = type(later)(
            **{**{name: getattr(later, name) for name in later.__slots__}, "epoch": 99}
        )
        publish_release(
            client, signing_key(shop), later, live_documents.documents_of(connection, release)
        )
    with suppress(PhantomError):
        read_live_status(shop, now_ms=NOW)
    assert state(shop, number) == "approved"
    heal_server(shop, MAX, why="Stray.", now_ms=NOW)
    assert read_live_status(shop, now_ms=NOW).is_well


def test_evidence_that_was_changed_since_is_rejected(shop: Settings) -> None:
    number = 1
    with control_database(shop).begin() as connection:
        connection.execute(sa.text("DROP TRIGGER evidence_no_update"))
        text = str(connection.execute(sa.select(EVIDENCE.c.document)).scalar())
        connection.execute(EVIDENCE.update().values(document=text.replace("1.1", "1.0")))
    with pytest.raises(DataError, match="was changed after it was frozen"):
        change_requests.approve_request(shop, MAX, number, 1, now_ms=NOW)


def test_a_pack_can_be_checked_without_phantom(shop: Settings) -> None:
    number = approved(shop)
    publish_request(shop, MAX, number, now_ms=NOW)
    files = export_audit_pack(shop, number, now_ms=NOW)
    document = json.loads(files[f"change-request-{number}.json"])
    import hashlib

    assert (
        hashlib.sha256(document["evidence_canonical"].encode()).hexdigest()
        == document["request"]["evidence"]
    )
    for entry in document["audit"]:
        parts = [
            entry[name]
            for name in ("seq", "at_ms", "who", "action", "about", "details", "previous")
        ]
        assert (
            hashlib.sha256(
                json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()
            ).hexdigest()
            == entry["hash"]
        )
    page = files[f"change-request-{number}.html"].decode()
    assert (
        "http" not in page and "Less leakage." in page and document["request"]["evidence"] in page
    )


def test_the_published_release_is_what_was_approved(shop: Settings) -> None:
    done = publish_request(shop, MAX, approved(shop), now_ms=NOW)
    with connect_server(shop) as client:
        release = read_release(client, public_keys(shop), done.version)
        live = read_live(client, public_keys(shop))
    assert release.rules() == parse_rules(GENTLE, "rules")
    assert live
    with control_database(shop).connect() as connection:
        entry = next(one for one in audit.list_entries(connection) if one.seq == live.audit_seq)
    assert (entry.hash, entry.action) == (live.audit_hash, "release.publish")
