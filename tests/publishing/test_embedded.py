"""The embedded server: one for all processes of a workspace, until the last one ends."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import psutil
import pytest

from phantom_core.core.errors import UnavailableError
from phantom_core.core.settings import Settings
from phantom_core.publishing.publish import publish_release, read_live
from phantom_core.valkey import embedded
from phantom_core.valkey.server import connect_server, describe_server, stop_embedded
from tests.publishing.samples import FIRST, KEY, KEYS, LIVE_FIRST

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
USER = """
import sys
from pathlib import Path
from phantom_core.valkey.server import connect_server
from phantom_core.core.settings import Settings
client = connect_server(Settings(workspace=Path(sys.argv[1]), redis_url=""))
print(client.info("server")["process_id"], flush=True)
sys.stdin.readline()
print(client.incr("visits"), flush=True)
sys.stdin.readline()
"""


class User:
    """Another process that uses the embedded server."""

    def __init__(self, settings: Settings) -> None:
        command = [sys.executable, "-c", USER, str(settings.workspace)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )

    def server(self) -> int:
        """Process id of the server it has found."""
        return int(self._line())

    def visit(self) -> int:
        self._enter()
        return int(self._line())

    def leave(self) -> None:
        self._enter()
        self.process.wait(timeout=10)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe
            pipe.close()

    def _line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline()

    def _enter(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    settings = Settings(workspace=tmp_path / "workspace", redis_url="")
    yield settings
    stop_embedded(settings)


def server_of(settings: Settings) -> int:
    with connect_server(settings) as client:
        return int(client.info("server")["process_id"])


def supervisor_of(settings: Settings) -> int:
    return int((settings.workspace / "valkey" / "keeper.lock").read_text())


def eventually(holds: Callable[[], bool], within_s: float = 10.0) -> None:
    until_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < until_s, "it never came true"
        time.sleep(0.01)


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_processes_share_one_server_which_stops_with_the_last_of_them(settings: Settings) -> None:
    with User(settings) as one, User(settings) as two, User(settings) as three:
        [server] = {user.server() for user in (one, two, three)}
        assert [user.visit() for user in (one, two, three)] == [1, 2, 3]
        one.leave()
        two.kill()
        time.sleep(0.1)
        assert not is_gone(server)
        three.leave()
        eventually(lambda: is_gone(server))
    eventually(lambda: is_gone(supervisor_of(settings)))


def test_the_server_outlives_a_starter_that_is_killed(settings: Settings) -> None:
    with User(settings) as starter:
        server = starter.server()
        with User(settings) as other:
            assert other.server() == server
            starter.kill()
            time.sleep(0.1)
            assert other.visit() == 1
            assert server_of(settings) == server


def test_no_process_is_left_when_all_users_are_killed_at_once(settings: Settings) -> None:
    with User(settings) as one, User(settings) as two:
        server = one.server()
        two.server()
        one.kill()
        two.kill()
    eventually(lambda: is_gone(server))


def test_a_starter_killed_while_it_starts_leaves_nothing_behind(settings: Settings) -> None:
    with User(settings) as starter:
        eventually((settings.workspace / "valkey" / "keeper.lock").exists)
        starter.kill()
    with User(settings) as other:
        assert psutil.pid_exists(other.server())
        assert other.visit() == 1


def test_what_was_published_is_there_after_a_stop(settings: Settings) -> None:
    with connect_server(settings) as client:
        publish_release(client, KEY, LIVE_FIRST, [FIRST])
    first = server_of(settings)
    stop_embedded(settings)
    assert is_gone(first)
    with connect_server(settings) as client:
        assert read_live(client, KEYS) == LIVE_FIRST
    assert server_of(settings) != first


def test_a_stop_ends_the_server_for_all_and_the_next_user_starts_it_again(
    settings: Settings,
) -> None:
    with User(settings) as user:
        server = user.server()
        stop_embedded(settings)
        stop_embedded(settings)
        assert is_gone(server)
        assert server_of(settings) != server
        assert user.visit() == 1


def test_a_server_that_is_killed_comes_back_by_itself_with_what_it_held(settings: Settings) -> None:
    with connect_server(settings) as client:
        publish_release(client, KEY, LIVE_FIRST, [FIRST])
        time.sleep(1.1)  # written to disk every second
        os.kill(server_of(settings), signal.SIGKILL)

        def is_back() -> bool:
            try:
                return read_live(client, KEYS) == LIVE_FIRST
            except UnavailableError:
                return False

        eventually(is_back)


@pytest.mark.parametrize("dies", [signal.SIGKILL, signal.SIGTERM])
def test_a_supervisor_that_dies_is_replaced(settings: Settings, dies: signal.Signals) -> None:
    first = server_of(settings)
    supervisor = supervisor_of(settings)
    os.kill(supervisor, dies)
    eventually(lambda: is_gone(first))
    eventually(lambda: server_of(settings) != first)
    assert supervisor_of(settings) != supervisor


def test_an_orphaned_server_is_stopped_first(settings: Settings, tmp_path: Path) -> None:
    """Where the system does not end it with its supervisor."""
    folder = settings.workspace / "valkey"
    folder.mkdir(parents=True)
    path = Path(
        urlsplit(embedded.server_url(settings.workspace)).path
    )  # elsewhere where the workspace's own is too long for a socket
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = [
        str(embedded.server_binary()),
        "--port",
        "0",
        "--save",
        "",
        "--unixsocket",
        str(path),
    ]
    left_over = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=folder)
    try:
        eventually(lambda: embedded.server_answers(path))
        assert server_of(settings) != left_over.pid
        assert left_over.wait(timeout=10) == 0
    finally:
        left_over.kill()
        left_over.wait()


def test_stale_files_are_no_obstacle(settings: Settings) -> None:
    folder = settings.workspace / "valkey"
    folder.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(folder / "valkey.sock"))
    (folder / "keeper.lock").write_text("1")
    (folder / "address").write_text("/nowhere/valkey.sock\n")
    (folder / "users.lock").touch()
    assert server_of(settings) > 1


def test_data_that_cannot_be_read_are_set_aside(settings: Settings) -> None:
    with connect_server(settings) as client:
        publish_release(client, KEY, LIVE_FIRST, [FIRST])
    stop_embedded(settings)
    data = settings.workspace / "valkey" / "appendonlydir"
    for path in data.iterdir():
        path.write_bytes(b"nonsense" * 100)
    with connect_server(settings) as client:
        assert read_live(client, KEYS) is None
    assert data.with_name("appendonlydir.unreadable").is_dir()


def test_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path / ("long" * 20) / ("very" * 20), redis_url="")
    with connect_server(settings) as client:
        assert client.ping()
        assert len(describe_server(settings).url_without_password) < 110
    stop_embedded(settings)
    assert not Path(
        describe_server(settings).url_without_password.removeprefix("unix://").split("?")[0]
    ).parent.exists()


def test_a_folder_that_others_can_enter_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    settings = Settings(workspace=tmp_path / ("long" * 20) / ("very" * 20), redis_url="")
    socket_path = Path(
        describe_server(settings).url_without_password.removeprefix("unix://").split("?")[0]
    )
    socket_path.parent.mkdir(mode=0o777)
    socket_path.parent.chmod(0o777)
    with pytest.raises(UnavailableError, match="is not private to this user"):
        connect_server(settings)


def test_a_server_that_cannot_start_says_where_to_look(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "server_binary", lambda: Path("/bin/false"))
    with pytest.raises(
        UnavailableError, match=r"does not start; .*valkey.log says why. Or set PHANTOM_REDIS_URL"
    ):
        connect_server(settings)


def test_a_workspace_that_cannot_be_written_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        UnavailableError, match=r"No Valkey server can be started in .*file/valkey: Not a directory"
    ):
        connect_server(Settings(workspace=tmp_path / "file", redis_url=""))


def test_many_processes_that_start_at_once_find_one_server(settings: Settings) -> None:
    users = [User(settings) for _ in range(6)]
    try:
        assert len({user.server() for user in users}) == 1
        assert sorted(user.visit() for user in users) == list(range(1, 7))
    finally:
        for user in users:
            user.__exit__()


def test_connecting_and_leaving_in_a_hurry_always_finds_a_server(settings: Settings) -> None:
    """Users who come while the server stops for want of users wait for the next one."""
    for n in range(1, 11):
        with connect_server(settings) as client:
            assert client.incr("visits") == n
        embedded.leave_server(settings.workspace)
