from collections.abc import Callable
from pathlib import Path

import pytest

from phantom_core.core.settings import Settings
from phantom_core.evaluation.multitask_report import MultitaskReport
from phantom_core.lake.lake import open_lake
from phantom_core.models.multitask.hyperparameters import Hyperparameters
from phantom_core.use_cases.data.demo import load_demo

NOW_MS = 1_772_452_800_000
QUICK = Hyperparameters(width=0.5, most_epochs=4, batch_rows=512)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(workspace=tmp_path / "workspace")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A demo set of 500 sessions, for tests that train a network or have one."""
    settings = Settings(workspace=tmp_path_factory.mktemp("multitask"), demo_sessions=500)
    load_demo(settings, now_ms=NOW_MS)
    return settings


@pytest.fixture(scope="session")
def report(demo: Settings) -> MultitaskReport:
    """A network on the demo set, trained in seconds."""
    from phantom_core.use_cases.models.train_multitask import train_multitask

    return train_multitask(demo, open_lake(demo), now_ms=NOW_MS, n_folds=3, chosen=QUICK)
