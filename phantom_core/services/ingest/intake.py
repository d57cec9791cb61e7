"""The intake: posted messages are validated and stored by one thread, many requests at a time.

Validating messages and writing them to disk costs about the same for one as for hundreds, so
concurrent requests share both. A request is answered once its messages are stored.
"""

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from phantom_core.core.background import BackgroundThread
from phantom_core.core.errors import BusyError, PhantomError, UnavailableError
from phantom_core.core.settings import Settings
from phantom_core.core.telemetry.metrics import count_error, count_events
from phantom_core.events.text_rows import TextRow
from phantom_core.events.validator import Validation, Validator
from phantom_core.messages.refusals import RefusalCounter
from phantom_core.messages.topic import KINDS, Outgoing, Sink
from phantom_core.services.ingest.requests import receive_times, seconds_ahead, stamp_times
from phantom_core.services.web.limits import LONGEST_ID

SERVICE: Final = "ingest"
# The first request waits this long for others: validating 64 messages takes 11 ms, one takes 7.
_BATCH_WAIT_S: Final = 0.01
_ENOUGH: Final = 500
_FUTURE: Final = "future_timestamp"
_IDLE_S: Final = 1.0
LATE_AFTER_S: Final = 30.0
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

    Attributes:
        thread: validates and stores.
    """

    def __init__(
        self,
        sink: Sink,
        settings: Settings,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1_000,
    ) -> None:
        self.sink = sink
        self._now_us = now_us
        self._counter = RefusalCounter(settings.paths.refusals)
        self._most_ahead_s = settings.loading.clock_correction_s
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
        self.thread = BackgroundThread("intake", SERVICE, self._work, late_after_s=LATE_AFTER_S)
        self.thread.start()

    @property
    def n_pending(self) -> int:
        """Messages that were posted and are not stored yet."""
        return self._n_pending

    def problems(self) -> dict[str, str]:
        """What keeps messages from being stored, by name, as sentences."""
        found = {"intake thread": self.thread.check(), "storage": self.sink.problem()}
        return {name: problem for name, problem in found.items() if problem}

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
        self.thread.stop()
        self._counter.store(now=True)
        self.sink.close()

    def _work(self, stop: threading.Event) -> None:
        while (requests := self._take()) or not self._is_closing:
            self.thread.succeeded()
            self._counter.store()
            for topic in KINDS:
                if of_topic := [request for request in requests if request.topic == topic]:
                    self._store(topic, of_topic)
            with self._changed:
                self._n_pending -= sum(len(request.rows) for request in requests)

    def _take(self) -> list[Waiting]:
        """The next requests; none when nothing came for a while, or the intake is closed."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._queue or self._is_closing, _IDLE_S):
                return []
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

    def _correct_clocks(
        self,
        topic: str,
        rows: Sequence[TextRow],
        validations: list[Validation],
        now_us: int,
    ) -> tuple[Sequence[TextRow], list[Validation]]:
        """Give the server's time to messages of clocks that are fast, within bounds.

        Returns:
            Messages and results; the result of a corrected one says so in its detail.
        """
        fast = {
            place: ahead_s
            for place, one in enumerate(validations)
            if one.reason == _FUTURE
            and (ahead_s := seconds_ahead(rows[place], now_us)) is not None
            and ahead_s <= self._most_ahead_s
        }
        if not fast:
            return rows, validations
        corrected = [
            replace(receive_times(rows[place], now_us + place), line=at)
            for at, place in enumerate(fast)
        ]
        again = self._validators[topic].validate(corrected, now_us // 1_000)
        found_rows, found = list(rows), list(validations)
        for (place, ahead_s), row, one in zip(fast.items(), corrected, again, strict=True):
            found_rows[place] = replace(row, line=place)
            found[place] = one if one.reason else replace(one, detail=_clock_detail(ahead_s))
        return found_rows, found

    def _validate_and_store(
        self, topic: str, rows: Sequence[TextRow]
    ) -> tuple[list[Validation], Exception | None]:
        now_us = self._now_us()
        rows = [
            stamp_times(TextRow(line, row.cells, row.problem, row.detail, row.text), now_us + line)
            for line, row in enumerate(rows)
        ]
        validations = self._validators[topic].validate(rows, now_us // 1_000)
        rows, validations = self._correct_clocks(topic, rows, validations, now_us)
        validations = [_with_limit(one) for one in validations]
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
        rejected = Counter(one.reason for one in validations if one.reason)
        self._counter.add(len(validations), rejected, now_us // 1_000)
        count_events(SERVICE, topic, accepted=0 if failure else len(good), refused=rejected)
        return validations, failure


def _with_limit(one: Validation) -> Validation:
    """A result, rejected where no price could ever be asked for its session."""
    if one.reason or len(one.session_id or "") <= LONGEST_ID:
        return one
    detail = f"The session id is longer than {LONGEST_ID} characters."
    return replace(one, reason="field_too_large", detail=detail)


def _clock_detail(ahead_s: float) -> str:
    return f"The time is the server's: the client's clock is {ahead_s:,.0f} s fast."


def _answer(answers: Sequence[Answer]) -> None:
    for answer, validations, failure in answers:
        if answer.done():  # the client has disconnected
            continue
        if failure is None:
            answer.set_result(validations)
        else:
            answer.set_exception(failure)
