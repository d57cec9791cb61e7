"""The example of a reverse proxy works as shipped: TLS, websocket, host names, forged headers."""

import base64
import datetime
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.pages.browser import free_port, served
from tests.services.services import ingest_service

NGINX: Final = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
# The name, for the app and for Streamlit beneath it.
NAMED: Final = {"PHANTOM_HOSTS": "shop.example", "STREAMLIT_BROWSER_SERVER_ADDRESS": "shop.example"}
EXAMPLE: Final = Path(__file__).parents[2] / "deploy" / "nginx" / "phantom.conf"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.nginx,
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed"),
]


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running proxy: its ports, and the certificate it shows."""

    plain: int
    secure: int
    certificate: Path

    def client(self) -> httpx.Client:
        """A client that believes this certificate alone."""
        trusted = ssl.create_default_context(cafile=str(self.certificate))
        return httpx.Client(verify=trusted, timeout=10)

    def get(self, host: str, path: str, **headers: str) -> httpx.Response:
        """Ask for a path of a host."""
        with self.client() as client:
            return client.get(
                f"https://127.0.0.1:{self.secure}{path}",
                headers={"Host": host, **headers},
                extensions={"sni_hostname": host},
            )


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("proxy")
    certificate = _certificate(folder)
    keys = {"PHANTOM_API_KEYS": "key-of-a-storefront"}
    with (
        served(folder / "app", **NAMED) as app,
        ingest_service(folder / "services", **keys) as service,
    ):
        ports = {"8501": app.rpartition(":")[2], "8001": service.url.rpartition(":")[2]}
        found = Proxy(free_port(), free_port(), certificate)
        process = _start(folder, found, ports)
        try:
            yield found
        finally:
            process.terminate()
            process.wait(timeout=10)


def _start(folder: Path, proxy: Proxy, ports: dict[str, str]) -> "subprocess.Popen[bytes]":
    text = EXAMPLE.read_text().replace("/etc/ssl/phantom", str(folder))
    text = text.replace("listen 80;", f"listen 127.0.0.1:{proxy.plain};")
    text = text.replace("listen 443 ssl", f"listen 127.0.0.1:{proxy.secure} ssl")
    for port, own in ports.items():
        text = text.replace(f"127.0.0.1:{port};", f"127.0.0.1:{own};")
    (folder / "phantom.conf").write_text(text)
    spool = "\n".join(
        f"{name}_temp_path {folder}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{spool}\ninclude {folder}/phantom.conf;\n}}\n"
    )
    assert NGINX is not None
    process = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")])
    for _ in range(100):
        assert process.poll() is None, (folder / "error.log").read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", proxy.secure)) == 0:
                return process
        time.sleep(0.05)
    raise AssertionError((folder / "error.log").read_text())


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName(one) for one in ("shop.example", "api.shop.example", "evil.test")]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "fullchain.pem").write_bytes(pem)
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "fullchain.pem"


def test_pages_come_over_tls_with_hsts(proxy: Proxy) -> None:
    answer = proxy.get("shop.example", "/")
    assert answer.status_code == 200 and "<title>" in answer.text
    assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
    assert answer.headers["content-security-policy"]


def test_plain_http_is_redirected(proxy: Proxy) -> None:
    answer = httpx.get(f"http://127.0.0.1:{proxy.plain}/data", headers={"Host": "shop.example"})
    assert answer.status_code == 301
    assert answer.headers["location"] == "https://shop.example/data"


def test_the_websocket_of_a_page_opens(proxy: Proxy) -> None:
    context = ssl.create_default_context(cafile=str(proxy.certificate))
    key = base64.b64encode(os.urandom(16)).decode()
    request = (
        "GET /_stcore/stream HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nOrigin: https://shop.example\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {key}\r\n\r\n"
    )
    with (
        socket.create_connection(("127.0.0.1", proxy.secure), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="shop.example") as opened,
    ):
        opened.sendall(request.encode())
        assert opened.recv(200).startswith(b"HTTP/1.1 101 ")


def test_sign_in_is_throttled_by_address(proxy: Proxy) -> None:
    found = {proxy.get("shop.example", "/account/sign-in").status_code for _ in range(20)}
    assert 503 in found


def test_another_host_name_gets_nothing(proxy: Proxy) -> None:
    assert proxy.get("evil.test", "/").status_code == 421


def test_services_ask_for_a_key_and_hide_what_is_internal(proxy: Proxy) -> None:
    event = {"sessionId": "s", "eventName": "search"}
    url = f"https://127.0.0.1:{proxy.secure}/api/ingest"
    host = {"Host": "api.shop.example"}
    sni = {"sni_hostname": "api.shop.example"}
    with proxy.client() as client:
        refused = client.post(url, json=event, headers=host, extensions=sni)
        forged = client.post(
            url, json=event, headers={**host, "X-Forwarded-For": "127.0.0.1"}, extensions=sni
        )
        keyed = {**host, "X-API-Key": "key-of-a-storefront"}
        stored = client.post(url, json=event, headers=keyed, extensions=sni)
        big = client.post(url, content=b"x" * (2 << 20), headers=keyed, extensions=sni)
    assert (refused.status_code, forged.status_code, stored.status_code) == (401, 401, 200)
    assert big.status_code == 413
    for path in ("/metrics", "/api/kafka/dump"):
        assert proxy.get("api.shop.example", path).status_code == 404
