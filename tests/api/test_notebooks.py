"""The notebooks: run from top to bottom on a small demo set, and clean in the repository."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.api.names import is_public_api

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LIBRARIES = {"os", "numpy", "pandas", "plotly", "IPython"}
PLOT = "application/vnd.plotly.v1+json"


def read(path: Path) -> nbformat.NotebookNode:
    found: nbformat.NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    return found


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all notebooks; the first one fills it, a later one trains."""
    return tmp_path_factory.mktemp("notebooks") / "workspace"


def test_there_are_four_notebooks() -> None:
    assert [path.stem for path in NOTEBOOKS] == [
        "01_eda",
        "02_feature_analysis",
        "03_model_evaluation",
        "04_simulator_calibration",
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_output_and_no_counter_is_stored(path: Path) -> None:
    found = read(path)
    nbformat.validate(found)
    for cell in found.cells:
        assert cell.metadata == {}
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None), cell.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_stands_on_the_public_api_alone(path: Path) -> None:
    for cell in read(path).cells:
        if cell.cell_type == "code":
            assert is_public_api(cell.source, LIBRARIES), cell.source


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_from_top_to_bottom(
    path: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHANTOM_WORKSPACE", str(workspace))
    monkeypatch.setenv("PHANTOM_DEMO_SESSIONS", "800")
    monkeypatch.setenv("PYTHONPATH", str(FOLDER.parent))
    found = read(path)
    resources = {"metadata": {"path": str(FOLDER)}}
    NotebookClient(found, timeout=120, resources=resources).execute()
    outputs = [one for cell in found.cells for one in cell.get("outputs", ())]
    said = [one.text for one in outputs if one.output_type == "stream" and one.name == "stderr"]
    assert said == []
    plots = [one.data[PLOT] for one in outputs if PLOT in one.get("data", {})]
    assert len(plots) >= 5
    for plot in plots:
        assert plot["data"]
        assert "nan" not in plot["layout"]["title"]["text"].lower()
        assert any(character.isdigit() for character in plot["layout"]["title"]["text"])
    assert [file for file in FOLDER.iterdir() if file.suffix != ".ipynb"] == []
