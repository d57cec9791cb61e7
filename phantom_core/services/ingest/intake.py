"""The intake: posted messages are validated and stored by one thread, many requests at a time.

Validating messages and writing them to disk costs about the same for one as for hundreds, so
concurrent requests share both. A request is answered once its messages are stored.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from phantom_core.core.errors import BusyError, PhantomError, UnavailableError
from phantom_core.core.settings import Settings
from phantom_core.core.telemetry.metrics import count_error, count_events
from phantom_core.events.text_rows import TextRow
from phantom_core.events.validator import Validation, Validator
from phantom_core.messages.topic import KINDS, Outgoing, Sink
from phantom_core.services.ingest.requests import stamp_times

SERVICE: Final = "ingest"
# The first request waits this long for others: validating 64 messages takes 11 ms, one takes 7.
_BATCH_WAIT_S: Final = 0.01
_ENOUGH: Final = 500
_MOST_AT_ONCE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request whose messages are not stored yet."""

    topic: str
    rows: Sequence[TextRow]
    loop: asyncio.AbstractEventLoop
    answer: "asyncio.Future[list[Validation]]"


Answer = tuple["asyncio.Future[list[Validation]]", list[Validation], Exception | None]


class Intake:
    """Validates messages and passes the accepted ones to a sink.

    Args:
        sink: where they are stored; closed with the intake.
        settings: limits.
        now_us: the clock, UTC microseconds.
    """

    def __init__(
        self,
        sink: Sink,
        settings: Settings,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1_000,
    ) -> None:
        self.sink = sink
        self._now_us = now_us
        self._most_pending = settings.services.max_pending_events
        self._validators = {
            topic: Validator(
                kind,
                future_tolerance_s=settings.loading.future_tolerance_s,
                max_chars=settings.loading.max_field_bytes,
            )
            for topic, kind in KINDS.items()
        }
        self._changed = threading.Condition()
        self._queue: list[Waiting] = []
        self._n_pending, self._first_s = 0, 0.0
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self._thread.start()

    @property
    def n_pending(self) -> int:
        """Messages that were posted and are not stored yet."""
        return self._n_pending

    @property
    def is_well(self) -> bool:
        """Whether messages can be stored, as far as is known."""
        return self._thread.is_alive() and self.sink.state() not in (
            "unavailable",
            "connecting",
        )

    async def accept(self, topic: str, rows: Sequence[TextRow]) -> list[Validation]:
        """Validate messages and store the accepted ones.

        Args:
            topic: one of KINDS.
            rows: messages, lines from 0.
        Returns:
            A validation of each, once the accepted ones are stored.
        Raises:
            BusyError: too many messages are pending; none of these was stored.
            UnavailableError: the accepted ones may not have been stored.
        """
        loop = asyncio.get_running_loop()
        waiting = Waiting(topic, rows, loop, loop.create_future())
        with self._changed:
            if self._is_closing:
                raise UnavailableError(
                    "This service is being stopped.", hint="Send it again in a moment."
                )
            if self._n_pending + len(rows) > self._most_pending:
                raise BusyError(
                    f"{self._n_pending:,} events are waiting to be stored.",
                    hint="Send it again in a moment.",
                )
            self._n_pending += len(rows)
            self._first_s = self._first_s if self._queue else time.monotonic()
            self._queue.append(waiting)
            if len(self._queue) == 1 or self._n_pending >= _ENOUGH:
                self._changed.notify()
        return await waiting.answer

    def close(self) -> None:
        """Store what is pending, then stop."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join()
        self.sink.close()

    def _run(self) -> None:
        while requests := self._take():
            for topic in KINDS:
                if of_topic := [request for request in requests if request.topic == topic]:
                    self._store(topic, of_topic)
            with self._changed:
                self._n_pending -= sum(len(request.rows) for request in requests)

    def _take(self) -> list[Waiting]:
        """The next requests, at least one; none when the intake is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._is_closing)
            until_s = self._first_s + _BATCH_WAIT_S
            while (
                self._n_pending < _ENOUGH
                and not self._is_closing
                and (left_s := until_s - time.monotonic()) > 0
            ):
                self._changed.wait(left_s)
            n_requests, n_rows = 0, 0
            while n_requests < len(self._queue) and n_rows < _MOST_AT_ONCE:
                n_rows += len(self._queue[n_requests].rows)
                n_requests += 1
            taken, self._queue = self._queue[:n_requests], self._queue[n_requests:]
            self._first_s = 0.0  # the requests left have waited already
        return taken

    def _store(self, topic: str, requests: Sequence[Waiting]) -> None:
        try:
            validations, failure = self._validate_and_store(
                topic, [row for request in requests for row in request.rows]
            )
        except Exception as error:  # a bug must not leave requests waiting for ever
            count_error(SERVICE, type(error).__name__)
            validations, failure = [], error
        start = 0
        answers: dict[asyncio.AbstractEventLoop, list[Answer]] = {}
        for request in requests:
            own = validations[start : start + len(request.rows)]
            start += len(request.rows)
            is_lost = failure is not None and (
                not validations or any(not validation.reason for validation in own)
            )
            answers.setdefault(request.loop, []).append(
                (request.answer, own, failure if is_lost else None)
            )
        for loop, of_loop in answers.items():
            with contextlib.suppress(RuntimeError):  # the loop is closed: no client waits any more
                loop.call_soon_threadsafe(_answer, of_loop)

    def _validate_and_store(
        self, topic: str, rows: Sequence[TextRow]
    ) -> tuple[list[Validation], Exception | None]:
        now_us = self._now_us()
        rows = [
            stamp_times(TextRow(line, row.cells, row.problem, row.detail, row.text), now_us + line)
            for line, row in enumerate(rows)
        ]
        validations = self._validators[topic].validate(rows, now_us // 1_000)
        good = [
            Outgoing(validation.session_id or "", row.cells[0])
            for validation, row in zip(validations, rows, strict=True)
            if not validation.reason
        ]
        failure: Exception | None = None
        try:
            if good:
                self.sink.append(topic, good)
        except PhantomError as error:
            count_error(SERVICE, type(error).__name__)
            failure = error
        _count(topic, validations, 0 if failure else len(good))
        return validations, failure


def _count(topic: str, validations: Sequence[Validation], n_stored: int) -> None:
    rejected: dict[str, int] = {}
    for validation in validations:
        if validation.reason:
            rejected[validation.reason] = rejected.get(validation.reason, 0) + 1
    count_events(SERVICE, topic, accepted=n_stored, refused=rejected)


def _answer(answers: Sequence[Answer]) -> None:
    for answer, validations, failure in answers:
        if answer.done():  # the client has disconnected
            continue
        if failure is None:
            answer.set_result(validations)
        else:
            answer.set_exception(failure)
