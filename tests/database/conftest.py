import pytest

from phantom_core.database import connection
from tests.databases import UpgradedOnce, database_url, engine

__all__ = ["database_url", "engine"]


@pytest.fixture(autouse=True)
def every_migration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Migrations are the subject here, so that they run for each database."""
    upgrade = connection._upgrade
    assert isinstance(upgrade, UpgradedOnce)
    monkeypatch.setattr(connection, "_upgrade", upgrade.every_time)
