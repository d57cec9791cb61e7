"""Upload permits: which browser sessions may send files to the memory of the app.

A permit ends with the sign-in it was given for: at sign-out, in any tab, when it expires, and when
the account is switched off or loses its role.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

_MOST_SESSIONS: Final = 10_000
_LASTS_S: Final = 12 * 3_600.0
_MB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class _Permit:
    """Of a session: until when, bytes left, and whether its reader may still load data."""

    until_s: float
    left: int
    is_held: Callable[[], bool]


class UploadPermits:
    """Sessions whose reader may load data, and how much each may still upload."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[str, _Permit] = OrderedDict()

    def give(self, session: str, quota_mb: int, is_held: Callable[[], bool]) -> None:
        """Let a session upload, within its quota; what it has used stays used.

        Args:
            session: of the browser.
            quota_mb: that it may upload in all.
            is_held: whether its reader may load data, asked again before each upload.
        """
        with self._lock:
            known = self._found.get(session)
            left = known.left if known else quota_mb * _MB
            self._found[session] = _Permit(time.monotonic() + _LASTS_S, left, is_held)
            self._found.move_to_end(session)
            while len(self._found) > _MOST_SESSIONS:
                self._found.popitem(last=False)

    def withdraw(self, session: str) -> None:
        """Let a session upload no more; what it has used stays used."""
        with self._lock:
            if session in self._found:
                self._found[session] = replace(self._found[session], until_s=0.0)

    def is_known(self, session: str) -> bool:
        """Whether a session may upload."""
        with self._lock:
            permit = self._found.get(session)
        return permit is not None and permit.until_s > time.monotonic() and permit.is_held()

    def take(self, session: str, n_bytes: int) -> bool:
        """Use some of a session's quota; False where it is not enough."""
        with self._lock:
            permit = self._found.get(session)
            if permit is None or permit.left < n_bytes:
                return False
            self._found[session] = replace(permit, left=permit.left - n_bytes)
        return True


PERMITS: Final = UploadPermits()
