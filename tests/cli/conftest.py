"""Workspaces for verbs: one with rules that await approval, one with accounts alone."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from phantom_core.core.settings import Settings
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.valkey.server import stop_embedded
from tests.cli.verbs import ANALYST, AT_ONCE, GENTLE, MANAGER, PASSWORD, Phantom


@pytest.fixture(scope="session")
def proposed(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a classifier and submitted request 1; tests copy it, and never write."""
    workspace = shutil.copytree(trained, tmp_path_factory.mktemp("proposed") / "shop")
    (workspace / "gentle.txt").write_text(GENTLE)
    phantom = Phantom(workspace)
    phantom.json(
        "rules",
        "submit",
        str(workspace / "gentle.txt"),
        "--why",
        "Less leakage.",
        "--share",
        "0.1",
        "--ramp",
        AT_ONCE,
        who=ANALYST,
    )
    control_database(Settings(workspace=workspace)).dispose()
    return workspace


@pytest.fixture
def shop(proposed: Path, tmp_path: Path) -> Iterator[Phantom]:
    """A copy of it."""
    yield from opened(shutil.copytree(proposed, tmp_path / "shop"))


@pytest.fixture
def live(shop: Phantom) -> Phantom:
    """The same, with request 1 live for a tenth of the sessions."""
    shop.json("rules", "approve", "1", who=MANAGER)
    shop.json("rules", "publish", "1", who=MANAGER)
    return shop


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Phantom]:
    """A workspace without data, models and people."""
    (tmp_path / "empty").mkdir()
    yield from opened(tmp_path / "empty")


@pytest.fixture
def staffed(empty: Phantom) -> Phantom:
    """The same with an administrator, root."""
    empty.json(
        "user", "add", "root", "--role", "administrator", "--password", PASSWORD, "--no-must-change"
    )
    return empty


def opened(workspace: Path) -> Iterator[Phantom]:
    """Verbs on a workspace, whose server and database are closed afterwards."""
    yield Phantom(workspace)
    settings = Settings(workspace=workspace, redis_url="", database_url="")
    stop_embedded(settings)
    control_database(settings).dispose()
