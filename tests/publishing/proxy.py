"""A proxy that fails at the n-th command, in a way that the test chooses."""

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import BinaryIO, Literal, Self

# forward: pass on command and answer.  cut: end the connection before the command.
# half: pass on half of the command, then end.
# deaf: pass on the command, wait until it is done, end the connection without the answer.
# stall: hold the command back until released.
# mute: pass on the command, hold the answer back until released.
Fate = Literal["forward", "cut", "half", "deaf", "stall", "mute"]


class Proxy:
    """Passes commands on one by one, each with its answer, so that the n-th is always the same.

    Args:
        port: of the server.
        fate: what happens to a command, told from its number (from 1, over all connections) and its
            name.
    """

    def __init__(self, port: int, fate: Callable[[int, str], Fate] = lambda *_: "forward") -> None:
        self._upstream, self.fate = port, fate
        self.n_commands, self.names = 0, list[str]()
        self.released = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # A thread that waits in accept keeps a socket open that is only closed.
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.released.set()
        for one in self._open:
            _end(one)

    def redirect(self, port: int) -> None:
        """Have another server in place of the one there was; connections to that one end."""
        self._upstream = port
        for one in self._open:
            _end(one)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self._upstream))
        except OSError:
            _end(client)
            return
        self._open += [client, server]
        with contextlib.suppress(OSError, ValueError):
            commands, answers = client.makefile("rb"), server.makefile("rb")
            while command := read_item(commands):
                if not self._pass_on(command, client, server, answers):
                    break
        _end(client)
        _end(server)

    def _pass_on(
        self, command: bytes, client: socket.socket, server: socket.socket, answers: BinaryIO
    ) -> bool:
        self.n_commands += 1
        name = command.split(b"\r\n")[2].decode()
        self.names.append(name)
        fate = self.fate(self.n_commands, name)
        if fate == "stall":
            self.released.wait()
        if fate in ("cut", "half"):
            server.sendall(command[: len(command) // 2] if fate == "half" else b"")
            return False
        server.sendall(command)
        answer = read_item(answers)
        if fate == "mute":
            self.released.wait()
        if fate == "deaf" or not answer:
            return False
        client.sendall(answer)
        return True


def at(
    n: int, fate: Fate, then: Fate = "forward", before: Callable[[], object] = lambda: None
) -> Callable[[int, str], Fate]:
    """The n-th command gets a fate and the rest another one; `before` is called before the n-th."""

    def told(number: int, _: str) -> Fate:
        if number == n:
            before()
        return "forward" if number < n else fate if number == n else then

    return told


def read_item(stream: BinaryIO) -> bytes:
    """One command or answer in the protocol's own bytes; empty at the end."""
    line = stream.readline()
    if line[:1] == b"$" and int(line[1:]) >= 0:
        return line + stream.read(int(line[1:]) + 2)
    if line[:1] == b"*" and int(line[1:]) > 0:
        return line + b"".join(read_item(stream) for _ in range(int(line[1:])))
    return line


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
