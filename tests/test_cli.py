"""The command line: one JSON object on standard output, everything else on standard error."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from phantom_core.cli import app

ROWS = (
    "sessionId,ts,eventName\n"
    "s1,2026-03-01,search\n"
    "s1,2026-03-01T00:01:00Z,purchase\n"
    "s2,yesterday,search\n"
)


def phantom(*arguments: str) -> Result:
    """Run a verb in this process: starting Python takes seconds."""
    done = CliRunner().invoke(app, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    (folder / "a.csv").write_text(ROWS)
    done = phantom(
        "ingest", str(folder / "a.csv"), "--workspace", str(folder / "workspace"), "--json"
    )
    report = json.loads(done.stdout)
    assert {
        name: report[name]
        for name in ("read", "accepted", "duplicates", "quarantined", "lake_version")
    } == {
        "read": 3,
        "accepted": 2,
        "duplicates": 0,
        "quarantined": {"bad_timestamp": 1},
        "lake_version": 0,
    }
    return folder / "workspace"


def test_features_reports_its_speed_and_writes_the_matrix(workspace: Path, tmp_path: Path) -> None:
    done = phantom(
        "features", "--workspace", str(workspace), "--out", str(tmp_path / "m.parquet"), "--json"
    )
    report = json.loads(done.stdout)
    assert (report["sessions"], report["events"]) == (1, 2)
    assert report["seconds"] > 0
    assert report["events_per_s"] > 0
    assert pq.read_table(tmp_path / "m.parquet").column("purchased").to_pylist() == [True]


def test_quarantine_shows_reason_line_and_text(workspace: Path) -> None:
    report = json.loads(phantom("quarantine", "--workspace", str(workspace), "--json").stdout)
    assert report["reasons"] == {"bad_timestamp": 1}
    assert (report["rows"][0]["line"], report["rows"][0]["detail"]) == (4, "yesterday")


def test_an_error_is_one_sentence_on_standard_error_and_exit_code_one(workspace: Path) -> None:
    done = phantom("ingest", "/nowhere/*.csv", "--workspace", str(workspace), "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["error"] == "There is nothing to load at '/nowhere/*.csv'."
    assert "There is nothing to load at '/nowhere/*.csv'." in done.stderr


def test_training_without_labels_says_what_to_load(workspace: Path) -> None:
    done = phantom("train", "classifier", "--workspace", str(workspace), "--json")
    assert done.exit_code == 1
    assert "label" in done.stderr


def test_a_card_needs_a_model(workspace: Path) -> None:
    done = phantom("card", "--workspace", str(workspace))
    assert done.exit_code == 1
    assert "No classifier has been trained" in done.stderr


@pytest.mark.parametrize("path", ["[/x]", "n" * 300])
def test_odd_paths_get_a_sentence(path: str, workspace: Path) -> None:
    done = phantom("ingest", path, "--workspace", str(workspace))
    assert done.exit_code == 1
    assert path[:20] in done.stderr


def test_a_workspace_that_is_a_file_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(ROWS)
    done = phantom("ingest", str(tmp_path / "a.csv"), "--workspace", str(tmp_path / "a.csv"))
    assert done.exit_code == 1


def test_explaining_without_a_model_says_what_to_train(workspace: Path) -> None:
    for verb in (["explain"], ["explain", "--session", "s1"], ["distil"]):
        done = phantom(*verb, "--workspace", str(workspace), "--json")
        assert done.exit_code == 1
        assert (
            json.loads(done.stdout)["error"]
            == "No classifier has been trained in this workspace yet."
        )


def test_a_method_that_does_not_exist_is_refused_with_those_that_do(workspace: Path) -> None:
    done = phantom("distil", "--method", "forest", "--workspace", str(workspace), "--json")
    assert json.loads(done.stdout) == {
        "error": "There is no method 'forest'.",
        "hint": "Choose one of tree, ahead, hstree, figs.",
    }
