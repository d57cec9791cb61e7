"""What others write forges no line of a log, no header of a mail and no mention in a chat."""

import http.server
import json
import logging
import threading
from typing import Final

import pytest

from phantom_core.alerts.channels import Log, Mail, Notice, Webhook
from phantom_core.core.telemetry.log_lines import FORMAT, OneLine

FORGED: Final = (
    "fam\r\nBcc: all@evil.test\n2026-01-01 INFO approved \x1b[2J <!channel> [x](https://evil.test)"
)
NOTICE: Final = Notice("detection\r\nBcc: all@evil.test", FORGED, is_over=False, moment_ms=1)


def test_a_notice_is_one_line_everywhere() -> None:
    assert "\n" not in NOTICE.title + NOTICE.sentence and "\x1b" not in NOTICE.sentence


def test_a_chat_gets_no_mention_link_or_image() -> None:
    received: list[dict[str, str]] = []

    class Chat(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Chat)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    Webhook(f"http://127.0.0.1:{server.server_address[1]}").send(NOTICE)
    thread.join()
    server.server_close()
    text = received[0]["text"]
    assert "<!channel>" not in text and "](http" not in text and "https://" not in text
    assert "\n" not in text


def test_a_mail_has_one_subject_and_no_added_header(monkeypatch: pytest.MonkeyPatch) -> None:
    import smtplib

    sent: list[str] = []

    class Kept(smtplib.SMTP):
        def __init__(self) -> None:
            super().__init__()

        def send_message(self, msg: object, *_: object, **__: object) -> dict[str, object]:  # type: ignore[override]
            sent.append(str(msg))
            return {}

    monkeypatch.setattr(Mail, "_connected", lambda self: Kept())
    monkeypatch.setattr(smtplib.SMTP, "quit", lambda self: (221, b""))
    Mail("smtp://localhost", "a@b.test", ("c@d.test",)).send(NOTICE)
    head = sent[0].partition("\n\n")[0]
    assert not [line for line in head.splitlines() if line.startswith("Bcc")]


def test_the_log_has_one_line_for_each_message(caplog: pytest.LogCaptureFixture) -> None:
    record = logging.LogRecord("phantom", logging.WARNING, "x", 1, "who: %s", (FORGED,), None)
    line = OneLine(FORMAT).format(record)
    assert "\n" not in line and "\x1b" not in line and line.startswith("WARNING:phantom:who: fam")
    Log().send(NOTICE)
    assert "\n" not in caplog.messages[0]
