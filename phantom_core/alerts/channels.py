"""Channels: where alerts are sent: the log, a webhook, e-mail."""

import ipaddress
import json
import logging
import smtplib
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

from phantom_core.core.errors import InputError, UnavailableError
from phantom_core.core.foreign_text import format_one_line
from phantom_core.core.settings import Settings

TIMEOUT_S: Final = 10.0
_LOG: Final = logging.getLogger("phantom.alerts")


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification of an alert.

    Attributes:
        name: of the alert.
        sentence: what was found.
        is_over: whether it is cleared.
        moment_ms: when it was raised or cleared, UTC milliseconds.
    """

    name: str
    sentence: str
    is_over: bool
    moment_ms: int

    def __post_init__(self) -> None:
        # A sentence may quote names of others: it stays one line in subjects, logs and chats.
        object.__setattr__(self, "name", format_one_line(self.name))
        object.__setattr__(self, "sentence", format_one_line(self.sentence))

    @property
    def title(self) -> str:
        """The subject line."""
        return (
            f"PHANTOM: {self.name.replace('_', ' ')} "
            f"{'is over' if self.is_over else 'needs a look'}"
        )


class Channel(Protocol):
    """A place to send alerts to."""

    @property
    def name(self) -> str:
        """Its name in the history of an alert."""

    def send(self, notice: Notice) -> None:
        """Send a notification.

        Raises:
            UnavailableError: it was not accepted.
        """


@dataclass(frozen=True, slots=True)
class Log:
    """The log of the process."""

    name: str = "log"

    def send(self, notice: Notice) -> None:
        """Write a line."""
        _LOG.warning("%s. %s", notice.title, notice.sentence)


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that receives a JSON object by POST; chat services show its `text`.

    Attributes:
        address: http or https.
    """

    address: str
    name: str = "webhook"

    def send(self, notice: Notice) -> None:
        """Send an object of text, name, sentence, state (raised or cleared) and moment_ms."""
        body = {
            "text": _chat_text(f"{notice.title}. {notice.sentence}"),
            "name": notice.name,
            "sentence": notice.sentence,
            "state": "cleared" if notice.is_over else "raised",
            "moment_ms": notice.moment_ms,
        }
        request = urllib.request.Request(
            self.address,
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S):
                pass
        except (OSError, ValueError) as error:
            raise UnavailableError(
                f"The webhook did not accept an alert: {_reason(error)}.",
                hint="Check PHANTOM_ALERT_WEBHOOK.",
            ) from error


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail server.

    Attributes:
        server: smtp://user:password@host:port or smtps://…; the connection is encrypted and the
            server's certificate verified (by STARTTLS for smtp), unless the server is this machine.
        sender: address of the sender.
        recipients: addresses.
    """

    server: str
    sender: str
    recipients: tuple[str, ...]
    name: str = "mail"

    def send(self, notice: Notice) -> None:
        """Send one message to all recipients."""
        message = EmailMessage()
        message["Subject"], message["From"], message["To"] = (
            notice.title,
            self.sender,
            ", ".join(self.recipients),
        )
        message.set_content(f"{notice.sentence}\n")
        try:
            with self._connected() as connection:
                connection.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            raise UnavailableError(
                f"The mail server did not accept an alert: {_reason(error)}.",
                hint="Check PHANTOM_ALERT_SMTP.",
            ) from error

    def _connected(self) -> smtplib.SMTP:
        parts = urlsplit(self.server)
        host = parts.hostname or "localhost"
        context = ssl.create_default_context()
        if parts.scheme == "smtps":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                host, parts.port or 465, timeout=TIMEOUT_S, context=context
            )
        else:
            connection = smtplib.SMTP(host, parts.port or 25, timeout=TIMEOUT_S)
        try:
            connection.ehlo()
            if parts.scheme == "smtp" and not _is_this_machine(host):
                # Raises where it is not offered: neither password nor alert is sent in the clear.
                connection.starttls(context=context)
                connection.ehlo()
            if parts.username:
                connection.login(unquote(parts.username), unquote(parts.password or ""))
        except (OSError, smtplib.SMTPException):
            connection.close()
            raise
        return connection


def _chat_text(text: str) -> str:
    """A text that chat services show as it is: no mention of everybody, no link, no image.

    >>> print(_chat_text("<!channel> see [x](https://evil.test)").replace(chr(0x2060), "~"))
    &lt;!channel&gt; see [x]~(https:~//evil.test)
    """
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("](", "]\u2060(").replace("://", ":\u2060//").replace("@", "@\u2060")


def channels_of(settings: Settings) -> tuple[Channel, ...]:
    """The channels of an installation; the log is always one.

    Raises:
        InputError: a mail server without recipients, or an invalid address.
    """
    found: list[Channel] = [Log()]
    if settings.alerts.webhook:
        if not settings.alerts.webhook.startswith(("http://", "https://")):
            raise InputError(
                "PHANTOM_ALERT_WEBHOOK is not an http address.",
                hint="Write it as https://host/path.",
            )
        found.append(Webhook(settings.alerts.webhook))
    if settings.alerts.smtp:
        if urlsplit(settings.alerts.smtp).scheme not in ("smtp", "smtps"):
            raise InputError(
                "PHANTOM_ALERT_SMTP is not the URL of a mail server.",
                hint="Write it as smtp://user:password@host:587.",
            )
        if not settings.alerts.recipients:
            raise InputError(
                "Alerts have a mail server, but no recipient.", hint="Set PHANTOM_ALERT_TO."
            )
        found.append(Mail(settings.alerts.smtp, settings.alerts.sender, settings.alerts.recipients))
    return tuple(found)


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _reason(error: Exception) -> str:
    """The reason, without the address, which may contain a password or a token."""
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        return f"it answered {error.code}"
    return (
        type(error).__name__
        if not isinstance(error, OSError) or not error.strerror
        else error.strerror
    )
