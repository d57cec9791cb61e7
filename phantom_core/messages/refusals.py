"""Refusals: how many messages the ingest services refused over HTTP, by day and reason.

Such a message is nowhere else: its sender got the reason, and it was never stored. Each service
writes a small file of its own; monitoring adds them up.
"""

import contextlib
import json
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DAY_MS: Final = 86_400_000
_KEPT_DAYS: Final = 9
_STORE_EVERY_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Refusals:
    """Messages over HTTP in some days.

    Attributes:
        received: of all of them, how many came.
        by_reason: refused ones by reason code.
    """

    received: int
    by_reason: Mapping[str, int]

    @property
    def refused(self) -> int:
        """How many were refused."""
        return sum(self.by_reason.values())


class RefusalCounter:
    """Counts the messages of one service.

    Args:
        folder: of the counts; made when missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / f"{uuid.uuid4().hex}.json"
        self._received: Counter[int] = Counter()
        self._refused: dict[int, Counter[str]] = {}
        self._is_stored, self._stored_s = True, 0.0

    def add(self, received: int, by_reason: Mapping[str, int], now_ms: int) -> None:
        """Count messages.

        Args:
            received: how many came.
            by_reason: refused ones among them.
            now_ms: the clock, UTC milliseconds.
        """
        day = now_ms // DAY_MS
        self._received[day] += received
        self._refused.setdefault(day, Counter()).update(by_reason)
        for old in [one for one in self._refused if one <= day - _KEPT_DAYS]:
            del self._received[old], self._refused[old]
        self._is_stored = False

    def store(self, *, now: bool = False) -> None:
        """Write the counts, every few seconds at most; a disk that is full is tried again."""
        if self._is_stored or not (now or time.monotonic() - self._stored_s >= _STORE_EVERY_S):
            return
        self._stored_s = time.monotonic()
        days = {
            day: {"received": n, "refused": self._refused[day]} for day, n in self._received.items()
        }
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            new = self._path.with_suffix(".new")
            new.write_text(json.dumps(days), encoding="utf-8")
            new.replace(self._path)
            self._is_stored = True


def read_refusals(folder: Path, since_ms: int) -> Refusals:
    """What every service counted since the day of a moment; nothing is written.

    Args:
        folder: of the counts.
        since_ms: UTC milliseconds.
    """
    received, by_reason = 0, Counter[str]()
    for path in folder.glob("*.json"):
        try:
            days = json.loads(path.read_bytes())
            wanted = [found for day, found in days.items() if int(day) >= since_ms // DAY_MS]
            received += sum(int(found["received"]) for found in wanted)
            for found in wanted:
                by_reason.update(found["refused"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # written by somebody else
    return Refusals(received, by_reason)
