"""A control database that was changed, cut or replaced is found."""

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from phantom_core.accounts.people import MACHINE, add_person, change_person
from phantom_core.accounts.roles import Role
from phantom_core.accounts.sign_in import sign_in, sign_in_demo
from phantom_core.anchoring.audit_anchor import control_engine, remote_states
from phantom_core.anchoring.heads import sign_head
from phantom_core.approvals import releases, requests
from phantom_core.approvals.change_request import Proposal
from phantom_core.approvals.governed_changes import approve_change, propose_change
from phantom_core.approvals.governed_kinds import GOVERNED_KINDS
from phantom_core.approvals.limits import set_limits
from phantom_core.approvals.releases import Switch
from phantom_core.approvals.tables import EVIDENCE
from phantom_core.cli import app
from phantom_core.core.errors import ConflictError
from phantom_core.core.limits import GuardRails
from phantom_core.core.settings import AuditSettings, Settings
from phantom_core.database import audit
from phantom_core.database.connection import control_of, write_transaction
from phantom_core.database.constraints import drop_constraints
from phantom_core.publishing.publish import publish_release
from phantom_core.publishing.release import release_of
from phantom_core.rules.text import parse_rules
from phantom_core.signing.keys import signing_key
from phantom_core.use_cases.audit.replay_chain import compare_tables
from phantom_core.use_cases.audit.verify_audit import (
    AuditAnswer,
    AuditVerification,
    last_verification,
    verify_audit,
    watch_audit,
)
from tests.databases import DATABASES, fresh_schema

NOW = 1_772_500_000_000
PASSWORD = "correct horse battery"
RAILS = GuardRails(0.7, 1.5)


@pytest.fixture(scope="module", params=DATABASES)
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """An installation with people, limits, an approved change, a release and sign-ins; every test
    undoes what it does to it.
    """
    with ExitStack() as stack:
        url = "" if request.param == "sqlite" else stack.enter_context(fresh_schema())
        workspace = tmp_path_factory.mktemp("filled") / "shop"
        made = Settings(workspace=workspace, database_url=url, redis_url="")
        fill(made)
        yield made
        control_of(made.database_url, made.workspace).dispose()


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Such an installation in SQLite alone; never written to."""
    made = Settings(workspace=tmp_path_factory.mktemp("original") / "shop", redis_url="")
    fill(made)
    control_of("", made.workspace).dispose()
    return made.workspace


@pytest.fixture
def shop(original: Path, tmp_path: Path) -> Iterator[Settings]:
    """A copy of it."""
    made = Settings(workspace=shutil.copytree(original, tmp_path / "shop"), redis_url="")
    control_engine(made)
    yield made
    control_of("", made.workspace).dispose()


def fill(settings: Settings) -> None:
    engine = control_engine(settings)
    for login, role in (("root", Role.ADMINISTRATOR), ("ana", Role.ANALYST), ("max", Role.MANAGER)):
        who = MACHINE if login == "root" else "root"
        add_person(
            engine, who, login, name="", role=role, password=PASSWORD, now_ms=NOW, must_change=False
        )
    set_limits(engine, "root", {"largest_step": 0.2}, settings, now_ms=NOW)
    rules = '{"name": "bands"}'
    with write_transaction(engine) as connection:
        drafted = requests.create_draft(
            connection,
            "ana",
            Proposal("bands", rules, "Less leakage."),
            base_version="",
            needed=1,
            now_ms=NOW,
        )
        connection.execute(
            EVIDENCE.insert().values(
                sha256="e" * 64, request_id=1, revision=1, document="{}", created_ms=NOW
            )
        )
        requests.submit_request(connection, "ana", drafted.request_id, 1, "e" * 64, now_ms=NOW + 1)
        requests.approve_request(connection, "max", 1, 1, "Fine.", now_ms=NOW + 2)
        releases.store_document(connection, "bands-1", "the rules", "d" * 64)
        switch = Switch("publish", 1, "bands-1", 1.0, "", False, "rules")
        release = releases.begin_release(
            connection, "max", switch, "", salt="s", guard_rails=RAILS, now_ms=NOW + 3
        )
        releases.finish_release(connection, release, now_ms=NOW + 4)
        for n in (1, 2):
            kind = GOVERNED_KINDS["model"]
            change = propose_change(
                connection, kind, "ana", "c", {"n": n}, why="Better.", needed=1, now_ms=NOW + 5
            )
            approve_change(
                connection, kind, "max", n, change.payload_sha256, "Yes.", now_ms=NOW + 6
            )
    sign_in(engine, "max", PASSWORD, now_ms=NOW + 7, hours=1)


def forge(settings: Settings, *statements: str) -> None:
    """Plain SQL under the database's password, past its own constraints."""
    with control_of(settings.database_url, settings.workspace).begin() as connection:
        drop_constraints(connection)
        for statement in "; ".join(statements).split("; "):
            connection.execute(sa.text(statement))


def verdict(settings: Settings, **more: Path) -> AuditVerification:
    return verify_audit(settings, **more)


def test_an_untouched_database_holds_and_every_entry_is_anchored(filled: Settings) -> None:
    found = verdict(filled)
    assert (found.answer, found.problems, found.unknown) == (AuditAnswer.HOLDS, (), ())
    assert found.anchored == found.n_entries > 8


def copied(table: str, where: str, change: str) -> str:
    """SQL that adds a changed copy of a row, whatever columns there are."""
    return (
        f"CREATE TEMPORARY TABLE copied AS SELECT * FROM {table} WHERE {where}; "
        f"UPDATE copied SET {change}; INSERT INTO {table} SELECT * FROM copied; DROP TABLE copied"
    )


FORGERIES = {
    "a decision is added": (
        "INSERT INTO decisions (request_id, revision, who, verdict, comment, at_ms) "
        "VALUES (1, 1, 'ghost', 'approve', '', 5)",
        "decision of ghost on request 1 stands in the database, but in no audit entry",
    ),
    "a decision is removed": ("DELETE FROM decisions", "decision of max on request 1 was removed"),
    "a decision is reworded": (
        "UPDATE decisions SET comment = 'Never.'",
        "is not the one of its audit entry",
    ),
    "approved rules are exchanged": (
        "UPDATE change_requests SET rules = '{}'",
        "Request 1 is not what was approved",
    ),
    "approvals needed are lowered": (
        "UPDATE change_requests SET needed = 0",
        "Request 1 is not what was approved",
    ),
    "another author": ("UPDATE change_requests SET author = 'max'", "is ana's in the audit chain"),
    "other evidence": (
        f"UPDATE change_requests SET evidence = '{'f' * 64}'",
        "other evidence than was submitted",
    ),
    "evidence is removed": ("DELETE FROM evidence", "The evidence of request 1 was removed"),
    "guard rails of a release": (
        "UPDATE releases SET highest_markup = 9",
        "Release 1 has another guard rails",
    ),
    "version of a release": ("UPDATE releases SET version = 'x'", "Release 1 has another version"),
    "a release is removed": ("DELETE FROM releases", "Release 1 was removed"),
    "published rules": (
        "UPDATE release_documents SET document = 'other rules'",
        "are not those that were published",
    ),
    "a changed limit is raised": (
        "UPDATE limits SET value = 9 WHERE name = 'largest_step'",
        "The limit largest_step is 9.0, but 0.2",
    ),
    "a limit is raised": (
        "UPDATE limits SET value = 9 WHERE name = 'highest_markup'",
        "The limit highest_markup is 9.0, but 1.5",
    ),
    "a limit is added": (
        "INSERT INTO limits VALUES ('odd', 9)",
        "The limit odd stands in the database, but in no audit entry",
    ),
    "a ban is lifted": (
        "UPDATE limit_lists SET names = '[]'",
        "The limit banned_features is []",
    ),
    "a limit is removed": ("DELETE FROM limits", "The limit largest_step was removed"),
    "a role is raised": (
        "UPDATE people SET role = 'administrator' WHERE login = 'ana'",
        "The account ana is administrator, but analyst in the audit chain",
    ),
    "a password is replaced": (
        "UPDATE people SET password = 'x' WHERE login = 'root'",
        "The account root has a password that no audit entry mentions",
    ),
    "an account is added": (
        copied("people", "login = 'root'", "login = 'eve'"),
        "The account eve stands in the database, but in no audit entry",
    ),
    "an account is removed": (
        "DELETE FROM people WHERE login = 'ana'",
        "The account ana was removed",
    ),
    "a sign-in is added": (
        copied("sign_ins", "login = 'max'", f"login = 'root', token_hash = '{'a' * 64}'"),
        "A sign-in of root stands in no audit entry",
    ),
    "a governed change is exchanged": (
        "UPDATE governed_changes SET payload = '{}' WHERE change_id = 2",
        "The governed change 2 is not what was proposed",
    ),
    "a superseded change is in force again": (
        "UPDATE governed_changes SET state = 'superseded' WHERE change_id = 2",
        "The governed change 2 is superseded, but approved in the audit chain",
    ),
    "a decision on a governed change is added": (
        "INSERT INTO governed_decisions VALUES (2, 'ghost', 'approve', '', 5)",
        "The decision of ghost on the governed change 2 stands in the database",
    ),
    "a governed change is removed": (
        "DELETE FROM governed_changes WHERE change_id = 1",
        "The governed change 1 was removed",
    ),
    "a sign-in is prolonged": (
        "UPDATE sign_ins SET expires_ms = 9000000000000",
        "A sign-in of max stands in no audit entry",
    ),
}


@contextmanager
def forged(settings: Settings, *statements: str) -> Iterator[sa.Connection]:
    """The database as SQL past its own constraints leaves it, until the end of the block."""
    with control_of(settings.database_url, settings.workspace).connect() as connection:
        undone = connection.begin()
        drop_constraints(connection)
        for statement in "; ".join(statements).split("; "):
            connection.execute(sa.text(statement))
        yield connection
        undone.rollback()


@pytest.mark.parametrize("attack", FORGERIES)
def test_a_forged_table_contradicts_the_chain(filled: Settings, attack: str) -> None:
    statement, sentence = FORGERIES[attack]
    with forged(filled, statement) as connection:
        found = compare_tables(connection, audit.list_entries(connection))
    assert sentence in " ".join(found)


def test_forged_tables_are_found_by_the_verification(shop: Settings) -> None:
    forge(shop, *(FORGERIES[one][0] for one in ("a limit is raised", "a sign-in is added")))
    found = verdict(shop)
    assert found.answer is AuditAnswer.BROKEN
    assert len(found.problems) == 2


def test_a_tail_that_was_cut_off_contradicts_the_anchor(shop: Settings) -> None:
    forge(shop, "DELETE FROM sign_ins", "DELETE FROM audit WHERE action = 'signed.in'")
    assert "its end was removed" in " ".join(verdict(shop).problems)


def rewrite_chain(settings: Settings, old: str, new: str) -> None:
    """Replace a name in every entry, with hashes that fit again from entry 1 on."""
    engine = control_of(settings.database_url, settings.workspace)
    with engine.begin() as connection:
        drop_constraints(connection)
        entries = audit.list_entries(connection)
        connection.execute(audit.AUDIT.delete())
        previous = audit.GENESIS
        for one in entries:
            values = {name: getattr(one, name) for name in one.__slots__}
            values |= {"who": new if one.who == old else one.who, "previous": previous}
            values["about"] = one.about.replace(old, new)
            values["hash"] = previous = audit.AuditEntry(**values).computed_hash()
            connection.execute(audit.AUDIT.insert().values(values))


def test_a_chain_rewritten_from_its_first_entry_contradicts_the_anchor(shop: Settings) -> None:
    rewrite_chain(shop, "max", "saint")
    with control_of(shop.database_url, shop.workspace).connect() as connection:
        assert audit.verify_audit_chain(connection).holds
    assert "the chain was rewritten" in " ".join(verdict(shop).problems)


def test_a_rewritten_chain_stays_unanchored_and_raises_an_alert(shop: Settings) -> None:
    watch_audit(shop, now_ms=NOW)
    before = (shop.paths.audit_anchor).read_bytes()
    rewrite_chain(shop, "max", "saint")
    for n in range(1, 3):
        watch_audit(shop, now_ms=NOW + n * 400_000)
    assert (shop.paths.audit_anchor).read_bytes() == before
    seen = last_verification(shop)
    assert seen is not None
    assert "the chain was rewritten" in " ".join(seen.problems)
    with control_of(shop.database_url, shop.workspace).connect() as connection:
        alerts = connection.execute(sa.text("SELECT name FROM alerts WHERE cleared_ms IS NULL"))
        assert alerts.scalars().all() == ["audit_chain"]


@pytest.mark.parametrize("what", ["gone", "cut", "cut and written on"])
def test_without_its_anchor_nobody_can_tell(shop: Settings, what: str) -> None:
    watch_audit(shop, now_ms=NOW)
    path = shop.paths.audit_anchor
    lines = path.read_bytes().splitlines(keepends=True)
    path.unlink() if what == "gone" else path.write_bytes(b"".join(lines[:3]))
    if what == "cut and written on":
        sign_in(control_engine(shop), "ana", PASSWORD, now_ms=NOW + 9, hours=1)
    else:
        watch_audit(shop, now_ms=NOW + 1_000)
    found = verdict(shop)
    assert found.answer is AuditAnswer.UNKNOWN
    assert ("is gone" if what == "gone" else "cut or replaced") in " ".join(found.unknown)


def test_a_chain_that_was_never_anchored_cannot_be_vouched_for(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path, redis_url="")
    engine = control_of("", tmp_path)
    sign_in_demo(engine, "demo-analyst", now_ms=NOW, hours=1)  # by a program without anchors
    assert verdict(settings).answer is AuditAnswer.UNKNOWN
    watch_audit(settings, now_ms=NOW)
    assert verdict(settings).answer is AuditAnswer.HOLDS
    engine.dispose()


def test_a_head_without_the_key_counts_for_nothing(shop: Settings, tmp_path: Path) -> None:
    other = Settings(workspace=tmp_path / "other")
    rewrite_chain(shop, "max", "saint")
    with control_of("", shop.workspace).connect() as connection:
        newest = audit.newest_entry(connection)
    assert newest
    forged = sign_head(signing_key(other), newest, 1, is_recovery=True)
    with shop.paths.audit_anchor.open("a") as f:
        f.write(forged.to_json() + "\n")
    assert verdict(shop).answer is AuditAnswer.BROKEN
    assert "no valid signature" in " ".join(verdict(shop).problems)


def remove_database(settings: Settings) -> None:
    for path in settings.workspace.glob("control.sqlite*"):
        path.unlink()


def as_another_process(settings: Settings) -> Settings:
    """The same installation, without the connections of this process."""
    control_of(settings.database_url, settings.workspace).dispose()
    control_of.cache_clear()
    return settings


def test_a_database_deleted_under_a_running_process_is_noticed_there(shop: Settings) -> None:
    assert verdict(shop).holds
    remove_database(shop)
    assert "was deleted while it was in use" in verdict(shop).problems[0]


def test_a_database_replaced_under_a_running_process_is_noticed_there(shop: Settings) -> None:
    assert verdict(shop).holds
    path = shop.paths.control_database
    shutil.copy(path, path.with_suffix(".copy"))
    path.with_suffix(".copy").rename(path)
    assert "was replaced while it was in use" in verdict(shop).problems[0]


def test_a_deleted_database_does_not_hold_and_takes_no_first_administrator(
    shop: Settings,
) -> None:
    remove_database(shop)
    as_another_process(shop)
    found = verdict(shop)
    assert found.answer is AuditAnswer.BROKEN
    assert "deleted or replaced" in " ".join(found.problems)
    with pytest.raises(ConflictError, match="deleted or replaced"):
        add_person(
            control_engine(shop),
            MACHINE,
            "mallory",
            name="",
            role=Role.ADMINISTRATOR,
            password=PASSWORD,
            now_ms=NOW,
        )
    with pytest.raises(ConflictError, match="deleted or replaced"):
        sign_in_demo(control_engine(shop), "demo-manager", now_ms=NOW, hours=1)


def test_a_deleted_database_and_anchor_are_told_by_the_release_that_is_live(
    shop: Settings, redis_url: str
) -> None:
    shop = shop.model_copy(update={"redis_url": redis_url})
    publish_live(shop)
    remove_database(shop)
    shop.paths.audit_anchor.unlink()
    as_another_process(shop)
    assert "The pricing servers follow release 1" in " ".join(verdict(shop).problems)
    with pytest.raises(ConflictError, match="the pricing servers follow release 1"):
        sign_in_demo(control_engine(shop), "demo-manager", now_ms=NOW, hours=1)


def publish_live(settings: Settings) -> None:
    """Put the document of the newest release on the server."""
    from phantom_core.use_cases.approvals.live_documents import live_of
    from phantom_core.valkey.server import connect_server

    with control_engine(settings).connect() as connection:
        release = releases.current_release(connection)
    assert release
    rules = parse_rules("ELSE markup 1.00", "bands")
    document = release_of(rules, release.version, "1", NOW, {})
    with connect_server(settings) as client:
        publish_release(client, signing_key(settings), live_of(release), [document])


def run(settings: Settings, *arguments: str) -> tuple[int, dict[str, object]]:
    """A verb with --json, and its exit code."""
    as_another_process(settings)
    found = CliRunner().invoke(
        app,
        [*arguments, "--json", "--workspace", str(settings.workspace)],
        env={"PHANTOM_NEW_PASSWORD": PASSWORD, "PHANTOM_REDIS_URL": "", "PHANTOM_DATABASE_URL": ""},
    )
    return found.exit_code, json.loads(found.stdout)


def test_each_answer_has_an_exit_code_of_its_own(shop: Settings) -> None:
    assert run(shop, "audit", "verify")[0] == 0
    moved = shop.paths.audit_anchor.rename(shop.workspace / "elsewhere")
    code, found = run(shop, "audit", "verify")
    assert (code, found["answer"]) == (3, "cannot tell")
    moved.rename(shop.paths.audit_anchor)
    forge(shop, "UPDATE limits SET value = 9")
    code, found = run(shop, "audit", "verify")
    assert (code, found["answer"], found["holds"]) == (1, "does not hold", False)


def test_a_lost_database_is_recovered_by_a_verb_that_nobody_overlooks(shop: Settings) -> None:
    arguments = ("user", "add", "mallory", "--role", "administrator")
    assert run(shop, "audit", "recover", "--why", "x")[0] == 1  # nothing is lost yet
    remove_database(shop)
    code, found = run(shop, *arguments)
    assert code == 1
    assert "deleted or replaced" in str(found["error"])
    assert run(shop, "audit", "recover", "--why", "The disk died.")[0] == 0
    assert run(shop, *arguments)[0] == 0
    code, found = run(shop, "audit", "verify")
    assert (code, found["answer"]) == (0, "holds")
    assert "The chain was recovered at entry 1" in str(found["notes"])
    assert "The disk died." in str(found["notes"])
    with control_of("", shop.workspace).connect() as connection:
        alerts = connection.execute(sa.text("SELECT sentence FROM alerts")).scalars().all()
    assert any(f"begun anew by {MACHINE}" in one for one in alerts)


def test_an_anchor_beside_the_database_is_named_as_the_only_one(
    shop: Settings, tmp_path: Path
) -> None:
    elsewhere = shop.audit.model_copy(update={"anchor_file": tmp_path / "other-disk" / "anchor"})
    said = "The only anchor is a file of the workspace"
    assert said in " ".join(verdict(shop).notes)
    assert said not in " ".join(verdict(shop.model_copy(update={"audit": elsewhere})).notes)


def test_a_clock_that_runs_backwards_is_named(shop: Settings) -> None:
    change_person(control_engine(shop), "root", "ana", now_ms=NOW - 60_000, role=Role.VIEWER)
    found = verdict(shop)
    assert found.answer is AuditAnswer.HOLDS
    assert "s behind entry" in " ".join(found.notes)


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[bytes]]]:
    """A webhook that keeps what it is sent."""
    kept: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kept.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/heads", kept
    server.shutdown()
    server.server_close()
    thread.join()


def test_heads_that_a_webhook_kept_convict_a_rewritten_chain_and_anchor(
    original: Path, tmp_path: Path, receiver: tuple[str, list[bytes]]
) -> None:
    address, kept = receiver
    anchors = AuditSettings(anchor_webhook=address)
    workspace = shutil.copytree(original, tmp_path / "shop")
    settings = Settings(workspace=workspace, redis_url="", audit=anchors)
    watch_audit(settings, now_ms=NOW)
    heads = tmp_path / "kept.jsonl"
    heads.write_bytes(b"\n".join(kept) + b"\n")
    assert verdict(settings, heads=heads).answer is AuditAnswer.HOLDS
    rewrite_chain(settings, "max", "saint")
    settings.paths.audit_anchor.unlink()  # by an intruder with the workspace as well
    forge(settings, "DELETE FROM watch")
    watch_audit(settings, now_ms=NOW)
    found = verdict(settings, heads=heads)
    assert found.answer is AuditAnswer.BROKEN
    assert "the chain was rewritten" in " ".join(found.problems)
    control_of("", settings.workspace).dispose()


def test_a_store_outside_the_workspace_is_read_back(original: Path, tmp_path: Path) -> None:
    anchors = AuditSettings(anchor_store=(tmp_path / "store").as_uri())
    workspace = shutil.copytree(original, tmp_path / "shop")
    settings = Settings(workspace=workspace, redis_url="", audit=anchors)
    watch_audit(settings, now_ms=NOW)
    assert len(list((tmp_path / "store").iterdir())) == 1
    settings.paths.audit_anchor.unlink()
    forge(settings, "DELETE FROM watch", "DELETE FROM sign_ins")
    forge(settings, "DELETE FROM audit WHERE action = 'signed.in'")
    assert "its end was removed" in " ".join(verdict(settings).problems)
    control_of("", settings.workspace).dispose()


def test_a_webhook_that_is_down_delays_nothing_and_shows_since_when(
    original: Path, tmp_path: Path
) -> None:
    anchors = AuditSettings(anchor_webhook="http://127.0.0.1:9/heads")
    workspace = shutil.copytree(original, tmp_path / "shop")
    settings = Settings(workspace=workspace, redis_url="", audit=anchors)
    for n in range(3):
        watch_audit(settings, now_ms=NOW + n * 60_000)
    found = verdict(settings)
    assert found.answer is AuditAnswer.HOLDS
    assert "Not anchored there since 2026-03-03" in " ".join(found.notes)
    assert remote_states(settings)["the webhook"].failing_since_ms == NOW
    control_of("", settings.workspace).dispose()


def test_a_step_that_is_rolled_back_is_not_anchored(shop: Settings) -> None:
    before = shop.paths.audit_anchor.read_bytes()
    with pytest.raises(RuntimeError), write_transaction(control_engine(shop)) as connection:
        audit.append_entry(connection, NOW, "ana", "tested", "thing", {})
        raise RuntimeError
    assert shop.paths.audit_anchor.read_bytes() == before
