"""Workspaces small enough to count by hand."""

import json
from collections.abc import Sequence
from pathlib import Path

from phantom_core.core.settings import Settings
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.views.workspace.snapshot import Snapshot, open_snapshot, read_stamp

NOON_MS = 1_772_366_400_000  # 2026-03-01 12:00 UTC
NOW_MS = NOON_MS + 86_400_000

Event = tuple[str, str, float]


def load_events(
    settings: Settings,
    events: Sequence[Event],
    *,
    experiments: dict[str, str] | None = None,
    **metadata: object,
) -> None:
    """Load events given as (session, name, seconds after noon).

    Args:
        settings: names the workspace.
        events: what happened.
        experiments: session → experiment.
        metadata: of every event.
    """
    rows = [
        {
            "sessionId": session,
            "experimentId": (experiments or {}).get(session),
            "storeMode": "shop",
            "ts": NOON_MS + round(second * 1_000),
            "page": "/",
            "eventName": name,
            "productId": "p1" if "item" in name else None,
            "metadata": metadata or None,
        }
        for session, name, second in events
    ]
    ingest_files(settings, [_jsonl(settings, "events", rows)], now_ms=NOW_MS)


def load_labels(settings: Settings, labels: dict[str, str]) -> None:
    """Load session → label."""
    rows = [{"session": session, "label": label} for session, label in labels.items()]
    ingest_files(settings, [], now_ms=NOW_MS, labels=str(_jsonl(settings, "labels", rows)))


def load_experiments(settings: Settings, human_only: dict[str, bool]) -> None:
    """Load experiment → whether only humans took part."""
    rows = [{"id": name, "xp_human_only": flag} for name, flag in human_only.items()]
    ingest_files(
        settings, [], now_ms=NOW_MS, experiments=str(_jsonl(settings, "experiments", rows))
    )


def snapshot_of(settings: Settings) -> Snapshot:
    """What the pages would read now."""
    return open_snapshot(settings, read_stamp(settings))


def _jsonl(settings: Settings, name: str, rows: Sequence[dict[str, object]]) -> Path:
    folder = settings.workspace / "sent"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}_{len(list(folder.iterdir()))}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
