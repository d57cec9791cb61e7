"""Tests that need missing software are skipped, unless PHANTOM_REQUIRED_TESTS has their marker."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from functools import cache
from pathlib import Path

import pytest
from filelock import FileLock

from tests.examples import load_profile

NOW_MS = 1_772_452_800_000
REQUIRED = frozenset(filter(None, os.environ.get("PHANTOM_REQUIRED_TESTS", "").split(",")))

load_profile()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    needed = REQUIRED & {marker.name for marker in item.iter_markers()}
    if report.skipped and needed and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = (
            f"skipped, though {', '.join(needed)} tests must run here: {report.longrepr}"
        )
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that no process is left with a long one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True, scope="session")
def operator() -> Iterator[None]:
    """Tests act as an operator who has every permission, unless they say otherwise."""
    from phantom_core.accounts.actors import acting_as
    from tests.actors import OPERATOR

    with acting_as(OPERATOR):
        yield


@pytest.fixture(autouse=True, scope="session")
def cheap_hashes() -> Iterator[None]:
    """Passwords cost this process microseconds; tests of the hash itself ask for `real_hashes`."""
    from argon2 import PasswordHasher
    from argon2.profiles import CHEAPEST

    from phantom_core.accounts import passwords

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", PasswordHasher.from_parameters(CHEAPEST))
        yield


@pytest.fixture(autouse=True, scope="session")
def upgraded_once() -> Iterator[None]:
    """Migrations run once in a test process; tests/database runs them for each database."""
    from phantom_core.database import connection
    from tests.databases import UpgradedOnce

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "_upgrade", UpgradedOnce(connection._upgrade))
        yield


@pytest.fixture(autouse=True, scope="session")
def one_command_line() -> Iterator[None]:
    """Typer reads the signatures of all verbs once, not at each verb that a test runs."""
    from typer.main import get_command

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", cache(get_command))
        yield


@pytest.fixture
def real_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords cost what they cost outside of tests."""
    from argon2 import PasswordHasher

    from phantom_core.accounts import passwords

    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher.from_parameters(passwords.PARAMETERS))


@pytest.fixture(scope="session")
def components() -> Iterator[None]:
    """AppTest looks for components in every installed package once, not at each of its runs."""
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            manifest_scanner,
            "scan_component_manifests",
            cache(manifest_scanner.scan_component_manifests),
        )
        yield


@pytest.fixture(scope="module")
def open_sources() -> Iterator[None]:
    """Workers and pages may read the temporary files of tests, and databases of this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHANTOM_SERVER_FOLDERS", tempfile.gettempdir())
        patch.setenv("PHANTOM_SOURCE_HOSTS", "127.0.0.1,localhost")
        yield


@pytest.fixture
def redis_url() -> Iterator[str]:
    """The database of PHANTOM_TEST_REDIS_URL for one test at a time, emptied before and after."""
    import redis

    url = os.environ.get("PHANTOM_TEST_REDIS_URL")
    if not url:
        pytest.skip("PHANTOM_TEST_REDIS_URL is not set")
    lock = (
        Path(tempfile.gettempdir())
        / f"phantom-test-redis-{hashlib.sha256(url.encode()).hexdigest()[:12]}.lock"
    )
    with FileLock(lock), redis.Redis.from_url(url) as server:
        server.flushdb()
        yield url
        server.flushdb()


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo set of 300 sessions and a classifier; never written to, but copied."""
    return made_once(tmp_path_factory, "trained", _train)


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A copy, for one process, of a folder that the first process of the test run makes.

    Args:
        factory: of temporary folders; a process of pytest-xdist has its own below that of the run.
        name: of the folder.
        make: fills it.
    """
    shared = (
        factory.getbasetemp().parent
        if "PYTEST_XDIST_WORKER" in os.environ
        else factory.getbasetemp()
    )
    folder, done = shared / f"{name}-original", shared / f"{name}.done"
    with FileLock(shared / f"{name}.lock"):
        if not done.exists():
            make(folder)
            done.touch()
    return shutil.copytree(folder, factory.mktemp(name) / "workspace")


def _train(workspace: Path) -> None:
    from phantom_core.core.settings import Settings
    from phantom_core.lake.lake import open_lake
    from phantom_core.use_cases.data.demo import load_demo
    from phantom_core.use_cases.models.study_classifier import study_classifier
    from phantom_core.use_cases.models.train_classifier import train_classifier

    settings = Settings(workspace=workspace, demo_sessions=300)
    load_demo(settings, now_ms=NOW_MS)
    train_classifier(settings, open_lake(settings), now_ms=NOW_MS, n_folds=3)
    study_classifier(settings, open_lake(settings))
