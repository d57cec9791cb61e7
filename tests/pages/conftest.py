"""Workspaces for pages: one with a small trained demo set, one without labels, one that is
empty.
"""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from phantom_core.accounts.sign_in import sign_in_demo
from phantom_core.core.settings import Settings
from phantom_core.lake.lake import Lake
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.data.demo import remove_demo
from phantom_core.use_cases.data.ingest import ingest_files
from tests.conftest import NOW_MS, made_once
from ui.frame.handles import now_ms

APP = Path(__file__).parents[2] / "main.py"
SCREENS = (
    "overview",
    "data",
    "sessions",
    "features",
    "classifier",
    "demand",
    "explain",
    "frontier",
    "rules",
    "leakage",
    "simulator",
    "approvals",
    "live",
    "experiments",
    "monitoring",
    "audit",
    "jobs",
    "people",
    "privacy",
)

Open = Callable[..., AppTest]


@pytest.fixture(scope="session")
def networked(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained workspace with a network; never written to."""
    from phantom_core.models.multitask.hyperparameters import Hyperparameters
    from phantom_core.use_cases.models.train_multitask import train_multitask

    def train(workspace: Path) -> None:
        shutil.copytree(trained, workspace)
        chosen = Hyperparameters(width=0.5, most_epochs=3, batch_rows=512)
        train_multitask(
            Settings(workspace=workspace),
            Lake(workspace / "lake"),
            now_ms=NOW_MS,
            n_folds=3,
            chosen=chosen,
        )

    return made_once(tmp_path_factory, "networked", train)


@pytest.fixture(scope="session")
def unlabelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sessions without labels, and a row in quarantine."""
    workspace = tmp_path_factory.mktemp("unlabelled")
    path = workspace / "clicks.csv"
    path.write_text(
        "sessionId,ts,eventName\ns1,2026-03-01T12:00:00Z,search\ns1,2026-03-01T12:00:09Z,view_item\ns2,2026-03-01,search\ns3,soon,search\n"
    )
    ingest_files(Settings(workspace=workspace), [path], now_ms=NOW_MS)
    return workspace


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """An empty workspace from which the demo data was removed."""
    remove_demo(Settings(workspace=tmp_path / "empty"))
    return tmp_path / "empty"


@pytest.fixture
def own(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained workspace that a test may change."""
    return shutil.copytree(trained, tmp_path / "own")


@pytest.fixture
def open_page(components: None, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Open one screen of the app on a workspace, with query parameters."""
    begin = PagesManager.__init__

    def begin_as_in_a_running_server(
        self: PagesManager, *arguments: object, **named: object
    ) -> None:
        # AppTest forgets before every run that the app called st.navigation, and would serve the
        # folder pages/ by itself.
        begin(self, *arguments, **named)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", begin_as_in_a_running_server)

    def opened(workspace: Path, screen: str = "overview", **query: str) -> AppTest:
        monkeypatch.setenv("PHANTOM_WORKSPACE", str(workspace))
        monkeypatch.setenv("PHANTOM_WATCH_EVERY_S", "0")
        app = AppTest.from_file(APP, default_timeout=60)
        if screen != "overview":
            app.switch_page(f"pages/{screen}.py")
        for name, value in query.items():
            app.query_params[name] = value
        return app.run()

    return opened


def enter(page: AppTest, login: str) -> AppTest:
    """The page as it is once its browser has the cookie of a demo person."""
    return signed_in(
        page, sign_in_demo(control_database(Settings()), login, now_ms=now_ms(), hours=1)
    )


def signed_in(page: AppTest, token: str) -> AppTest:
    """The page with a token; it stands where an identity provider's does, since AppTest has no
    cookies.
    """
    page.session_state["sign_in_token"] = token
    return page.run()


def texts(app: AppTest) -> str:
    """Everything a reader sees as text."""
    kinds = (
        app.title,
        app.header,
        app.subheader,
        app.markdown,
        app.caption,
        app.info,
        app.warning,
        app.error,
        app.success,
    )
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def wait_for_jobs(workspace: Path, seconds: float = 60.0) -> None:
    """Wait until no job is running."""
    from phantom_core.jobs.jobs import Jobs

    jobs = Jobs(Settings(workspace=workspace))
    deadline_s = time.monotonic() + seconds
    while jobs.active():
        assert time.monotonic() < deadline_s, [job.message for job in jobs.active()]
        time.sleep(0.05)
