"""Query run: one query in a process of its own, with limits, that can be cancelled."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import pyarrow as pa

from phantom_core.core.errors import CancelledError, SourceError
from phantom_core.core.limited_process import ProcessLimits, run_limited
from phantom_core.views.workbench.query_child import CUT, QueryRequest

State = Literal["running", "done", "failed", "cancelled"]
_CHILD: Final = "phantom_core.views.workbench.query_child"


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """How much one query may take.

    Attributes:
        seconds: wall time.
        rows: of its result.
        result_bytes: of its result, in memory.
        memory_mb: of its database; its process may take twice as much and 1 GB.
    """

    seconds: float = 60.0
    rows: int = 100_000
    result_bytes: int = 64 << 20
    memory_mb: int = 1_500

    @property
    def of_process(self) -> ProcessLimits:
        """What the process may use."""
        return ProcessLimits(
            memory_bytes=(2 * self.memory_mb + 1_024) << 20,
            cpu_s=round(2 * self.seconds) + 1,
            wall_s=self.seconds,
            output_bytes=4 * self.result_bytes,
        )


class QueryRun:
    """A query that was started.

    Args:
        request: what to run.
        limits: what it may take.
        ended: called in its thread at the end.

    Attributes:
        sql: of the query.
        state: running, done, failed or cancelled.
        problem: why it failed; empty otherwise.
        table: the result once done, as far as the limits reach; None before.
    """

    def __init__(
        self, request: QueryRequest, limits: QueryLimits, ended: Callable[[], None] | None = None
    ) -> None:
        self.sql = request.sql
        self.state: State = "running"
        self.problem = ""
        self.table: pa.Table | None = None
        self._request, self._limits, self._ended = request, limits, ended
        self._cancel = threading.Event()
        self._start_s, self._end_s = time.monotonic(), 0.0
        self._thread = threading.Thread(target=self._run, name="workbench-query", daemon=True)
        self._thread.start()

    @property
    def seconds(self) -> float:
        """Wall time so far."""
        return (self._end_s or time.monotonic()) - self._start_s

    @property
    def is_cut(self) -> bool:
        """Whether the result has more rows than `table`."""
        return self.table is not None and CUT in (self.table.schema.metadata or {})

    def cancel(self) -> None:
        """End the query; its result is dropped."""
        self._cancel.set()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the query has ended, at most some seconds."""
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            written = run_limited(
                _CHILD,
                self._request.model_dump(),
                self._limits.of_process,
                name="the query",
                hint="Read fewer rows, or aggregate them.",
                cancel=self._cancel,
            )
            self.table = pa.ipc.open_stream(written).read_all()
            self.state = "done"
        except CancelledError:
            self.state = "cancelled"
        except SourceError as error:
            self.state, self.problem = "failed", f"{error.message} {error.hint}".strip()
        except pa.ArrowException as error:
            self.state, self.problem = "failed", f"The result cannot be read: {error}"
        finally:
            self._end_s = time.monotonic()
            if self._ended:
                self._ended()
