"""A backup brings everything back, and says what is lost; a changed one is refused."""

import io
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from phantom_core.accounts.people import MACHINE
from phantom_core.accounts.sign_in import sign_in
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.anchoring.heads import sign_head
from phantom_core.core.errors import ConflictError, InputError
from phantom_core.core.settings import AuditSettings, Settings
from phantom_core.database import audit
from phantom_core.database.connection import METADATA, control_of
from phantom_core.lake.lake import open_lake
from phantom_core.signing.keys import signing_key
from phantom_core.use_cases.approvals.verify_audit import verify_audit
from phantom_core.use_cases.backups.backup_file import verify_backup
from phantom_core.use_cases.backups.create_backup import create_backup
from phantom_core.use_cases.backups.restore_backup import RestoreReport, restore_backup
from tests.databases import DATABASES, fresh_schema
from tests.security.test_audit_chain import NOW, PASSWORD, fill, rewrite_chain


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Settings]:
    """An installation with people, a release and a rule set, whose anchor lies elsewhere."""
    anchors = AuditSettings(anchor_file=tmp_path / "elsewhere" / "anchor.jsonl")
    settings = Settings(workspace=tmp_path / "shop", redis_url="", audit=anchors)
    fill(settings)
    settings.paths.rule_sets.mkdir()
    (settings.paths.rule_sets / "mine.json").write_text("{}")
    yield settings
    control_of("", settings.workspace).dispose()


def rows(settings: Settings) -> dict[str, list[tuple[object, ...]]]:
    with control_engine(settings).connect() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(table.select())), key=str)
            for table in METADATA.sorted_tables
            if table.name not in ("watch", "alerts")
        }


def restored(settings: Settings, path: Path, folder: Path, url: str = "") -> RestoreReport:
    empty = settings.model_copy(update={"workspace": folder, "database_url": url})
    return restore_backup(empty, MACHINE, path, now_ms=NOW)


@pytest.mark.parametrize("database", DATABASES)
def test_a_backup_brings_every_row_and_record_back(
    shop: Settings, tmp_path: Path, database: str
) -> None:
    path = tmp_path / "backup.tar.gz"
    manifest = create_backup(shop, MACHINE, path, now_ms=NOW)
    assert path.stat().st_mode & 0o077 == 0
    assert verify_backup(shop, path).problems == ()
    before = rows(shop)
    with ExitStack() as stack:
        url = "" if database == "sqlite" else stack.enter_context(fresh_schema())
        report = restored(shop, path, tmp_path / "new", url)
        assert (report.lost, report.audit.answer) == (0, "holds")
        empty = shop.model_copy(update={"workspace": tmp_path / "new", "database_url": url})
        assert rows(empty) == before
        assert len(before["audit"]) == manifest.n_entries
        sign_in(control_engine(empty), "max", PASSWORD, now_ms=NOW, hours=1)
        assert verify_audit(empty).holds
        control_of(url, empty.workspace).dispose()
    assert (tmp_path / "new" / "rule_sets" / "mine.json").read_text() == "{}"


def test_entries_that_are_newer_than_the_backup_are_named_as_lost(
    shop: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "backup.tar.gz"
    create_backup(shop, MACHINE, path, now_ms=NOW)
    for _ in range(3):
        sign_in(control_engine(shop), "max", PASSWORD, now_ms=NOW, hours=1)
    report = restored(shop, path, tmp_path / "new")
    assert report.lost == 3
    assert report.audit.holds
    assert "3 newer entries are lost" in " ".join(report.audit.notes)
    control_of("", tmp_path / "new").dispose()


def changed(path: Path, name: str, content: bytes) -> Path:
    """A copy of a backup in which one file has other content."""
    made = path.with_name("changed.tar.gz")
    with tarfile.open(path) as old, tarfile.open(made, "w:gz") as new:
        for member in old.getmembers():
            stream = old.extractfile(member)
            assert stream
            found = content if member.name == name else stream.read()
            member.size = len(found)
            new.addfile(member, io.BytesIO(found))
    return made


@pytest.mark.parametrize(
    "name", ["control/people.jsonl", "workspace/rule_sets/mine.json", "manifest.json"]
)
def test_a_changed_backup_is_refused(shop: Settings, tmp_path: Path, name: str) -> None:
    path = tmp_path / "backup.tar.gz"
    create_backup(shop, MACHINE, path, now_ms=NOW)
    with tarfile.open(path) as archive:
        stream = archive.extractfile(name)
        assert stream
        content = stream.read()
    for old, new in ((b"ana", b"eve"), (b"{}", b"[]"), (b'"has_lake": false', b'"has_lake": true')):
        content = content.replace(old, new)
    forged = changed(path, name, content)
    assert verify_backup(shop, forged).problems
    if name != "manifest.json":
        with pytest.raises(InputError, match="was changed"):
            restored(shop, forged, tmp_path / "new")


def test_a_backup_that_contradicts_the_anchor_is_refused(shop: Settings, tmp_path: Path) -> None:
    rewrite_chain(shop, "max", "saint")
    path = tmp_path / "backup.tar.gz"
    unanchored = shop.model_copy(
        update={"audit": AuditSettings(anchor_file=tmp_path / "none.jsonl")}
    )
    create_backup(unanchored, MACHINE, path, now_ms=NOW)
    with (shop.audit.anchor_file or path).open("a") as f:  # as the true chain went on
        true = control_engine(shop)
        with true.connect() as connection:
            entry = audit.newest_entry(connection)
        assert entry
        f.write(sign_head(signing_key(shop), replace(entry, hash="0" * 64), 1).to_json() + "\n")
    assert "is not the one of the anchor" in " ".join(verify_backup(shop, path).problems)


def test_nothing_is_restored_over_something(shop: Settings, tmp_path: Path) -> None:
    path = tmp_path / "backup.tar.gz"
    create_backup(shop, MACHINE, path, now_ms=NOW)
    with pytest.raises(ConflictError, match="is not empty"):
        restore_backup(shop, MACHINE, path, now_ms=NOW)
    with pytest.raises(ConflictError, match="exists"):
        create_backup(shop, MACHINE, path, now_ms=NOW)


def test_the_lake_comes_back_where_it_was_asked_for(trained: Path, tmp_path: Path) -> None:
    settings = Settings(workspace=shutil.copytree(trained, tmp_path / "shop"), redis_url="")
    path = tmp_path / "backup.tar.gz"
    create_backup(settings, MACHINE, path, now_ms=NOW, with_lake=True)
    report = restored(settings, path, tmp_path / "new")
    assert report.audit.holds
    new = settings.model_copy(update={"workspace": tmp_path / "new"})
    counts = []
    for one in (settings, new):
        with open_lake(one).connect(("events",)) as connection:
            counts.append(connection.execute("SELECT COUNT(*) FROM events").fetchall())
        control_of("", one.workspace).dispose()
    assert counts[0] == counts[1]
    with control_engine(new).connect() as connection:
        assert audit.newest_entry(connection) is not None
        assert connection.execute(sa.text("SELECT 1")).scalar() == 1
