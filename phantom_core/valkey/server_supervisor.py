"""Server supervisor: a small process that runs a workspace's embedded server while it has users.

Run as a file, with the standard library alone: python server_supervisor.py FOLDER SOCKET BINARY.
Users hold a shared lock on `users.lock`, which the system releases however they end. The supervisor
waits for the exclusive lock, and stops the server when it gets it.
"""

import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

USERS = "users.lock"
LOCK = "keeper.lock"
DATA = "appendonlydir"
_STOP_WITHIN_S = 8.0
_STEADY_AFTER_S = 2.0
_QUICK_ENDS = 3
_PR_SET_PDEATHSIG = 1
_C = ctypes.CDLL(None) if sys.platform == "linux" else None


def main(folder: Path, path: Path, binary: str) -> int:
    """Run the server until the last user leaves, or until a signal."""
    lock = _acquire_lock(folder)
    if lock is None:
        return 0
    supervisor = Supervisor(folder, path, binary)
    signal.signal(signal.SIGTERM, lambda *_: supervisor.stop())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=supervisor.stop_after_the_last_user, daemon=True).start()
    code = supervisor.run()
    path.unlink(missing_ok=True)
    if path.parent != folder:
        with contextlib.suppress(OSError):
            path.parent.rmdir()
    return code


class Supervisor:
    """Starts the server, restarts it when it dies, and stops it."""

    def __init__(self, folder: Path, path: Path, binary: str) -> None:
        self._folder, self._path = folder, path
        self._command = [binary, *_options(folder, path)]
        self._is_stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Run the server until stopped; returns the exit code."""
        n_quick = 0
        while not self._is_stopping.is_set():
            started_s = time.monotonic()
            self._path.unlink(missing_ok=True)
            with (self._folder / "valkey.log").open("ab") as log:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self._folder,
                    preexec_fn=die_with_parent,  # noqa: PLW1509 - the other thread only waits for a lock
                )
            if self._is_stopping.is_set():
                self._end()
            self._process.wait()
            n_quick = n_quick + 1 if time.monotonic() - started_s < _STEADY_AFTER_S else 0
            if n_quick == _QUICK_ENDS - 1:
                _set_aside(self._folder / DATA)
            if n_quick >= _QUICK_ENDS:
                return 0 if self._is_stopping.is_set() else 1
        return 0

    def stop_after_the_last_user(self) -> None:
        """Wait until the users' lock is free, then stop; new users wait for this process to end."""
        with (self._folder / USERS).open("ab") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            self.stop()
            threading.Event().wait()

    def stop(self) -> None:
        """Stop the server, which saves its data."""
        if not self._is_stopping.is_set():
            self._is_stopping.set()
            self._end()

    def _end(self) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        deadline_s = threading.Timer(_STOP_WITHIN_S, process.kill)
        deadline_s.daemon = True
        deadline_s.start()


def _options(folder: Path, path: Path) -> list[str]:
    chosen = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "600",
        "dir": str(folder),
        "daemonize": "no",
        "save": "",
        "appendonly": "yes",
        "appenddirname": DATA,
        "appendfsync": "everysec",
        "loglevel": "warning",
    }
    return [part for name, value in chosen.items() for part in (f"--{name}", value)]


def _acquire_lock(folder: Path) -> object | None:
    lock = (folder / LOCK).open("a+b")
    for _ in range(100):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lock.truncate(0)
            lock.write(str(os.getpid()).encode())
            lock.flush()
            return lock
        time.sleep(0.01)
    return None


def _set_aside(data: Path) -> None:
    """Move data aside that the server cannot start from; healing restores what was live."""
    aside = data.with_name(f"{data.name}.unreadable")
    shutil.rmtree(aside, ignore_errors=True)
    with contextlib.suppress(OSError):
        data.rename(aside)


def die_with_parent() -> None:
    """In a child before it runs: let Linux end it when its parent is killed."""
    if _C:
        _C.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
