"""The session in Redis: price and features in one round trip, within the deadline.

All requests share one pipelined connection: commands are sent as they come, responses arrive in
their order. A request that reaches its deadline goes on without its response, which is dropped when
it arrives. While the oldest query is overdue, no other is sent; a connection that is silent for
SILENT_S is dropped and re-established in the background.
"""

import asyncio
import contextlib
import logging
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import redis.asyncio
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from phantom_core.core.errors import PhantomError
from phantom_core.core.telemetry.metrics import REDIS_UP, REFUSED_DOCUMENTS
from phantom_core.publishing.names import SESSION_FEATURES
from phantom_core.publishing.session_features import parse_features
from phantom_core.publishing.session_prices import open_session_price, session_prices_key
from phantom_core.publishing.signed import OutdatedError
from phantom_core.services.pricing.decision import Reason, SessionState
from phantom_core.signing.keys import PublicKeys

SILENT_S: Final = 1.0
RECONNECT_EVERY_S: Final = 0.25
CONNECT_WITHIN_S: Final = 1.0
SERVICE: Final = "pricing"
_LOGGER: Final = logging.getLogger(__name__)
_Answer = tuple[object, object]
_DOWN: Final = SessionState(reason="redis_down")
_SLOW: Final = SessionState(reason="redis_slow")


@dataclass(slots=True)
class _Query:
    answer: asyncio.Future[_Answer]
    sent_s: float


class SessionReader:
    """Reads the price and features of a session from Redis.

    Args:
        url: of the server.
        deadline_s: how long a request waits for it.
        oldest_s: features computed longer ago count as late.
        keys: public keys of the control side, which signs the prices of a session.

    Attributes:
        n_unsigned: prices of sessions that were ignored, since nobody signed them.
    """

    def __init__(
        self, url: str, deadline_s: float, oldest_s: float, keys: Callable[[], PublicKeys]
    ) -> None:
        self._pool = redis.asyncio.ConnectionPool.from_url(
            url,
            protocol=2,
            socket_timeout=None,
            socket_connect_timeout=CONNECT_WITHIN_S,
            retry=Retry(NoBackoff(), 0),
            driver_info=None,
        )
        self._deadline_s, self._oldest_ms = deadline_s, oldest_s * 1_000
        self._keys, self.n_unsigned = keys, 0
        self._connection: AbstractConnection | None = None
        self._waiting: deque[_Query] = deque()
        self._task: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()

    @property
    def is_up(self) -> bool:
        """Whether there is a connection that answers."""
        return self._connection is not None and not self._is_overdue(
            asyncio.get_running_loop().time()
        )

    async def start(self) -> None:
        """Connect, and stay connected; returns after the first try."""
        self._task = asyncio.create_task(self._stay_connected())
        await self._tried.wait()

    async def stop(self) -> None:
        """Disconnect permanently."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def read(self, session_id: str, product_id: str, now_ms: int) -> SessionState:
        """Price and features of a session, or the reason why they are missing.

        Args:
            session_id: of the session.
            product_id: for which a price may be set.
            now_ms: the clock, UTC milliseconds.
        """
        loop = asyncio.get_running_loop()
        connection, sent_s = self._connection, loop.time()
        if connection is None:
            return _DOWN
        if self._is_overdue(sent_s):
            return _SLOW
        commands = _packed(session_id, product_id)
        query = _Query(loop.create_future(), sent_s)
        self._waiting.append(query)
        try:
            async with asyncio.timeout_at(sent_s + self._deadline_s):
                # Sent before any other command: nothing is awaited between the queue and the
                # socket.
                await connection.send_packed_command(commands, check_health=False)
                price, features = await query.answer
        except TimeoutError:
            return _SLOW
        except (RedisError, OSError):
            return _DOWN
        amount = self._amount(price, session_id, product_id, now_ms)
        return self._known(amount, features, session_id, now_ms)

    def _is_overdue(self, now_s: float) -> bool:
        return bool(self._waiting) and now_s - self._waiting[0].sent_s > self._deadline_s

    def _amount(self, price: object, session_id: str, product_id: str, now_ms: int) -> float | None:
        """A price that the control side signed for this session; others are ignored."""
        if price is None:
            return None
        try:
            content = price if isinstance(price, bytes) else b""
            return open_session_price(self._keys(), content, session_id, product_id, now_ms=now_ms)
        except PhantomError as error:
            reason = "outdated" if isinstance(error, OutdatedError) else "unsigned"
            REFUSED_DOCUMENTS.labels("session_prices", reason).inc()
            self.n_unsigned += 1
            return None

    def _known(
        self, amount: float | None, features: object, session_id: str, now_ms: int
    ) -> SessionState:
        reason: Reason | None = None
        found = None
        try:
            if isinstance(features, bytes):
                read = parse_features(features, SESSION_FEATURES + session_id)
                found = dict(read.features)
                if now_ms - read.updated_ms > self._oldest_ms:
                    found, reason = None, "late_features"
            elif features is not None:
                reason = "bad_session_data"
        except (PhantomError, ValueError):
            return SessionState(amount, reason="bad_session_data")
        return SessionState(amount, found, reason)

    async def _stay_connected(self) -> None:
        while True:
            connection: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
            try:
                async with asyncio.timeout(CONNECT_WITHIN_S):
                    await connection.connect()  # type: ignore[no-untyped-call]
                self._up(connection)
                await self._listen(connection)
            except Exception as error:  # whatever the server answers, the next connection may work
                if self._connection or not self._tried.is_set():
                    _LOGGER.warning("Redis does not answer, so prices go on without it: %s", error)
            finally:
                self._down()
                with contextlib.suppress(Exception):
                    await connection.disconnect(nowait=True)
            await asyncio.sleep(RECONNECT_EVERY_S)

    def _up(self, connection: AbstractConnection) -> None:
        self._connection = connection
        REDIS_UP.labels(SERVICE).set(1)
        self._tried.set()

    def _down(self) -> None:
        self._connection = None
        REDIS_UP.labels(SERVICE).set(0)
        self._tried.set()
        while self._waiting:
            _fail(self._waiting.popleft().answer)

    async def _listen(self, connection: AbstractConnection) -> None:
        """Assign responses in query order, until the connection fails or goes silent."""
        watch = asyncio.create_task(self._watch(connection))
        try:
            while True:
                price = await _response(connection)
                features = await _response(connection)
                query = self._waiting.popleft()
                if not query.answer.done():
                    query.answer.set_result((price, features))
        finally:
            watch.cancel()

    async def _watch(self, connection: AbstractConnection) -> None:
        """Drop a connection whose oldest query remains unanswered."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SILENT_S / 4)
            if self._waiting and loop.time() - self._waiting[0].sent_s > SILENT_S:
                _LOGGER.warning("Redis has been silent for %.1f s; reconnecting.", SILENT_S)
                await connection.disconnect(nowait=True)
                return


def _packed(session_id: str, product_id: str) -> bytes:
    r"""Both commands of a session as Redis reads them.

    >>> _packed("s", "p")
    b'*3\r\n$4\r\nHGET\r\n$16\r\nsession:s:prices\r\n$1\r\np\r\n*2\r\n$3\r\nGET\r\n$18\r\nsession_features:s\r\n'
    """
    prices, product, features = (
        text.encode("utf-8", "surrogatepass")
        for text in (session_prices_key(session_id), product_id, SESSION_FEATURES + session_id)
    )
    return b"*3\r\n$4\r\nHGET\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n*2\r\n$3\r\nGET\r\n$%d\r\n%b\r\n" % (
        len(prices),
        prices,
        len(product),
        product,
        len(features),
        features,
    )


async def _response(connection: AbstractConnection) -> object:
    """The next response; an error of the server, such as a wrong key type, is a response too."""
    try:
        return await connection.read_response(disable_decoding=True, timeout=math.inf)
    except redis.ResponseError as error:
        return error


def _fail(answer: asyncio.Future[_Answer]) -> None:
    if not answer.done():
        answer.set_exception(ConnectionError("Redis is gone."))
        answer.exception()  # retrieved here, since the request may have gone on without it
