"""Limited process: work on hostile bytes in a child that may use little memory and time.

A file can ask for any amount of memory or time, or crash the library that reads it. The child
limits itself before it imports anything that reads files; it gets no variables of the parent, so
that it holds no key or password.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from phantom_core.core.errors import CancelledError, HeaderError, SourceError
from phantom_core.core.program import child_environment

_LOOK_S: Final = 0.1  # between two looks at whether it was cancelled
_REFUSED: Final = 3  # exit code: what could not be read stands in the output
_KEPT: Final = ("PATH", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "SYSTEMROOT")
# Few threads and arenas: each would take address space of its own.
_SPARING: Final = {
    "MALLOC_ARENA_MAX": "1",
    "OMP_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "PYTHONDONTWRITEBYTECODE": "1",
}


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """What a child may use.

    Attributes:
        memory_bytes: address space.
        cpu_s: processor time, s.
        wall_s: time until it is killed, s.
        output_bytes: result.
    """

    memory_bytes: int = 1_500 << 20
    cpu_s: int = 30
    wall_s: float = 45.0
    output_bytes: int = 256 << 20


def run_limited(
    module: str,
    request: object,
    limits: ProcessLimits,
    *,
    name: str,
    hint: str,
    cancel: threading.Event | None = None,
) -> bytes:
    """Run a module of PHANTOM in a child with limits; its `main` is `answer_limited`.

    Args:
        module: to run.
        request: plain values for it, as JSON.
        limits: what it may use.
        name: of the file it looks at, for messages.
        hint: what to do where a limit is met.
        cancel: ends the child once it is set.
    Returns:
        What it wrote.
    Raises:
        SourceError: the child refused the file, met a limit, or died.
        CancelledError: it was cancelled.
    """
    environment = {key: value for key in _KEPT if (value := os.environ.get(key)) is not None}
    words = [str(n) for n in (limits.memory_bytes, limits.cpu_s, limits.output_bytes)]
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *words],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.PIPE,
            env=child_environment(environment | _SPARING),
        )
        with child:
            try:
                error = _talk(child, json.dumps(request).encode(), limits.wall_s, cancel)
            except subprocess.TimeoutExpired:
                raise SourceError(
                    f"Looking at '{name}' takes longer than {limits.wall_s:.0f} s.", hint=hint
                ) from None
            finally:
                child.kill()
        output.seek(0)
        written = output.read()
    if child.returncode == 0:
        return written
    if child.returncode == _REFUSED:
        refused = json.loads(written)
        kind = HeaderError if refused["error"] == HeaderError.__name__ else SourceError
        raise kind(refused["message"], hint=refused["hint"])
    raise SourceError(f"'{name}' {_why(child.returncode, error, limits)}.", hint=hint)


def _talk(
    child: "subprocess.Popen[bytes]",
    request: bytes,
    wall_s: float,
    cancel: threading.Event | None,
) -> bytes:
    """Hand over the request and wait for the end; returns what it wrote to standard error."""
    end_s = time.monotonic() + wall_s
    given: bytes | None = request
    while True:
        left_s = end_s - time.monotonic()
        try:
            step_s = left_s if cancel is None else min(left_s, _LOOK_S)
            return child.communicate(given, timeout=max(step_s, 0.0))[1]
        except subprocess.TimeoutExpired:
            if cancel is not None and cancel.is_set():
                raise CancelledError("Cancelled.") from None
            if time.monotonic() >= end_s:
                raise
            given = None  # continued calls go on with what is left of it


def _why(returncode: int, error: bytes, limits: ProcessLimits) -> str:
    """How a child ended, as the rest of a sentence."""
    is_memory = any(one in error for one in (b"MemoryError", b"bad_alloc", b"out of memory"))
    if is_memory or b"malloc of size" in error or b"Cannot allocate" in error:
        return f"takes more than {limits.memory_bytes >> 20:,} MB of memory to look at"
    if returncode in (-24, -9):  # SIGXCPU, and SIGKILL after it
        return f"takes longer than {limits.cpu_s} s to look at"
    if returncode == -25:  # SIGXFSZ
        return f"has rows larger than {limits.output_bytes >> 20:,} MB"
    return f"cannot be read: the reader ended ({returncode})"


def answer_limited(work: Callable[[object], bytes]) -> None:
    """The main function of a child: limit itself, read the request, and write the result.

    Args:
        work: makes the result; it imports what it needs.
    """
    memory_bytes, cpu_s, output_bytes = map(int, sys.argv[1:4])
    for kind, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, output_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    try:
        written = work(json.load(sys.stdin))
        sys.stdout.buffer.write(written)
        sys.stdout.buffer.flush()
    except SourceError as error:
        name = type(error).__name__
        refused = {"error": name, "message": error.message, "hint": error.hint}
        sys.stdout.buffer.write(json.dumps(refused).encode())
        sys.stdout.buffer.flush()
        os._exit(_REFUSED)
    # Without the libraries' farewells, which may not find memory any more.
    os._exit(0)
