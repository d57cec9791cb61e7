"""With any fault, readers see all old or all new rules, and the publisher one correct message."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from phantom_core.core.errors import PhantomError, UnavailableError
from phantom_core.publishing.divergence import compare_documents, restore_documents
from phantom_core.publishing.publish import (
    NotSwitchedError,
    UncertainError,
    publish_release,
    read_live,
    read_published,
)
from phantom_core.valkey.faults import unavailable_error
from tests.publishing.proxy import Fate, Proxy, at
from tests.publishing.samples import (
    FIRST,
    KEY,
    KEYS,
    LIVE_FIRST,
    LIVE_SECOND,
    SECOND,
    make_live,
    release,
)
from tests.publishing.servers import BINARIES, OwnServer

pytestmark = pytest.mark.slow

# Publishing two releases on a new connection: put and look at each, switch, read back.
COMMANDS = ["SET", "GET", "SET", "GET", "GET", "EVAL", "MGET"]
SWITCH = COMMANDS.index("EVAL") + 1
EVERY = range(1, len(COMMANDS) + 1)
FEW_SECONDS = 5.0
# Stalls take as long as the client waits; one test waits as long as a user does.
IMPATIENT = "?socket_timeout=0.1"


@pytest.fixture(scope="module", params=[kind for kind, binary in BINARIES.items() if binary])
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OwnServer]:
    with OwnServer(
        tmp_path_factory.mktemp(request.param),
        request.param,
        appendonly="yes",
        appendfsync="always",
    ) as server:
        yield server


@pytest.fixture
def server(running: OwnServer) -> Iterator[OwnServer]:
    """A server on which the first rules are live."""
    if running.process.poll() is not None:
        running.start()
    with running.client() as client:
        client.replicaof("NO", "ONE")
        client.config_set("maxmemory", 0)
        client.flushall()
        publish_release(client, KEY, LIVE_FIRST, [FIRST])
    yield running
    running.thaw()


def assert_whole(server: OwnServer, *, can_be_new: bool = True) -> bool:
    """Verify that readers see all old or all new rules; returns whether they are the new ones."""
    with server.client() as client:
        found = read_published(client, KEYS)
    assert found
    if found.live == LIVE_FIRST:
        assert found.releases == {"first-1": FIRST}
        return False
    assert can_be_new
    assert (found.live, found.releases) == (LIVE_SECOND, {"first-1": FIRST, "second-2": SECOND})
    return True


def assert_one_sentence(error: PhantomError) -> None:
    assert error.message.endswith(".") and error.hint.endswith(".")
    assert "\n" not in str(error)
    assert "Error" not in str(error) and "(" not in error.message.replace("(maxmemory)", "")


def attempt(client: redis.Redis, server: OwnServer) -> type[PhantomError] | None:
    """Publish the second rules; the message must be correct, and come within seconds."""
    started_s = time.monotonic()
    try:
        publish_release(client, KEY, LIVE_SECOND, [FIRST, SECOND])
    except NotSwitchedError as error:
        assert_one_sentence(error)
        outcome: type[PhantomError] | None = NotSwitchedError
    except UncertainError as error:
        assert_one_sentence(error)
        outcome = UncertainError
    else:
        outcome = None
    assert time.monotonic() - started_s < FEW_SECONDS
    return outcome


def assert_said_truly(outcome: type[PhantomError] | None, server: OwnServer) -> None:
    is_new = assert_whole(server, can_be_new=outcome is not NotSwitchedError)
    assert is_new or outcome is not None


def assert_the_same_again_completes(server: OwnServer) -> None:
    with server.client() as client:
        publish_release(client, KEY, LIVE_SECOND, [FIRST, SECOND])
        assert compare_documents(client, KEYS, LIVE_SECOND, [FIRST, SECOND]) == ()


def test_a_publish_is_so_many_commands(server: OwnServer) -> None:
    with Proxy(server.port) as proxy, server.client(port=proxy.port) as client:
        publish_release(client, KEY, LIVE_SECOND, [FIRST, SECOND])
        assert proxy.names == COMMANDS


@pytest.mark.parametrize("n", EVERY)
@pytest.mark.parametrize("fate", ["cut", "half", "deaf"])
@pytest.mark.parametrize("then", ["forward", "cut"], ids=["back_at_once", "gone_for_good"])
def test_the_connection_breaks_at_any_command(
    server: OwnServer, n: int, fate: Fate, then: Fate
) -> None:
    with Proxy(server.port, at(n, fate, then)) as proxy, server.client(port=proxy.port) as client:
        outcome = attempt(client, server)
    assert_said_truly(outcome, server)
    if n < SWITCH:
        assert outcome is NotSwitchedError
    if n == SWITCH:
        assert outcome is (None if (fate, then) == ("deaf", "forward") else UncertainError)
    assert_the_same_again_completes(server)


@pytest.mark.parametrize("n", EVERY)
@pytest.mark.parametrize("fate", ["stall", "mute"])
def test_the_network_stalls_at_any_command(server: OwnServer, n: int, fate: Fate) -> None:
    with (
        Proxy(server.port, at(n, fate, fate)) as proxy,
        server.client(port=proxy.port, options=IMPATIENT) as client,
    ):
        outcome = attempt(client, server)
    assert_said_truly(outcome, server)
    assert outcome is (NotSwitchedError if n < SWITCH else UncertainError)


@pytest.mark.parametrize("n", EVERY)
@pytest.mark.parametrize("fate", ["cut", "deaf"], ids=["before", "after"])
def test_the_server_is_killed_at_any_command(server: OwnServer, n: int, fate: Fate) -> None:
    """Killed before the command, or once it is done; it comes back with what it had on disk."""
    killed = at(n, fate, "cut", server.kill if fate == "cut" else lambda: None)

    def told(number: int, name: str) -> Fate:
        if fate == "deaf" and number > n and server.process.poll() is None:
            server.kill()
        return killed(number, name)

    with Proxy(server.port, told) as proxy, server.client(port=proxy.port) as client:
        outcome = attempt(client, server)
        server.kill()
    server.start()
    assert_said_truly(outcome, server)
    assert outcome is (NotSwitchedError if n < SWITCH else UncertainError)
    assert_the_same_again_completes(server)


@pytest.mark.parametrize("n", EVERY)
def test_memory_runs_out_before_any_command(server: OwnServer, n: int) -> None:
    with server.client() as other:
        full = at(n, "forward", before=lambda: other.config_set("maxmemory", 1))
        with Proxy(server.port, full) as proxy, server.client(port=proxy.port) as client:
            outcome = attempt(client, server)
        other.config_set("maxmemory", 0)
    assert outcome is (NotSwitchedError if n <= SWITCH else None)
    assert_said_truly(outcome, server)


@pytest.mark.parametrize("n", EVERY)
def test_the_server_becomes_a_read_only_replica_before_any_command(
    server: OwnServer, n: int
) -> None:
    with server.client() as other:
        # Has no primary any more, and keeps its data.
        demoted = at(n, "forward", before=lambda: other.replicaof("127.0.0.1", "1"))
        with Proxy(server.port, demoted) as proxy, server.client(port=proxy.port) as client:
            outcome = attempt(client, server)
    assert outcome is (NotSwitchedError if n <= SWITCH else None)
    assert_said_truly(outcome, server)


@pytest.mark.parametrize("n", EVERY)
def test_everything_is_flushed_before_any_command(server: OwnServer, n: int) -> None:
    with server.client() as other:
        flushed = at(n, "forward", before=other.flushall)
        with Proxy(server.port, flushed) as proxy, server.client(port=proxy.port) as client:
            outcome = attempt(client, server)
        live = read_live(other, KEYS)
        assert live in (None, LIVE_SECOND)
        assert live is None or outcome is None
        if live:
            assert_whole(server)
        restore_documents(other, KEY, LIVE_SECOND, [FIRST, SECOND])
        assert compare_documents(other, KEYS, LIVE_SECOND, [FIRST, SECOND]) == ()
    assert outcome is {1: None, SWITCH + 1: UncertainError}.get(n, NotSwitchedError)


def test_a_client_that_outlives_a_restart_publishes_at_the_first_attempt(server: OwnServer) -> None:
    with server.client() as client:
        assert read_live(client, KEYS) == LIVE_FIRST
        server.kill()
        server.start()
        assert attempt(client, server) is None
    assert assert_whole(server)


def test_an_empty_server_in_its_place_is_found_out_and_healed(
    server: OwnServer, tmp_path: Path
) -> None:
    with (
        Proxy(server.port) as proxy,
        server.client(port=proxy.port) as client,
        OwnServer(tmp_path / "empty") as empty,
    ):
        assert read_live(client, KEYS) == LIVE_FIRST
        proxy.redirect(empty.port)
        assert read_live(client, KEYS) is None
        assert [one.found for one in compare_documents(client, KEYS, LIVE_FIRST, [FIRST])] == [
            "nothing",
            "nothing",
        ]
        restore_documents(client, KEY, LIVE_FIRST, [FIRST])
        assert_whole(empty, can_be_new=False)


def test_a_server_that_is_frozen_is_given_up_on_within_seconds(server: OwnServer) -> None:
    with server.client() as client:
        client.ping()
        server.freeze()
        assert attempt(client, server) is NotSwitchedError
        server.thaw()
        assert_whole(server, can_be_new=False)


def test_a_switch_that_arrives_late_loses_against_a_later_one(server: OwnServer) -> None:
    third, live = release("third-3", 1.1), make_live(3, "third-3")
    with Proxy(server.port, at(SWITCH, "stall")) as proxy, server.client() as other:
        with server.client(port=proxy.port) as client:
            assert attempt(client, server) is UncertainError
        assert_whole(server, can_be_new=False)
        publish_release(other, KEY, live, [third])
        proxy.released.set()
        time.sleep(0.1)
        assert read_live(other, KEYS) == live


def test_a_switch_that_arrives_late_is_no_conflict_with_the_same_again(server: OwnServer) -> None:
    with Proxy(server.port, at(SWITCH, "stall")) as proxy:
        with server.client(port=proxy.port, options=IMPATIENT) as client:
            assert attempt(client, server) is UncertainError
        assert_the_same_again_completes(server)
        proxy.released.set()
        time.sleep(0.1)
        assert assert_whole(server)


@pytest.mark.parametrize("n", range(1, 3))
@pytest.mark.parametrize("fate", ["cut", "deaf", "stall"])
def test_healing_can_fail_anywhere_and_be_done_again(server: OwnServer, n: int, fate: Fate) -> None:
    with server.client() as other:
        other.set("rules:live", "nonsense")
        with (
            Proxy(server.port, at(n, fate, fate)) as proxy,
            server.client(port=proxy.port, options=IMPATIENT) as client,
        ):
            with pytest.raises(UnavailableError) as error:
                restore_documents(client, KEY, LIVE_SECOND, [FIRST, SECOND])
            assert_one_sentence(error.value)
        restore_documents(other, KEY, LIVE_SECOND, [FIRST, SECOND])
    assert assert_whole(server)


def test_an_unexpected_error_is_one_sentence_too() -> None:
    error = unavailable_error(redis.ResponseError("something odd\n happened."), "shop:6379")
    assert error.message == "The server at shop:6379 answers with an error: something odd happened."
    assert_one_sentence(error)
    assert "ResponseError" in unavailable_error(redis.ResponseError(), "shop:6379").message
