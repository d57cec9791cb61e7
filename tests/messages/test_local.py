"""The local buffer: messages are read in order, and all of them after a commit."""

from pathlib import Path

import pytest

from phantom_core.core.errors import BusyError, NotFoundError, UnavailableError
from phantom_core.messages import local
from phantom_core.messages.local import (
    LocalReader,
    LocalSink,
    drained_position,
    last_messages,
    waiting_messages,
)
from phantom_core.messages.segments import SegmentWriter, list_segments
from phantom_core.messages.topic import EVENTS, QUOTES, Outgoing

ROOMY = 1 << 30


def out(*texts: str) -> list[Outgoing]:
    return [Outgoing("s", text) for text in texts]


def polled(reader: LocalReader, most: int = 100) -> list[bytes]:
    return [message.value for message in reader.poll(most, 0)]


def test_what_was_not_committed_comes_again(tmp_path: Path) -> None:
    sink, reader = LocalSink(tmp_path, ROOMY), LocalReader(tmp_path)
    sink.append(EVENTS, out("1", "2"))
    sink.append(QUOTES, out("q"))
    assert polled(reader) == [b"1", b"2", b"q"]
    reader.commit()
    sink.append(EVENTS, out("3"))
    assert polled(reader) == [b"3"]
    reader.close()
    assert polled(LocalReader(tmp_path)) == [b"3"]
    sink.close()


def test_no_topic_waits_for_the_other(tmp_path: Path) -> None:
    sink, reader = LocalSink(tmp_path, ROOMY), LocalReader(tmp_path)
    sink.append(EVENTS, out(*map(str, range(10))))
    sink.append(QUOTES, out("q"))
    assert polled(reader, 3) == [b"0", b"1", b"2", b"q"]
    assert polled(reader, 100) == [str(i).encode() for i in range(3, 10)]
    sink.close()


def test_one_reader_at_a_time(tmp_path: Path) -> None:
    sink, first, second = LocalSink(tmp_path, ROOMY), LocalReader(tmp_path), LocalReader(tmp_path)
    sink.append(EVENTS, out("1"))
    assert polled(first) == [b"1"]
    assert polled(second) == []
    first.commit()
    first.close()
    sink.append(EVENTS, out("2"))
    assert polled(second) == [b"2"]
    sink.close()


def test_lag_is_what_was_not_read(tmp_path: Path) -> None:
    sink, reader = LocalSink(tmp_path, ROOMY), LocalReader(tmp_path)
    sink.append(EVENTS, out("1"))
    polled(reader)
    assert set(reader.lag().values()) == {0}
    assert waiting_messages(tmp_path)[EVENTS] > 0  # not in the lake yet
    reader.commit()
    assert waiting_messages(tmp_path)[EVENTS] == 0
    sink.append(EVENTS, out("2"))
    assert reader.lag()[EVENTS, ""] > 0
    sink.close()


def test_a_torn_end_of_a_writer_that_is_gone_is_passed_over(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path / EVENTS)
    writer.append(["safe"])
    [path] = list_segments(tmp_path / EVENTS)
    with path.open("ab") as stream:
        stream.write(b"01234567 00000")
    reader = LocalReader(tmp_path)
    assert polled(reader) == [b"safe"]
    assert polled(reader) == []
    assert reader.lag()[EVENTS, ""] > 0  # its writer may still finish it
    writer.close()
    assert polled(reader) == []
    assert reader.lag()[EVENTS, ""] == 0


def test_a_damaged_record_says_so_and_costs_no_other(tmp_path: Path) -> None:
    sink = LocalSink(tmp_path, ROOMY)
    sink.append(EVENTS, out("one", "two"))
    [path] = list_segments(tmp_path / EVENTS)
    path.write_bytes(path.read_bytes().replace(b"one", b"oNe"))
    found = LocalReader(tmp_path).poll(10, 0)
    assert [(message.problem, message.value[-3:]) for message in found] == [
        ("damaged_record", b"oNe"),
        ("", b"two"),
    ]
    sink.close()


def test_a_full_buffer_takes_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_MEASURE_EVERY_S", 0)
    sink = LocalSink(tmp_path, 100)
    sink.append(EVENTS, out("x" * 100))
    with pytest.raises(BusyError, match="wait for the lake"):
        sink.append(EVENTS, out("y"))
    reader = LocalReader(tmp_path)
    polled(reader)
    reader.commit()
    sink.append(EVENTS, out("z"))
    sink.close()


def test_a_disk_that_fails_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = LocalSink(tmp_path, ROOMY)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SegmentWriter, "append", full)
    with pytest.raises(UnavailableError, match="No space left"):
        sink.append(EVENTS, out("x"))
    sink.close()


def test_read_segments_are_removed_when_they_take_too_much_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(3):
        writer = SegmentWriter(tmp_path / EVENTS)
        writer.append([str(i)])
        writer.close()
    reader = LocalReader(tmp_path)
    polled(reader)
    reader.commit()
    assert len(list_segments(tmp_path / EVENTS)) == 3
    monkeypatch.setattr(local, "RETAINED_BYTES", 40)
    reader.commit()
    assert [path.read_bytes()[-2:] for path in list_segments(tmp_path / EVENTS)] == [b"2\n"]
    assert set(drained_position(tmp_path)) >= {
        f"{EVENTS}/{path.name}" for path in list_segments(tmp_path / EVENTS)
    }


def test_the_last_messages_are_the_newest_of_all_writers(tmp_path: Path) -> None:
    one, two = SegmentWriter(tmp_path / EVENTS), SegmentWriter(tmp_path / EVENTS)
    for i in range(6):
        (one, two)[i % 2].append([str(i)])
    assert last_messages(tmp_path, EVENTS, 4) == [b"2", b"3", b"4", b"5"]
    assert last_messages(tmp_path, EVENTS, 100) == [b"0", b"1", b"2", b"3", b"4", b"5"]
    assert last_messages(tmp_path, QUOTES, 4) == []
    with pytest.raises(NotFoundError, match="no topic 'x'"):
        last_messages(tmp_path, "x", 1)
    one.close()
    two.close()
