"""A webhook and a mail server on this machine that store what they receive."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Received:
    """What came in, and whether the receiver is in the mood to take more."""

    address: str = ""
    messages: list[dict[str, str]] = field(default_factory=list)
    is_down: bool = False


@contextmanager
def webhook() -> Iterator[Received]:
    """An address that takes JSON by POST."""
    received = Received()

    class Take(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if received.is_down:
                self.send_response(503)
            else:
                received.messages.append(body)
                self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
    received.address = f"http://127.0.0.1:{server.server_address[1]}/hook"
    with _served(server):
        yield received


@contextmanager
def mailbox() -> Iterator[Received]:
    """A mail server that speaks enough SMTP to be sent to."""
    received = Received()

    class Take(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 here")
            recipients: list[str] = []
            while line := self.rfile.readline():
                command = line.strip().decode()
                if command.upper().startswith("RCPT"):
                    recipients.append(command.split("<")[1].rstrip(">"))
                if command.upper() == "DATA":
                    self._say("354 go on")
                    received.messages.append({"to": ",".join(recipients), "text": self._text()})
                elif command.upper() == "QUIT":
                    self._say("221 bye")
                    return
                self._say("250 ok")

        def _text(self) -> str:
            lines = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line.decode())
            return "".join(lines)

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Take)
    received.address = f"smtp://127.0.0.1:{server.server_address[1]}"
    with _served(server):
        yield received


@contextmanager
def _served(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
