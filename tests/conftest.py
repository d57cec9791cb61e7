"""Tests that need something a machine may lack are skipped there, unless PHANTOM_REQUIRED_TESTS names their marker."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.examples import load_profile

NOW_MS = 1_772_452_800_000
REQUIRED = frozenset(filter(None, os.environ.get("PHANTOM_REQUIRED_TESTS", "").split(",")))

load_profile()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    needed = REQUIRED & {marker.name for marker in item.iter_markers()}
    if report.skipped and needed and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, though {', '.join(needed)} tests must run here: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def trained_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo set of 300 sessions and a classifier, once for all tests of a process; never written to, but copied."""
    from phantom_core.lake.lake import Lake
    from phantom_core.settings import Settings
    from phantom_core.workflows.demo import load_demo
    from phantom_core.workflows.train_classifier import train_classifier

    settings = Settings(workspace=tmp_path_factory.mktemp("trained"), demo_sessions=300)
    load_demo(settings, now_ms=NOW_MS)
    train_classifier(settings, Lake(settings.workspace / "lake"), now_ms=NOW_MS, n_folds=3)
    return settings.workspace
