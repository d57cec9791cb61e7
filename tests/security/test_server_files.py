"""The app gives no access to this server's files, its control database or its network."""

import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from phantom_core.accounts.account_actors import GUEST, Account
from phantom_core.accounts.actors import Actor, Internal, acting_as
from phantom_core.core.errors import NotAllowedError, PhantomError, TooLargeError, UnavailableError
from phantom_core.core.settings import Settings
from phantom_core.events import keyed_rows
from phantom_core.events.mapping import Mapping, load_mapping
from phantom_core.jobs.jobs import Job, Jobs
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.data.ingest import ingest_files, load_file, load_keyed
from phantom_core.use_cases.data.job_ingest import IngestRequest
from phantom_core.use_cases.data.save_mapping import save_mapping
from phantom_core.use_cases.data.save_upload import save_upload
from phantom_core.use_cases.markets.save_policy_rules import save_policy_rules
from phantom_core.use_cases.markets.save_scenario import save_scenario
from phantom_core.use_cases.markets.simulate import simulate_policies
from phantom_core.use_cases.markets.simulate_sessions import read_rules
from phantom_core.use_cases.operations.run_job import run_job
from phantom_core.use_cases.rules.rule_sets import open_rule_set, read_rule_set, save_rule_set
from phantom_core.views.data.sample import read_sample
from tests.security.accounts import add_accounts

CLICKS = "sessionId,ts,eventName\ns1,2026-03-01T12:00:00Z,search\n"
READERS: dict[str, Callable[[Settings, Path], object]] = {
    "a sample": lambda settings, path: read_sample(path, settings),
    "a load": lambda settings, path: ingest_files(settings, [path], now_ms=1),
    "labels": lambda settings, path: ingest_files(settings, [], now_ms=1, labels=str(path)),
    "experiments": lambda settings, path: ingest_files(
        settings, [], now_ms=1, experiments=str(path)
    ),
    "a catalogue": lambda settings, path: ingest_files(settings, [], now_ms=1, catalogue=str(path)),
    "rules": lambda settings, path: open_rule_set(settings, str(path)),
    "rules or text": lambda settings, path: read_rule_set(settings, str(path)),
    "rules by path": lambda _, path: read_rules(str(path)),
    "a policy": lambda settings, path: simulate_policies(
        settings, scenario(), [f"rules:{path}"], now_ms=1
    ),
}
HOSTS = (
    "postgresql:///shop?host=/var/run/postgresql",
    "postgresql://127.0.0.1:{port}/shop",
    "POSTGRESQL://127.0.0.1:{port}/shop",
    "postgres://shop.example,127.0.0.1:{port}/shop",
    "postgresql://shop.example/shop?host=127.0.0.1&port={port}",
    "postgresql://shop.example/shop?hostaddr=127.0.0.1&port={port}",
    "postgresql://shop.example/shop?service=other",
    "postgresql://shop.example/shop?passfile=/etc/shadow",
    "postgresql:///shop",
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation with people, and a folder of exports that may be read."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "exports").mkdir()
    (folder / "exports" / "clicks.csv").write_text(CLICKS)
    (folder / "secrets.csv").write_text(f"{CLICKS}PRIVATE KEY,,\n")
    settings = Settings(workspace=folder / "exports" / "workspace", redis_url="", database_url="")
    loading = settings.loading.model_copy(
        update={"server_folders": (str(folder / "exports"),), "source_hosts": ("shop.example",)}
    )
    settings = settings.model_copy(update={"loading": loading})
    add_accounts(settings)
    return settings


@pytest.fixture
def ana(base: Settings) -> Iterator[Settings]:
    """Acting as the analyst."""
    with acting_as(Account("ana"), base):
        yield base


def outside(settings: Settings) -> Path:
    return settings.workspace.parent.parent / "secrets.csv"


@pytest.mark.parametrize("reader", READERS)
def test_no_file_outside_the_allowed_folders_is_read(ana: Settings, reader: str) -> None:
    exports = ana.workspace.parent
    link = exports / "innocent.csv"
    if not link.is_symlink():
        link.symlink_to(outside(ana))
    found = [outside(ana), link, exports / ".." / "secrets.csv", Path("/etc/passwd")]
    found += [ana.workspace / "workspace.id", ana.paths.control_database]
    for path in found:
        with pytest.raises(NotAllowedError):
            READERS[reader](ana, path)


@pytest.mark.parametrize("glob", ["*.csv", "../*.csv", "innocent*", "*/control.sqlite", "**/*.id"])
def test_no_glob_leads_out_of_them(ana: Settings, glob: str) -> None:
    link = ana.workspace.parent / "innocent.csv"
    if not link.is_symlink():
        link.symlink_to(outside(ana))
    with pytest.raises(PhantomError):
        ingest_files(ana, [ana.workspace.parent / glob], now_ms=1)


def test_a_file_below_an_allowed_folder_is_read(ana: Settings) -> None:
    path = ana.workspace.parent / "clicks.csv"
    assert read_sample(path, ana).raw.num_rows == 1
    assert ingest_files(ana, [path], now_ms=1_772_452_800_000).loads[0].accepted == 1


@pytest.mark.parametrize("actor", [Internal.SHELL, Account("ana")], ids=str)
@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
def test_the_control_database_is_opened_by_nobody(
    base: Settings, tmp_path: Path, actor: Actor, suffix: str
) -> None:
    control_database(base).connect().close()
    own = Path(f"{base.paths.control_database}{suffix}")
    own.touch()
    alias, twin = tmp_path / "alias.csv", tmp_path / "twin.csv"
    alias.symlink_to(own)
    twin.hardlink_to(own)
    wide = base.model_copy(
        update={"loading": base.loading.model_copy(update={"server_folders": ("/",)})}
    )
    with acting_as(actor, wide), opened_files() as opened:
        for path in (own, alias, twin):
            for reader in ("a sample", "a load", "labels", "a catalogue"):
                with pytest.raises(NotAllowedError):
                    READERS[reader](wide, path)
    assert not [
        name for name in opened if "control.sqlite" in name or name.startswith(str(tmp_path))
    ]


def test_a_job_reads_no_more_than_its_account(ana: Settings) -> None:
    for request in (
        IngestRequest(paths=(str(outside(ana)),)),
        IngestRequest(labels=str(outside(ana))),
        IngestRequest(mapping=str(outside(ana)), paths=("x.csv",)),
        IngestRequest(experiments="postgresql:///shop?host=/var/run/postgresql"),
    ):
        job = queued(ana, request)
        with acting_as(Internal.SHELL):
            done = run_job(ana, job.job_id, 1)
        assert done.state == "failed", request
        assert "allow" in done.message


@pytest.mark.parametrize("actor", [Account("vera"), Account("gone"), GUEST, None], ids=str)
def test_who_only_looks_reads_no_file_and_writes_nothing(
    base: Settings, actor: Actor | None
) -> None:
    path, before = base.workspace.parent / "clicks.csv", listing(base.workspace)
    mapping: Mapping = load_mapping("ga4") if "ga4" in shipped() else load_mapping(shipped()[0])
    with acting_as(actor, base):
        for act in (
            lambda: read_sample(path, base),
            lambda: save_mapping(base, mapping),
            lambda: save_scenario(base, b"", "x"),
            lambda: save_policy_rules(base, "x", "ELSE markup 1.0\n"),
            lambda: save_rule_set(base, read_rules("bands")),
            lambda: save_upload(base, "x.csv", b"x"),
            lambda: load_file(base, None, path, None, 1),  # type: ignore[arg-type]
            lambda: load_keyed(base, None, "labels", str(path), 1),  # type: ignore[arg-type]
        ):
            with pytest.raises(PhantomError) as refused:
                act()
            assert refused.value.http_status in (401, 403)
    assert listing(base.workspace) == before


@pytest.mark.parametrize("url", HOSTS)
def test_no_database_but_an_allowed_one_is_asked(ana: Settings, url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        where = url.format(port=server.getsockname()[1])
        for kind in ("experiments", "catalogue"):
            with pytest.raises(NotAllowedError):
                ingest_files(ana, [], now_ms=1, **{kind: where})
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_database_that_does_not_answer_is_given_up(
    base: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyed_rows, "CONNECT_S", 2)
    with socket.create_server(("127.0.0.1", 0)) as server, acting_as(Internal.SHELL):
        start_s = time.monotonic()
        where = f"postgresql://127.0.0.1:{server.getsockname()[1]}/shop"
        with pytest.raises(UnavailableError):
            ingest_files(base, [], now_ms=1, experiments=where)
        assert time.monotonic() - start_s < 10


def test_uploads_have_a_size_and_a_quota(ana: Settings) -> None:
    loading = ana.loading.model_copy(update={"max_upload_mb": 1, "upload_quota_mb": 2})
    small = ana.model_copy(update={"loading": loading})
    with pytest.raises(TooLargeError, match="larger than 1 MB"):
        save_upload(small, "a.csv", bytes((1 << 20) + 1))
    for name in ("../../a.csv", "b.csv"):
        path = save_upload(small, name, bytes(1 << 20))
        assert path.resolve().is_relative_to(ana.paths.uploads.resolve())
    with pytest.raises(TooLargeError, match="exceed 2 MB"):
        save_upload(small, "c.csv", b"x")
    with acting_as(Account("max"), small):
        assert save_upload(small, "c.csv", b"x").exists()


def queued(settings: Settings, request: IngestRequest) -> Job:
    """A job of the current actor whose worker is this process."""
    jobs = Jobs(settings)
    jobs._spawn = lambda *_: None  # type: ignore[method-assign, assignment]
    return jobs.start(request)


def scenario() -> object:
    from phantom_core.market.scenario import load_scenario

    return load_scenario("tight")


def shipped() -> list[str]:
    from phantom_core.events.mapping import shipped_mappings

    return list(shipped_mappings())


def listing(folder: Path) -> set[str]:
    """Files of a workspace, without those that SQLite makes to read."""
    return {str(path) for path in folder.rglob("*") if "control.sqlite" not in path.name}


_LISTENERS: list[list[str]] = []


@contextmanager
def opened_files() -> Iterator[list[str]]:
    """Names of the files that this process opens within the block."""
    found: list[str] = []
    _LISTENERS.append(found)
    try:
        yield found
    finally:
        _LISTENERS.remove(found)


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open":
        for listener in _LISTENERS:
            listener.append(str(arguments[0]))


sys.addaudithook(_note)
