"""What Redis knows of a session, within the deadline, whatever the server does."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import redis

from phantom_core.core.settings import Settings
from phantom_core.publishing.canonical import canonical_json
from phantom_core.publishing.session_features import write_features
from phantom_core.publishing.session_prices import FORMAT, write_session_prices
from phantom_core.publishing.signed import sign_document
from phantom_core.services.pricing.decision import SessionState
from phantom_core.services.pricing.session import SessionReader
from phantom_core.valkey.embedded import server_url
from tests.publishing.samples import KEY, KEYS
from tests.services.samples import BOT, session

NOW_MS = 1_772_366_400_000
DEADLINE_S = 0.05


@asynccontextmanager
async def reading(address: str) -> AsyncIterator[SessionReader]:
    reader = SessionReader(address, DEADLINE_S, 3_600, lambda: KEYS)
    await reader.start()
    try:
        yield reader
    finally:
        await reader.stop()


def read(settings: Settings, session_id: str = "s1", product_id: str = "room") -> SessionState:
    async def once() -> SessionState:
        async with reading(server_url(settings.workspace)) as reader:
            return await reader.read(session_id, product_id, NOW_MS)

    return asyncio.run(once())


def test_price_and_features_come_together(settings: Settings, client: redis.Redis) -> None:
    write_session_prices(client, KEY, "s1", {"room": 95.0}, now_ms=NOW_MS)
    write_features(client, [session("s1", BOT, updated_ms=NOW_MS)])
    assert read(settings) == SessionState(95.0, BOT)
    assert read(settings, product_id="suite") == SessionState(None, BOT)
    assert read(settings, session_id="s2") == SessionState()


def test_features_that_nobody_updated_for_long_are_late(
    settings: Settings, client: redis.Redis
) -> None:
    write_features(client, [session("s1", BOT, updated_ms=NOW_MS - 3_600_001)])
    assert read(settings) == SessionState(reason="late_features")


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"format": "phantom-session/9"}', b"\xff"])
def test_damaged_features_are_no_features(
    settings: Settings, client: redis.Redis, content: bytes
) -> None:
    client.set("session_features:s1", content)
    assert read(settings) == SessionState(reason="bad_session_data")


def test_keys_of_another_type_break_nothing(settings: Settings, client: redis.Redis) -> None:
    client.set("session:s1:prices", "x")
    client.lpush("session_features:s2", "x")
    assert read(settings) == SessionState()
    assert read(settings, session_id="s2") == SessionState(reason="bad_session_data")


@pytest.mark.parametrize("price", ["nan", "-1", "0", "inf", "cheap"])
def test_a_session_price_that_is_none_is_not_asked(
    settings: Settings, client: redis.Redis, price: str
) -> None:
    client.hset("session:s1:prices", "room", price)
    assert read(settings) == SessionState()


@pytest.mark.parametrize(
    "session_id", ["'; DROP TABLE sessions; --", "a b\r\nGET x", "ü\N{SNOWMAN}", "*?[", "x" * 256]
)
def test_a_session_id_is_data_whatever_it_says(
    settings: Settings, client: redis.Redis, session_id: str
) -> None:
    write_features(client, [session(session_id, BOT, updated_ms=NOW_MS)])
    assert read(settings, session_id) == SessionState(None, BOT)


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def with_server(talk: Talk, use: Callable[[SessionReader], Awaitable[None]]) -> None:
    """A server that greets as Redis does and then behaves as told."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with reading(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0") as reader:
        await use(reader)
    server.close()
    await asyncio.sleep(0.05)  # in which its side of the connection is closed, too


def test_a_server_that_falls_silent_costs_one_deadline_and_then_nothing() -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async def use(reader: SessionReader) -> None:
        started_s = time.monotonic()
        found = await asyncio.gather(*(reader.read(f"s{n}", "room", NOW_MS) for n in range(50)))
        assert found == [SessionState(reason="redis_slow")] * 50
        assert DEADLINE_S <= time.monotonic() - started_s < 3 * DEADLINE_S
        started_s = time.monotonic()
        assert await reader.read("s1", "room", NOW_MS) == SessionState(reason="redis_slow")
        assert time.monotonic() - started_s < DEADLINE_S / 2

    asyncio.run(with_server(silent, use))


def signed_price(number: str) -> bytes:
    """The session s7 pays 7 for the room."""
    document = {
        "format": FORMAT,
        "session_id": f"s{number}",
        "product_id": "room",
        "price": float(number),
        "expires_ms": NOW_MS + 1,
    }
    return sign_document(KEY, FORMAT, canonical_json(document))


def test_one_late_answer_is_thrown_away_and_the_next_ones_fit_their_questions() -> None:
    n_asked = 0

    async def late_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal n_asked
        while content := await reader.read(65_536):
            for part in content.split(b"HGET")[1:]:
                n_asked += 1
                if n_asked == 1:
                    await asyncio.sleep(2 * DEADLINE_S)
                number = part.split(b"session:s")[1].split(b":")[0]
                signed = signed_price(number.decode())
                writer.write(b"$%d\r\n%s\r\n$-1\r\n" % (len(signed), signed))
            await writer.drain()

    async def use(reader: SessionReader) -> None:
        assert await reader.read("s1", "room", NOW_MS) == SessionState(reason="redis_slow")
        await asyncio.sleep(2 * DEADLINE_S)
        found = await asyncio.gather(*(reader.read(f"s{n}", "room", NOW_MS) for n in range(2, 30)))
        assert [one.price for one in found] == [float(n) for n in range(2, 30)]

    asyncio.run(with_server(late_once, use))


def test_nobody_there_is_said_at_once_and_found_once_somebody_is() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while content := await reader.read(65_536):
            writer.write(b"$-1\r\n$-1\r\n" * content.count(b"HGET"))
        writer.close()

    async def use() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        async with reading(f"redis://127.0.0.1:{port}/0") as reader:
            assert await reader.read("s1", "room", NOW_MS) == SessionState(reason="redis_down")
            assert not reader.is_up
            server = await asyncio.start_server(answer, "127.0.0.1", port)
            for _ in range(200):
                if reader.is_up:
                    break
                await asyncio.sleep(0.01)
            assert await reader.read("s1", "room", NOW_MS) == SessionState()
        server.close()
        await asyncio.sleep(0.05)

    asyncio.run(use())
