"""Upload permits: which browser sessions may send files to the memory of the app."""

import threading
import time
from collections import OrderedDict
from typing import Final

_MOST_SESSIONS: Final = 10_000
_LASTS_S: Final = 12 * 3_600.0
_MB: Final = 1 << 20


class UploadPermits:
    """Sessions whose reader may load data, and how much each may still upload."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def give(self, session: str, quota_mb: int) -> None:
        """Let a session upload, within its quota; what it has used stays used."""
        now_s = time.monotonic()
        with self._lock:
            _, left = self._found.get(session, (now_s, quota_mb * _MB))
            self._found[session] = now_s + _LASTS_S, left
            self._found.move_to_end(session)
            while len(self._found) > _MOST_SESSIONS:
                self._found.popitem(last=False)

    def withdraw(self, session: str) -> None:
        """Let a session upload no more; what it has used stays used."""
        with self._lock:
            if session in self._found:
                self._found[session] = 0.0, self._found[session][1]

    def is_known(self, session: str) -> bool:
        """Whether a session may upload."""
        with self._lock:
            return self._found.get(session, (0.0, 0))[0] > time.monotonic()

    def take(self, session: str, n_bytes: int) -> bool:
        """Use some of a session's quota; False where it is not enough."""
        with self._lock:
            until_s, left = self._found.get(session, (0.0, 0))
            if left < n_bytes:
                return False
            self._found[session] = until_s, left - n_bytes
        return True


PERMITS: Final = UploadPermits()
