"""Segments: what was acknowledged is there, whatever happened to its writer."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_core.messages import segments as module
from phantom_core.messages.segments import (
    SegmentWriter,
    is_finished,
    line_of,
    list_segments,
    read_records,
)


def values(folder: Path) -> list[bytes]:
    return [
        record.value
        for path in list_segments(folder)
        for record in read_records(path.read_bytes(), 0)
        if record.is_whole
    ]


@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20)),
    cut=st.integers(0, 400),
)
def test_a_torn_file_gives_its_whole_records(texts: list[str], cut: int) -> None:
    lines = [line_of(text, 7 + i) for i, text in enumerate(texts)]
    content = b"".join(lines)[:cut]
    n_whole = sum(len(b"".join(lines[: i + 1])) <= cut for i in range(len(lines)))
    found = list(read_records(content, 100))
    assert [record.value for record in found] == [
        text.replace("\r", " ").replace("\n", " ").encode() for text in texts[:n_whole]
    ]
    assert [record.at for record in found] == [
        100 + len(b"".join(lines[:i])) for i in range(n_whole)
    ]
    assert [record.accepted_us for record in found] == [7 + i for i in range(n_whole)]


def test_a_changed_byte_is_noticed() -> None:
    line = bytearray(line_of('{"a": 1}', 5))
    line[-4] ^= 1
    assert [record.is_whole for record in read_records(bytes(line), 0)] == [False]


def test_moments_of_one_writer_rise(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path)
    writer.append(["{}"] * 500)
    writer.close()
    moments = [
        record.accepted_us for record in read_records(list_segments(tmp_path)[0].read_bytes(), 0)
    ]
    assert moments == sorted(set(moments))


def test_a_full_segment_is_followed_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST_BYTES", 10)
    writer = SegmentWriter(tmp_path)
    for i in range(3):
        writer.append([str(i)])
    first, *_, last = list_segments(tmp_path)
    assert len(list_segments(tmp_path)) == 3
    assert is_finished(first)
    assert not is_finished(last)
    writer.close()
    assert is_finished(last)
    assert values(tmp_path) == [b"0", b"1", b"2"]


def test_a_clock_that_is_set_back_leaves_segments_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST_BYTES", 1)
    writer = SegmentWriter(tmp_path)
    writer.append(["1"])
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000_000)
    writer.append(["2"])
    first, second = list_segments(tmp_path)
    assert (is_finished(first), is_finished(second)) == (True, False)
    assert values(tmp_path) == [b"1", b"2"]
    writer.close()


def test_a_disk_that_takes_nothing_loses_nothing_that_was_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = SegmentWriter(tmp_path)
    writer.append(["kept"])

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", full)
        with pytest.raises(OSError, match="No space"):
            writer.append(["lost"])
    writer.append(["kept too"])
    writer.close()
    assert values(tmp_path) == [b"kept", b"kept too"]


def test_a_killed_writer_lets_go_of_its_segment(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from phantom_core.messages.segments import "
        "SegmentWriter\n"
        "w = SegmentWriter(Path(sys.argv[1])); w.append(['safe']); print('up', flush=True); "
        "time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout and process.stdout.readline()
        [path] = list_segments(tmp_path)
        assert not is_finished(path)
        process.kill()
    assert is_finished(path)
    assert values(tmp_path) == [b"safe"]


def test_records_are_synchronised_as_often_as_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s, synced = [100.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now_s[0])
    monkeypatch.setattr(os, "fdatasync", lambda _: synced.append(now_s[0]))
    writer = SegmentWriter(tmp_path, oldest_s=5.0, sync_every_s=1.0)
    for now_s[0], records in (
        (100.0, ["a"]),
        (100.5, ["b"]),
        (101.0, []),
        (103.0, []),
        (104.0, ["c"]),
        (104.5, ["d"]),
        (105.5, []),
    ):
        writer.append(records)
    assert synced == [101.0, 104.0, 105.5]
    assert is_finished(list_segments(tmp_path)[0])
    assert values(tmp_path) == [b"a", b"b", b"c", b"d"]
    writer.append([])
    assert len(list_segments(tmp_path)) == 1


def test_a_new_segment_is_kept_by_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, fsync = [], os.fsync

    def note(descriptor: int) -> None:
        is_folder = os.path.samestat(os.fstat(descriptor), tmp_path.stat())
        synced.append((is_folder, len(list_segments(tmp_path))))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    writer = SegmentWriter(tmp_path, sync_every_s=60.0)
    writer.append(["a"])
    writer.append(["b"])
    assert synced == [(True, 1)]
    writer.close()
