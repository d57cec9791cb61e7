"""Models of a shop: some that prices may depend on, and some that they may not."""

from pathlib import Path
from typing import Final

from phantom_core.core.settings import RetrainingSettings, Settings
from phantom_core.lake.lake import open_lake
from phantom_core.use_cases.models.retrain_classifier import ClassifierRetraining
from phantom_core.use_cases.models.train_classifier import train_classifier
from phantom_core.use_cases.models.train_multitask import train_multitask
from tests.conftest import NOW_MS

BANNED: Final = (
    "is_headless_browser",
    "is_automation_tool",
    "browser_family",
    "session_start_hour",
)
DAYS: Final = RetrainingSettings(days=42, held_out_days=10)


def poison(settings: Settings) -> None:
    """Swap humans and agents, as an analyst may who loads labels and experiments."""
    lake = open_lake(settings)
    for table, column, key in (
        ("session_labels", "is_agent", "session_id"),
        ("experiments", "xp_human_only", "experiment_id"),
    ):
        with lake.connect((table,)) as connection:
            rows = connection.sql(
                f"SELECT * REPLACE (NOT {column} AS {column}) FROM {table}"
            ).to_arrow_table()
        with lake.lock:
            lake.upsert(table, rows, key)


def make(workspace: Path) -> None:
    """Three classifiers for pricing: of early days, of all, and of swapped labels; one classifier
    for analysis; and a network.
    """
    from phantom_core.use_cases.data.demo import load_demo

    settings = Settings(workspace=workspace, demo_sessions=250, retraining=DAYS)
    load_demo(settings, now_ms=NOW_MS)
    early = ClassifierRetraining(settings, open_lake(settings)).window(NOW_MS)
    for number in range(3):
        if number == 2:
            poison(settings)
        train_classifier(
            settings,
            open_lake(settings),
            now_ms=NOW_MS + 1_000 * number,
            n_folds=3,
            seed=number,
            period_ms=(early.start_ms, early.split_ms) if number == 0 else None,
        )
    poison(settings)  # back to the true labels
    lake = open_lake(settings)
    train_classifier(settings, lake, now_ms=NOW_MS + 3_000, n_folds=3, for_pricing=False)
    train_multitask(settings, lake, now_ms=NOW_MS, n_folds=3)
