"""The wheel: the whole product in two folders, working in an environment without a repository."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages.browser import CHROMIUM, browser_page, free_port, wait_for

ROOT = Path(__file__).parents[1]
SHIPPED = {
    "phantom": "phantom",
    "phantom_core": "phantom_core",
    "ui": "phantom_app/ui",
    "pages": "phantom_app/pages",
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from this repository."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment with the wheel, and the dependencies of the test environment."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    zipfile.ZipFile(wheel).extractall(packages)
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin" / "python"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Variables that name no repository."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PHANTOM_", "PYTHON", "STREAMLIT_"))
    }
    return {**kept, "PHANTOM_DEMO_SESSIONS": "100", "HOME": str(tmp_path)}


def test_the_wheel_holds_every_file_and_claims_three_names(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {
        "phantom",
        "phantom_core",
        "phantom_app",
    }
    tracked = subprocess.run(
        ["git", "ls-files", *SHIPPED], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    expected = {
        name.replace(top, SHIPPED[top], 1) for name in tracked for top in [name.split("/")[0]]
    }
    assert (
        expected
        | {"phantom_app/app.py", "phantom_app/.streamlit/config.toml", "phantom_core/py.typed"}
        <= names
    )
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_jobs_run_and_the_workspace_lies_in_the_current_folder(
    python: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    code = (
        "import time; from phantom_core.jobs.jobs import Jobs; from phantom_core.core.settings "
        "import Settings; from phantom_core.accounts.actors import Internal, become;"
        "become(Internal.SHELL); jobs = Jobs(Settings());"
        "from phantom_core.use_cases.data.job_demo import DemoRequest;"
        "job = jobs.start(DemoRequest());"
        "exec('while (job := jobs.get(job.job_id)).is_active: time.sleep(0.1)');"
        "print(job.state, job.message)"
    )
    done = subprocess.run(
        [python, "-P", "-c", code],
        cwd=tmp_path,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "done done\n"
    assert (tmp_path / "data" / "workspace" / "lake" / "events").is_dir()


@pytest.fixture
def address(python: Path, environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """Of the app as the verb opens it, in an empty folder."""
    port = free_port()
    command = [
        python,
        "-P",
        "-m",
        "phantom_core",
        "app",
        "--port",
        str(port),
        "--no-browser",
        "--workspace",
        "mine",
    ]
    with (tmp_path / "app.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
    with process:
        wait_for(f"http://localhost:{port}/_stcore/health", process, tmp_path / "app.log")
        yield f"http://localhost:{port}"
        process.terminate()


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="no Chromium")
def test_the_verb_app_opens_the_app_with_its_theme_and_workspace(
    address: str, tmp_path: Path
) -> None:
    with browser_page() as page:
        page.goto(address)
        page.get_by_role("heading", name="Overview").wait_for()
        colour = page.locator("[data-testid=stApp]").evaluate(
            "element => getComputedStyle(element).backgroundColor"
        )
        page.get_by_text("Train the agent classifier").wait_for()
    assert colour == "rgb(252, 252, 251)"
    assert (tmp_path / "mine" / "lake" / "events").is_dir()
