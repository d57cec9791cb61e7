"""What is erased is nowhere any more, and stays away; what is exported is everything."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
import redis
import sqlalchemy as sa

from phantom_core.accounts.people import MACHINE, add_person, find_account
from phantom_core.accounts.roles import Role
from phantom_core.accounts.sign_in import sign_in, sign_in_demo
from phantom_core.alerts.alerts import Alerts
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.core.errors import ConflictError, NotAllowedError
from phantom_core.core.settings import RetentionSettings, Settings
from phantom_core.database import audit
from phantom_core.database.connection import METADATA, control_of, write_transaction
from phantom_core.events.decision import PriceDecision, Source
from phantom_core.jobs.jobs import JOBS, Jobs
from phantom_core.lake.lake import open_lake
from phantom_core.messages.segments import SegmentWriter
from phantom_core.model_store.store import ModelStore
from phantom_core.publishing.session_features import PublishedFeatures, write_features
from phantom_core.publishing.session_prices import write_session_prices
from phantom_core.services.pricing.answer import price_answer
from phantom_core.services.pricing.decision import PriceResult
from phantom_core.signing.keys import signing_key
from phantom_core.use_cases.audit.verify_audit import verify_audit
from phantom_core.use_cases.data.demo import load_demo
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.use_cases.models.model_use import open_approved
from phantom_core.use_cases.operations.drain_decisions import drain_decisions
from phantom_core.use_cases.privacy.erase import (
    allow_again,
    erase_personal_data,
    is_erasure_pending,
    resume_erasure,
)
from phantom_core.use_cases.privacy.export import export_personal_data
from phantom_core.use_cases.privacy.retention import DAY_MS, apply_retention
from phantom_core.valkey.server import connect_server, stop_embedded
from tests.databases import DATABASES, fresh_schema

NOW = 1_772_500_000_000
PASSWORD = "correct horse battery"


@pytest.fixture(params=DATABASES)
def shop(
    request: pytest.FixtureRequest, trained: Path, tmp_path: Path, redis_url: str
) -> Iterator[Settings]:
    """A workspace in which one session left traces everywhere."""
    workspace = shutil.copytree(trained, tmp_path / "shop")
    if request.param == "sqlite":
        yield from _opened(Settings(workspace=workspace, redis_url=redis_url))
        return
    for path in workspace.glob("*"):  # it had another database so far
        if path.name.startswith(("control.sqlite", "audit-anchor")):
            path.unlink()
    with fresh_schema() as url:
        yield from _opened(Settings(workspace=workspace, redis_url=redis_url, database_url=url))


def _opened(settings: Settings) -> Iterator[Settings]:
    leave_traces(settings, one_session(settings))
    yield settings
    control_of(settings.database_url, settings.workspace).dispose()


@pytest.fixture
def plain(trained: Path, tmp_path: Path) -> Iterator[Settings]:
    """A workspace with the demo set and a classifier."""
    settings = Settings(workspace=shutil.copytree(trained, tmp_path / "plain"), redis_url="")
    yield settings
    control_of("", settings.workspace).dispose()


def one_session(settings: Settings) -> str:
    with open_lake(settings).connect(("events",)) as connection:
        query = "SELECT min(session_id) FROM events WHERE experiment_id IS NOT NULL"
        return str(connection.execute(query).fetchall()[0][0])


def leave_traces(settings: Settings, session: str) -> None:
    """Uploads, quarantine, decisions, topics, replays, explanations, jobs, logs and keys."""
    paths = settings.paths
    for folder in (paths.uploads, paths.replays / "r1", paths.root / "explanations", paths.logs):
        folder.mkdir(parents=True, exist_ok=True)
    rows = f"session_id,ts,event_name\n{session},,x\nother-1,2026-03-01T00:00:00Z,view_item_page\n"
    (paths.uploads / "shop.csv").write_text(rows)
    lines = "".join(json.dumps({"session": one}) + "\n" for one in (session, "other-1"))
    (paths.uploads / "shop.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    ingest_files(settings, [paths.uploads / "shop.csv"], now_ms=NOW)
    changed = pa.table({"session_id": [session, "other-1"], "markup": [1.1, 1.2]})
    pq.write_table(changed, paths.replays / "r1" / "changed.parquet")
    (paths.root / "explanations" / "session.json").write_text(json.dumps({"session": session}))
    (paths.root / "explanations" / "list.json").write_text(
        json.dumps({"sessions": [{"id": session, "p": 1}, {"id": "other-1", "p": 0}]})
    )
    (paths.logs / "job.log").write_text(f"begun\nexplaining {session}\nended\n")
    for folder, value in (
        (paths.inbox / "events", json.dumps({"sessionId": session})),
        (paths.decisions, json.dumps(decision(session))),
    ):
        writer = SegmentWriter(folder)
        writer.append([value, value.replace(session, "other-1")])
        writer.close()
    add_job(settings, session)
    Alerts(settings).follow({"odd": f"The session {session} is odd."}, frozenset(), NOW)
    if settings.redis_url:
        with connect_server(settings) as client:
            features = PublishedFeatures(session, 1, NOW, NOW, "hotel", {"n": 1.0})
            write_features(client, [features])
            key = signing_key(settings)
            write_session_prices(client, key, session, {"room-1": 9.0}, now_ms=NOW)
            write_session_prices(client, key, "other-1", {"room-1": 9.0}, now_ms=NOW)


def decision(session: str) -> dict[str, object]:
    """A price decision as the pricing service logs it."""
    known: dict[str, object] = dict.fromkeys(
        ("experiment_id", "propensity", "reason", "rule_id", "rules_version", "price_experiment")
    )
    known |= dict.fromkeys(("variant", "classifier_version", "network_version", "features"))
    known |= dict.fromkeys(("agent_probability", "purchase_probability"))
    return known | {
        "decided_ms": NOW,
        "decision_id": f"{abs(hash(session)):032x}"[:32],
        "session_id": session,
        "store_mode": "hotel",
        "product_id": "room-1",
        "price": 9.0,
        "base_price": 9.0,
        "source": "base",
        "epoch": 0,
        "log_share": 1.0,
    }


def add_job(settings: Settings, session: str, state: str = "done") -> None:
    with write_transaction(control_engine(settings)) as connection:
        connection.execute(
            JOBS.insert().values(
                job_id=f"{state}-job",
                kind="explain",
                arguments=json.dumps({"session_id": session}),
                state=state,
                fraction=1.0,
                message="done",
                result=json.dumps({"session": session}),
                pid=0,
                cancel=False,
                created_ms=NOW,
                changed_ms=NOW,
                lease_until_ms=9_000_000_000_000,
            )
        )


def traces(settings: Settings, name: str) -> list[str]:
    """Every file, row and key that holds a name, searched byte by byte and value by value."""
    word = name.encode()
    found = []
    for path in settings.workspace.rglob("*"):
        if not path.is_file():
            continue
        content = path.read_bytes()
        unpacked = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        if word in content or word in unpacked:
            found.append(str(path.relative_to(settings.workspace)))
        elif content[:4] == b"PAR1":
            rows = pq.ParquetFile(path).read().to_pylist()
            if any(name in str(value) for row in rows for value in row.values()):
                found.append(str(path.relative_to(settings.workspace)))
    engine = control_of(settings.database_url, settings.workspace)
    with engine.connect() as connection:
        for table in sa.inspect(engine).get_table_names():
            for row in connection.execute(sa.text(f"SELECT * FROM {table}")):
                if name in str(row):
                    found.append(f"table {table}")
    if settings.redis_url:
        with redis.Redis.from_url(settings.redis_url) as client:
            for key in client.scan_iter():
                is_text = client.type(key) == b"string"
                value = client.get(key) if is_text else client.hgetall(key)
                if word in key or name in str(value):
                    found.append(f"key {key.decode()}")
    return sorted(set(found))


def test_after_an_erasure_no_file_row_or_key_holds_the_id(shop: Settings) -> None:
    session = one_session(shop)
    before = traces(shop, session)
    for place in ("lake/events", "lake/quotes", "lake/features", "lake/quarantine", "models/"):
        assert any(place in one for one in before), place
    for place in ("demo/", "uploads/", "inbox/", "decisions/", "table jobs", "key session:"):
        assert any(place in one for one in before), place
    report = erase_personal_data(shop, MACHINE, "session", session, now_ms=NOW)
    assert traces(shop, session) == []
    assert report.remains == ()
    assert report.rows["events"] > 0
    assert report.keys == 2
    assert any("Models keep" in one for one in report.kept)


def test_the_embedded_server_forgets_the_id_in_its_files(plain: Settings) -> None:
    session = one_session(plain)
    with connect_server(plain) as client:
        key = signing_key(plain)
        write_session_prices(client, key, session, {"room-1": 9.0}, now_ms=NOW)
        write_session_prices(client, key, "other-1", {"room-1": 9.0}, now_ms=NOW)
    assert any("valkey/" in one for one in traces(plain, session))
    erase_personal_data(plain, MACHINE, "session", session, now_ms=NOW)
    assert traces(plain, session) == []
    assert any("valkey/" in one for one in traces(plain, "other-1"))
    stop_embedded(plain)


def test_others_lose_nothing_by_an_erasure(plain: Settings) -> None:
    session = one_session(plain)
    leave_traces(plain, session)

    def others() -> list[int]:
        with open_lake(plain).connect() as connection:
            counts = [
                connection.execute(
                    f"SELECT COUNT(*) FROM (SELECT t::VARCHAR AS text FROM {table} AS t) "
                    "WHERE NOT contains(text, ?)",
                    [session],
                ).fetchall()[0][0]
                for table in ("events", "quotes", "session_labels", "quarantine")
            ]
        model = ModelStore(plain.workspace, "classifier").open()
        out_of_fold = pq.read_table(pa.BufferReader(model.read("oof.parquet")))
        names = out_of_fold["session_id"].to_pylist()
        return [*counts, sum(name != session for name in names)]

    before = others()
    model = ModelStore(plain.workspace, "classifier").open()
    approved = (model.folder / "manifest.json").read_bytes()
    erase_personal_data(plain, MACHINE, "session", session, now_ms=NOW)
    assert others() == before
    assert (model.folder / "manifest.json").read_bytes() == approved
    assert open_approved(plain, "classifier").read("oof.parquet")
    assert "other-1" in (plain.paths.uploads / "shop.csv").read_text()
    with gzip.open(plain.paths.uploads / "shop.jsonl.gz", "rt") as f:
        assert [json.loads(line)["session"] for line in f] == ["other-1"]


def test_an_export_holds_what_an_erasure_removes(shop: Settings) -> None:
    session = one_session(shop)
    found = export_personal_data(shop, MACHINE, "session", session, now_ms=NOW)
    document = json.loads(json.dumps(found.to_json(), default=str))
    assert set(document["lake"]) >= {"events", "quotes", "session_labels", "quarantine", "features"}
    assert {"uploads/shop.csv", "uploads/shop.jsonl.gz", "demo/events.parquet"} <= set(
        document["files"]
    )
    assert set(document["messages"]) == {"events", "decisions"}
    assert set(document["control"]) == {"jobs", "alerts"}
    assert len(document["keys"]) == 2
    erase_personal_data(shop, MACHINE, "session", session, now_ms=NOW)
    after = export_personal_data(shop, MACHINE, "session", session, now_ms=NOW)
    assert not any((after.lake, after.files, after.messages, after.control, after.keys))


def test_an_erasure_is_audited_by_a_keyed_hash(plain: Settings) -> None:
    session = one_session(plain)
    report = erase_personal_data(plain, MACHINE, "session", session, now_ms=NOW)
    with control_engine(plain).connect() as connection:
        entry = audit.list_entries(connection)[-1]
    assert entry.action == "privacy.erased"
    assert json.loads(entry.details)["digest"] == report.digest
    assert session not in str(entry)
    assert verify_audit(plain).holds
    (plain.paths.privacy_key).write_bytes(b"x" * 32)
    again = erase_personal_data(plain, MACHINE, "session", session, now_ms=NOW)
    assert again.digest != report.digest  # worth nothing without the key


def test_an_erased_session_is_refused_when_the_same_files_are_loaded_again(
    plain: Settings, tmp_path: Path
) -> None:
    session, folder = one_session(plain), tmp_path / "export"
    shutil.copytree(plain.paths.demo_files, folder)
    rows = f"session_id,ts,event_name\n{session},,x\n"
    (folder / "refused.csv").write_text(rows)
    erase_personal_data(plain, MACHINE, "session", session, now_ms=NOW)
    report = ingest_files(
        plain,
        [folder / "events.parquet", folder / "quotes.parquet", folder / "refused.csv"],
        now_ms=NOW,
        labels=str(folder / "session_labels.csv"),
    )
    assert traces(plain, session) == []
    refused = {Path(load.file).name: load.quarantined.get("erased", 0) for load in report.loads}
    assert all(n > 0 for n in refused.values()), refused
    for load in report.loads:
        total = load.accepted + load.duplicates + sum(load.quarantined.values())
        assert load.rows_read == total
    load_demo(plain.model_copy(update={"demo_sessions": 300}), now_ms=NOW)
    assert traces(plain, session) == []
    assert allow_again(plain, MACHINE, "session", session, now_ms=NOW) == 1
    ingest_files(plain, [folder / "events.parquet"], now_ms=NOW)
    assert traces(plain, session) != []


def test_a_subject_goes_with_all_sessions_of_its_experiments(plain: Settings) -> None:
    with open_lake(plain).connect(("events", "experiments")) as connection:
        subject, sessions = connection.execute(
            "SELECT subject_name, list(DISTINCT session_id) FROM experiments JOIN events USING "
            "(experiment_id) GROUP BY ALL ORDER BY len(list(DISTINCT session_id)) DESC LIMIT 1"
        ).fetchall()[0]
    report = erase_personal_data(plain, MACHINE, "subject", subject, now_ms=NOW)
    assert report.sessions == len(sessions)
    assert [traces(plain, name) for name in (subject, *sessions)] == [[]] * (len(sessions) + 1)
    assert report.remains == ()


def test_an_account_is_exported_without_its_password_and_erased_but_for_its_login(
    plain: Settings,
) -> None:
    engine = control_engine(plain)
    for login, role in (("root", Role.ADMINISTRATOR), ("ana", Role.ANALYST)):
        who = MACHINE if login == "root" else "root"
        add_person(
            engine,
            who,
            login,
            name=f"{login.title()} Doe",
            role=role,
            password=PASSWORD,
            now_ms=NOW,
            must_change=False,
        )
    sign_in(engine, "ana", PASSWORD, now_ms=NOW, hours=1)
    found = export_personal_data(plain, "root", "account", "ana", now_ms=NOW)
    assert set(found.control) == {"audit", "people", "sign_ins"}
    assert "argon2" not in json.dumps(found.to_json())
    with pytest.raises(NotAllowedError):
        erase_personal_data(plain, "ana", "account", "root", now_ms=NOW)
    with pytest.raises(ConflictError, match="last administrator"):
        erase_personal_data(plain, "root", "account", "root", now_ms=NOW)
    report = erase_personal_data(plain, "root", "account", "ana", now_ms=NOW)
    assert any("keep the login" in one for one in report.kept)
    assert traces(plain, "Ana Doe") == []
    with engine.connect() as connection:
        person = find_account(connection, "ana")
    assert person is not None
    assert not person.is_active
    assert verify_audit(plain).holds


@pytest.mark.parametrize("role", [None, *sorted(set(Role) - {Role.ADMINISTRATOR})])
def test_only_administrators_export_and_erase(plain: Settings, role: Role | None) -> None:
    engine = control_engine(plain)
    for login, one in (("root", Role.ADMINISTRATOR), ("other", role)):
        if one is not None:
            who = MACHINE if login == "root" else "root"
            add_person(
                engine,
                who,
                login,
                name="",
                role=one,
                password=PASSWORD,
                now_ms=NOW,
                must_change=False,
            )
    for call in (export_personal_data, erase_personal_data):
        with pytest.raises(NotAllowedError):
            call(plain, "other" if role else "", "session", "s", now_ms=NOW)


def test_an_erasure_waits_for_no_job_and_no_job_begins_beside_it(plain: Settings) -> None:
    session = one_session(plain)
    add_job(plain, "other-1", "running")
    with write_transaction(control_engine(plain)) as connection:
        connection.execute(JOBS.update().values(host="elsewhere"))
    with pytest.raises(ConflictError, match="may read or write this data"):
        erase_personal_data(plain, MACHINE, "session", session, now_ms=NOW)
    assert not is_erasure_pending(plain)
    plain.paths.pending_erasure.write_text("{}")
    from phantom_core.use_cases.operations.job_monitor import MonitorRequest

    with pytest.raises(ConflictError, match="is being erased"):
        Jobs(plain).start(MonitorRequest())


ERASE = """
import sys
from pathlib import Path
from phantom_core.accounts.actors import acting_as
from phantom_core.accounts.people import MACHINE
from phantom_core.core.settings import Settings
from phantom_core.use_cases.privacy.erase import erase_personal_data
settings = Settings(workspace=Path(sys.argv[1]))
print("begun", flush=True)
with acting_as(MACHINE):
    erase_personal_data(settings, MACHINE, "session", sys.argv[2], now_ms=int(sys.argv[3]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("after_s", [0.05, 0.25, 0.6])
def test_an_erasure_that_was_killed_is_finished_later(plain: Settings, after_s: float) -> None:
    session = one_session(plain)
    leave_traces(plain, session)
    control_of("", plain.workspace).dispose()
    command = [sys.executable, "-c", ERASE, str(plain.workspace), session, str(NOW)]
    environment = os.environ | {"PHANTOM_REDIS_URL": "", "PHANTOM_DATABASE_URL": ""}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    assert process.stdout
    process.stdout.readline()
    pending = plain.paths.pending_erasure
    while not pending.exists() and process.poll() is None:
        time.sleep(0.005)
    time.sleep(after_s)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    if is_erasure_pending(plain):
        resume_erasure(plain, MACHINE, now_ms=NOW)
    assert traces(plain, session) == []
    assert not is_erasure_pending(plain)
    assert METADATA.tables  # the database is open again
    assert pa_csv.read_csv(plain.paths.demo_files / "session_labels.csv").num_rows > 0


def retained(settings: Settings, **days: int) -> dict[str, int]:
    kept = settings.model_copy(update={"retention": RetentionSettings(**days)})
    return apply_retention(kept, now_ms=NOW).deleted


def test_nothing_is_deleted_where_no_retention_is_set(plain: Settings) -> None:
    leave_traces(plain, one_session(plain))
    assert retained(plain) == {}


def test_each_kind_is_deleted_after_its_days_and_no_sooner(plain: Settings) -> None:
    session = one_session(plain)
    leave_traces(plain, session)
    drain_decisions(plain)
    engine = control_engine(plain)
    sign_in_demo(engine, "demo-analyst", now_ms=NOW - 3 * DAY_MS, hours=1)
    for path in (*plain.paths.uploads.iterdir(), plain.paths.replays / "r1"):
        os.utime(path, (NOW / 1_000 - 3 * 86_400,) * 2)
    for days, expected in ((10, 0), (2, 1)):
        for name in ("uploads", "replays", "sign_ins"):
            assert len(retained(plain, **{f"{name}_days": days})) == expected
    with write_transaction(engine) as connection:
        connection.execute(JOBS.update().values(changed_ms=NOW - 3 * DAY_MS))
    (plain.paths.logs / "done-job.log").write_text("x")
    assert retained(plain, jobs_days=2) == {"jobs": 1, "logs": 1}
    assert retained(plain, quarantine_days=400, decisions_days=400) == {}
    later = NOW + 10 * DAY_MS
    settings = RetentionSettings(quarantine_days=2, decisions_days=2)
    found = apply_retention(plain.model_copy(update={"retention": settings}), now_ms=later)
    assert found.deleted == {"quarantine": 1, "decisions": 1}
    with engine.connect() as connection:
        entry = audit.list_entries(connection)[-1]
    assert entry.action == "privacy.retention"
    assert json.loads(entry.details).items() >= found.deleted.items()


def test_old_sessions_leave_as_a_whole_and_every_version_of_them(plain: Settings) -> None:
    def spans() -> dict[str, tuple[int, int]]:
        with open_lake(plain).connect(("events",)) as connection:
            rows = connection.execute(
                "SELECT session_id, min(event_ms), max(event_ms) FROM events GROUP BY ALL"
            ).fetchall()
        return {name: (first, last) for name, first, last in rows}

    before = spans()
    middle = sorted(last for _, last in before.values())[len(before) // 2]
    settings = RetentionSettings(events_days=1)
    kept = plain.model_copy(update={"retention": settings})
    found = apply_retention(kept, now_ms=middle + DAY_MS).deleted
    assert found["events"] > 0
    assert spans() == {name: span for name, span in before.items() if span[1] >= middle}
    oldest = min(before, key=lambda name: before[name][1])
    shutil.rmtree(plain.paths.demo_files)
    shutil.rmtree(plain.paths.all_models)
    assert traces(plain, oldest) == []


@pytest.mark.parametrize("source", get_args(Source))
def test_every_price_says_whether_it_was_personalised(source: Source) -> None:
    values = decision("s-1") | {"source": source, "decision_id": "0" * 32}
    values["features"] = None
    found = price_answer(PriceDecision(**values), PriceResult(9.0, source), None)
    assert found["personalised"] == (source in ("session_price", "rules", "model"))
    assert str(found["personalised_reason"]).endswith(".")


@pytest.mark.slow
def test_one_of_five_thousand_sessions_leaves_nothing_behind(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path / "shop", redis_url="", demo_sessions=5_000)
    load_demo(settings, now_ms=NOW)
    session = one_session(settings)
    leave_traces(settings, session)
    assert len(traces(settings, session)) > 12
    report = erase_personal_data(settings, MACHINE, "session", session, now_ms=NOW)
    assert traces(settings, session) == []
    assert report.remains == ()
    with open_lake(settings).connect(("events",)) as connection:
        query = "SELECT COUNT(DISTINCT session_id) FROM events WHERE session_id <> 'other-1'"
        assert connection.execute(query).fetchall() == [(4_999,)]
    control_of("", settings.workspace).dispose()
