"""Clock of the services under a soak: libfaketime moves it while they run."""

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PLACES: Final = (
    "usr/lib/*/faketime/libfaketime.so.1",
    "usr/lib/faketime/libfaketime.so.1",
    "usr/local/lib/faketime/libfaketime.so.1",
)
# Release 0.9.10 hands a wrong time to clock_nanosleep, so that no Python process can sleep.
_TRY: Final = "import time; time.sleep(0.001)"


def find_library() -> Path | None:
    """A libfaketime that works with this Python: of the package libfaketime, or of the system.

    Returns:
        None without one.
    """
    return next(filter(is_usable, _candidates()), None)


def is_usable(library: Path) -> bool:
    """Whether a Python process under a library can sleep."""
    with tempfile.TemporaryDirectory() as folder:
        clock = ServicesClock(library, Path(folder) / "clock")
        tried = subprocess.run(
            [sys.executable, "-S", "-c", _TRY],
            env={**os.environ, **clock.environment()},
            capture_output=True,
            check=False,
        )
    return tried.returncode == 0 and not tried.stderr


def _candidates() -> Iterator[Path]:
    spec = importlib.util.find_spec("libfaketime")
    for root in (spec.submodule_search_locations or []) if spec else []:
        yield from sorted(Path(root).rglob("libfaketime.so.1"))
    for place in _PLACES:
        yield from sorted(Path("/").glob(place))


@dataclass(slots=True)
class ServicesClock:
    """A wall clock that can be set; monotonic clocks go on as they are.

    Attributes:
        library: libfaketime.
        file: that the services read the difference from, once a second.
        ahead_s: difference from the machine's clock, seconds.
    """

    library: Path
    file: Path
    ahead_s: float = 0.0

    def __post_init__(self) -> None:
        self.move(0.0)

    def move(self, seconds: float) -> None:
        """Move the clock by so many seconds, at most a second from now."""
        self.ahead_s += seconds
        new = self.file.with_suffix(".new")
        new.write_text(f"{self.ahead_s:+.0f}\n", encoding="ascii")
        new.replace(self.file)

    def environment(self) -> Mapping[str, str]:
        """Variables of a process that follows this clock."""
        return {
            "LD_PRELOAD": str(self.library),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
