"""What the tests of views share."""

from pathlib import Path

import pytest

from phantom_core.core.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(workspace=tmp_path / "workspace")
