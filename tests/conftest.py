"""Tests that need something a machine may lack are skipped there, unless PHANTOM_REQUIRED_TESTS names their marker."""

import os
from collections.abc import Generator

import pytest

REQUIRED = frozenset(filter(None, os.environ.get("PHANTOM_REQUIRED_TESTS", "").split(",")))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    needed = REQUIRED & {marker.name for marker in item.iter_markers()}
    if report.skipped and needed and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, though {', '.join(needed)} tests must run here: {report.longrepr}"
    return report
