"""The quarantine explains every reason and gives back every row."""

import re
from pathlib import Path

import pytest

import phantom_core.events
from phantom_core.core.settings import Settings
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.views.data.loads import loads_view
from phantom_core.views.data.quarantine import quarantine_view
from phantom_core.views.data.reasons import REASONS, reason_of
from tests.views.workspaces import NOON_MS, NOW_MS

pytestmark = pytest.mark.slow


@pytest.fixture
def lake(settings: Settings) -> Lake:
    """One good row, two with a bad time, one without a session; in two files."""
    folder = settings.workspace / "sent"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text(
        f"sessionId,ts,eventName\ns1,{NOON_MS},search\ns2,soon,search\n,{NOON_MS},search\n"
    )
    (folder / "b.csv").write_text("sessionId,ts,eventName\ns3,later,search\n")
    ingest_files(settings, [folder / "a.csv", folder / "b.csv"], now_ms=NOW_MS)
    return open_lake(settings)


def test_reasons_are_counted_most_frequent_first(lake: Lake) -> None:
    view = quarantine_view(lake)
    assert view.reasons[["reason", "rows", "files"]].to_numpy().tolist() == [
        ["bad_timestamp", 2, 2],
        ["missing_session_id", 1, 1],
    ]
    assert [Path(file).name for file in view.files] == ["a.csv", "b.csv"]
    assert view.n_all == view.n_matching == 3


def test_rows_are_found_by_reason_and_file(lake: Lake) -> None:
    file = quarantine_view(lake).files[0]
    view = quarantine_view(lake, reason="bad_timestamp", file=file)
    assert (view.n_all, view.n_matching) == (3, 1)
    assert view.rows[["line", "detail"]].to_numpy().tolist() == [[3, "soon"]]


def test_the_csv_holds_rows_beyond_the_limit(lake: Lake, tmp_path: Path) -> None:
    view = quarantine_view(lake, limit=1)
    view.write_csv(tmp_path / "out.csv")
    assert (len(view.rows), len((tmp_path / "out.csv").read_text().splitlines())) == (1, 1 + 3)


def test_the_view_is_plain_values_for_the_command_line(lake: Lake) -> None:
    plain = quarantine_view(lake, reason="missing_session_id").to_json()
    assert (plain["quarantined"], plain["matching"], plain["reasons"]) == (
        3,
        1,
        {"bad_timestamp": 2, "missing_session_id": 1},
    )


def test_an_empty_lake_has_an_empty_quarantine(settings: Settings) -> None:
    view = quarantine_view(open_lake(settings))
    assert (view.n_all, view.files, len(view.rows)) == (0, (), 0)


def test_the_ledger_is_newest_first_and_adds_up(lake: Lake) -> None:
    ledger = loads_view(lake)
    assert [Path(file).name for file in ledger["file"]] == ["b.csv", "a.csv"]
    assert (
        ledger["read"] == ledger["accepted"] + ledger["duplicates"] + ledger["quarantined"]
    ).all()
    assert ledger["reasons"].tolist() == [
        "bad_timestamp 1",
        "bad_timestamp 1, missing_session_id 1",
    ]


def test_every_reason_a_row_can_get_is_explained() -> None:
    folder = Path(str(phantom_core.events.__path__[0]))
    checks = "".join(path.read_text() for path in (folder / "sql").glob("*_checks.sql"))
    staged = (folder / "staging.py").read_text()
    python = "".join(path.read_text() for path in folder.glob("*.py"))
    given = set(re.findall(r"THEN '([a-z]+_[a-z_]+[a-z])'", checks))
    given |= set(re.findall(r"'((?:broken|not)_[a-z_]+)'", staged))
    given |= set(re.findall(r"broken\([^\"]*\"([a-z_]+)\"", python))
    given |= set(re.findall(r"return \"((?:missing|bad|unknown)_[a-z_]+)\"", python))
    assert len(given) > 15
    assert given <= {reason.code for reason in REASONS}
    assert all(reason.meaning.endswith(".") and reason.fix.endswith(".") for reason in REASONS)


def test_an_unknown_reason_is_its_own_meaning() -> None:
    assert reason_of("odd_thing").meaning == "Odd thing."
