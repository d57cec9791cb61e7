"""A damaged workspace is said to be damaged: no trace, and never "0 sessions"."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner

from phantom_core.cli import app as cli
from phantom_core.core.damage import explain_damage
from phantom_core.core.errors import DamageError
from phantom_core.core.settings import Settings
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import Lake
from phantom_core.use_cases.data.ingest import ingest_files
from tests.conftest import NOW_MS
from tests.pages.conftest import Open, texts
from ui.frame import script_errors

pytestmark = pytest.mark.slow

CLICKS: Final = "sessionId,ts,eventName\n" + "".join(
    f"s{n},2026-03-01T12:00:{n % 60:02d}Z,search\n" for n in range(200)
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = tmp_path_factory.mktemp("whole") / "workspace"
    for number in (1, 2):
        clicks = workspace.parent / f"{number}.csv"
        clicks.write_text(CLICKS.replace("s1", f"t{number}"))
        ingest_files(Settings(workspace=workspace), [clicks], now_ms=NOW_MS)
    FeatureStore(Lake(workspace / "lake")).refresh()
    return workspace


@pytest.fixture
def workspace(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "workspace")


def _log(lake: Path, table: str = "events") -> Path:
    return min((lake / table / "_delta_log").glob("*.json"))


def _parquet(lake: Path) -> Path:
    return min((lake / "events").glob("*.parquet"))


DAMAGE: Final[dict[str, Callable[[Path], object]]] = {
    "log of garbage": lambda lake: _log(lake).write_text("{{{"),
    "log cut": lambda lake: _log(lake).write_bytes(_log(lake).read_bytes()[:200]),
    "log empty": lambda lake: _log(lake).write_text(""),
    "log missing": lambda lake: shutil.rmtree(lake / "events" / "_delta_log"),
    "table missing": lambda lake: shutil.rmtree(lake / "events"),
    "ledger's log missing": lambda lake: shutil.rmtree(lake / "loads" / "_delta_log"),
    "data file missing": lambda lake: _parquet(lake).unlink(),
    "data file cut": lambda lake: _parquet(lake).write_bytes(_parquet(lake).read_bytes()[:-50]),
    "data file emptied": lambda lake: _parquet(lake).write_bytes(b""),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_lake_is_one_sentence_and_never_no_sessions(kind: str, workspace: Path) -> None:
    DAMAGE[kind](workspace / "lake")
    with pytest.raises(DamageError) as found, Lake(workspace / "lake").connect() as connection:
        connection.execute("SELECT COUNT(*) FROM events").fetchall()
    assert "<unknown>" not in found.value.message and len(found.value.message) < 300
    assert "backup" in found.value.hint


@pytest.mark.parametrize("kind", ["log of garbage", "log missing", "data file cut"])
def test_the_command_line_says_it_too(kind: str, workspace: Path) -> None:
    DAMAGE[kind](workspace / "lake")
    ended = CliRunner().invoke(cli, ["features", "--workspace", str(workspace), "--json"])
    assert ended.exit_code == 1
    said = json.loads(ended.stdout.splitlines()[0])
    assert "events" in said["error"] and "backup" in said["hint"]


def test_a_damaged_control_database_is_one_sentence(workspace: Path) -> None:
    (workspace / "control.sqlite").write_bytes(b"not a database" * 400)
    ended = CliRunner().invoke(cli, ["audit", "verify", "--workspace", str(workspace), "--json"])
    assert ended.exit_code == 1
    assert "control database is damaged" in json.loads(ended.stdout.splitlines()[0])["error"]


def test_damaged_features_are_one_sentence(workspace: Path) -> None:
    for file in (workspace / "lake" / "features").glob("part-*.parquet"):
        file.write_bytes(b"PAR1" + b"\x00" * 100)
    with pytest.raises(Exception) as found:
        FeatureStore(Lake(workspace / "lake")).matrix()
    told = explain_damage(found.value) or found.value
    assert "damaged" in str(told) or "cannot be read" in str(told)


@pytest.mark.parametrize("kind", ["log of garbage", "log missing", "data file missing"])
def test_a_page_says_that_the_workspace_is_damaged(
    kind: str, workspace: Path, open_page: Open
) -> None:
    DAMAGE[kind](workspace / "lake")
    page = open_page(workspace, "sessions")
    shown = texts(page) + " ".join(one.message for one in page.exception)
    assert "events" in shown and "No sessions yet" not in shown
    assert "<unknown>" not in shown and "Traceback" not in shown


def test_a_first_load_that_was_killed_is_no_damage(tmp_path: Path) -> None:
    """Its rows were written, and the commit that would have named them was not."""
    (tmp_path / "lake" / "events").mkdir(parents=True)
    (tmp_path / "lake" / "events" / "part-0.parquet").write_bytes(b"PAR1")
    assert Lake(tmp_path / "lake").version() == -1


def test_a_bug_shows_a_number_and_the_log_has_the_rest(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(script_errors, "show_error", lambda *said: shown.extend(said))
    assert script_errors.show_script_error(KeyError("/srv/secret/path"))
    assert "secret" not in " ".join(shown)
    number = shown[0].partition("error ")[2].partition(")")[0]
    assert len(number) == 8 and number in caplog.text and "secret" in caplog.text


def test_a_damaged_database_behind_a_page_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(script_errors, "show_error", lambda *said: shown.extend(said))
    script_errors.show_script_error(sqlite3.DatabaseError("file is not a database"))
    assert shown[0] == "The control database is damaged: file is not a database."


def test_the_configuration_shows_no_details() -> None:
    config = (Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text()
    assert 'showErrorDetails = "none"' in config
