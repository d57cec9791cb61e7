"""Alert mails travel encrypted, to a server whose certificate is valid, or not at all."""

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from phantom_core.alerts.channels import Mail, Notice
from phantom_core.core.errors import UnavailableError

HOST = socket.gethostname()
NOTICE = Notice("psi", "A feature moved.", False, 1)


@dataclass
class Server:
    """A mail server on a port of its own, which writes down what it is told.

    Attributes:
        certificate: file with key and certificate.
        is_smtps: whether TLS begins at once.
        offers_starttls: whether it offers STARTTLS.
    """

    certificate: Path
    is_smtps: bool = False
    offers_starttls: bool = False
    clear: list[str] = field(default_factory=list)
    encrypted: list[str] = field(default_factory=list)

    def __enter__(self) -> "Server":
        self._listening = socket.create_server(("0.0.0.0", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            pass
        self._thread.join(5)
        self._listening.close()

    def _serve(self) -> None:
        client, _ = self._listening.accept()
        with suppress(OSError), ExitStack() as stack:
            self._talk(stack.enter_context(client), stack)

    def _talk(self, client: socket.socket, stack: ExitStack) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        said = self.clear
        if self.is_smtps:
            client = stack.enter_context(context.wrap_socket(client, server_side=True))
            said = self.encrypted
        client.sendall(b"220 ready\r\n")
        in_message = False
        stream = stack.enter_context(client.makefile("rb"))
        while raw := stream.readline():
            line = raw.decode().rstrip("\r\n")
            said.append(line)
            word = line.upper().split(" ")[0]
            if in_message:
                in_message = line != "."
                answer = b"" if in_message else b"250 taken\r\n"
            elif word == "EHLO":
                answer = b"250-me\r\n" + (b"250-STARTTLS\r\n" if self.offers_starttls else b"")
                answer += b"250 AUTH PLAIN\r\n"
            elif word == "STARTTLS":
                client.sendall(b"220 go\r\n")
                client = stack.enter_context(context.wrap_socket(client, server_side=True))
                stream = stack.enter_context(client.makefile("rb"))
                said, answer = self.encrypted, b""
            elif word == "DATA":
                in_message, answer = True, b"354 go\r\n"
            else:
                answer = {"AUTH": b"235 ok\r\n", "QUIT": b"221 bye\r\n"}.get(word, b"250 ok\r\n")
            client.sendall(answer)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of this host that only the test trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST[:64])])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("certificate") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    yield


def send(server: Server, scheme: str, host: str = HOST) -> None:
    Mail(f"{scheme}://me:secret@{host}:{server.port}", "a@shop", ("b@shop",)).send(NOTICE)


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: Path) -> None:
    for scheme, options in (("smtps", {"is_smtps": True}), ("smtp", {"offers_starttls": True})):
        with Server(certificate, **options) as server, pytest.raises(UnavailableError):
            send(server, scheme)
        said = " ".join([*server.clear, *server.encrypted])
        assert "AUTH" not in said
        assert "A feature moved." not in said


def test_a_server_that_strips_starttls_hears_neither_password_nor_alert(certificate: Path) -> None:
    with Server(certificate) as server, pytest.raises(UnavailableError):
        send(server, "smtp")
    assert [line.split(" ")[0].upper() for line in server.clear] == ["EHLO"]


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_with_a_valid_certificate_the_mail_arrives_encrypted(
    certificate: Path, scheme: str
) -> None:
    is_smtps = scheme == "smtps"
    with Server(certificate, is_smtps=is_smtps, offers_starttls=not is_smtps) as server:
        send(server, scheme)
    assert "A feature moved." in server.encrypted
    assert not any("AUTH" in line for line in server.clear)


def test_a_server_on_this_machine_needs_no_certificate(certificate: Path) -> None:
    with Server(certificate) as server:
        send(server, "smtp", "127.0.0.1")
    assert "A feature moved." in server.clear
