"""Storage says why it would take nothing, so that a service is not asked for what it cannot do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from phantom_core.core.errors import UnavailableError
from phantom_core.messages import local
from phantom_core.messages.kafka import KafkaSink
from phantom_core.messages.local import LocalSink
from phantom_core.messages.topic import EVENTS, Outgoing

ONE = [Outgoing("s", "{}")]


def test_a_full_disk_is_a_problem_until_it_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "_MEASURE_EVERY_S", 0.0)
    sink = LocalSink(tmp_path, 1 << 30)
    assert (sink.problem(), sink.state()) == ("", "local buffer")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("os.fsync", full)
        assert sink.problem() == "The buffer cannot be written: No space left on device."
        assert sink.state() == "unavailable"
    assert sink.problem() == ""
    sink.close()


def test_a_full_buffer_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_MEASURE_EVERY_S", 0.0)
    sink = LocalSink(tmp_path, 10)
    sink.append(EVENTS, ONE)
    assert sink.problem() == "The local buffer is full: 10 bytes wait for the lake."
    sink.close()


class Fenced:
    """A producer that fails for good at its first message, as the brokers told it to."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options

    def produce(self, *_: object, on_delivery: Callable[[Any, Any], None], **__: object) -> None:
        self.options["error_cb"](KafkaError(KafkaError._FENCED, "fenced", True))
        raise KafkaException(KafkaError(KafkaError._FATAL, "There is a newer producer"))

    def flush(self, _: float) -> int:
        return 0

    def purge(self) -> None:
        pass

    def list_topics(self, timeout: float) -> None:
        pass


class Well(Fenced):
    """A producer whose messages arrive."""

    def produce(self, *_: object, on_delivery: Callable[[Any, Any], None], **__: object) -> None:
        on_delivery(None, None)


def test_a_fenced_producer_is_replaced_by_another() -> None:
    kinds = iter([Fenced, Well])

    def made(options: dict[str, Any]) -> Fenced:
        return next(kinds)(options)

    sink = KafkaSink("nowhere:1", {}, made)  # type: ignore[arg-type]
    with pytest.raises(UnavailableError, match="There is a newer producer"):
        sink.append(EVENTS, ONE)
    sink.append(EVENTS, ONE)
    assert (sink.problem(), sink.state()) == ("", "connected")


def test_the_partition_of_a_session_is_that_of_other_clients() -> None:
    seen: list[dict[str, Any]] = []

    def made(options: dict[str, Any]) -> Well:
        seen.append(options)
        return Well(options)

    KafkaSink("nowhere:1", {}, made)  # type: ignore[arg-type]
    assert seen[0]["partitioner"] == "murmur2_random"
