"""Faults come one after the other, and what was promised is compared with the lake."""

import os
import sys
from pathlib import Path

import pytest

from phantom_core.core.errors import InputError
from phantom_core.services.soak.clock import ServicesClock
from phantom_core.services.soak.disk import BoundedDisk, bounded_disk
from phantom_core.services.soak.faults import FAULTS, schedule_faults


@pytest.mark.parametrize("seconds", [20.0, 3_600.0, 86_400.0])
def test_each_fault_is_over_before_the_next_one_begins(seconds: float) -> None:
    strikes = schedule_faults((), seconds)
    assert [one.fault.name for one in strikes] == list(FAULTS)
    ends_s = [one.at_s + one.lasts_s for one in strikes]
    begins_s = [one.at_s for one in strikes]
    assert all(end_s < begin_s for end_s, begin_s in zip(ends_s, begins_s[1:], strict=False))
    assert begins_s[0] > 0 and ends_s[-1] < seconds


def test_a_fault_may_strike_several_times() -> None:
    strikes = schedule_faults(("kill-worker", "kill-worker"), 30.0)
    assert [one.at_s for one in strikes] == [5.0, 15.0]


def test_an_unknown_fault_is_named() -> None:
    with pytest.raises(InputError, match="There is no fault 'flood'"):
        schedule_faults(("flood",), 60.0)


def test_a_soak_without_a_length_says_how_to_give_one() -> None:
    with pytest.raises(InputError, match="takes some time"):
        schedule_faults((), 0.0)


def test_a_clock_moves_from_where_it_is(tmp_path: Path) -> None:
    clock = ServicesClock(Path("/lib/libfaketime.so.1"), tmp_path / "clock")
    clock.move(600.0)
    clock.move(-60.0)
    assert (tmp_path / "clock").read_text() == "+540\n"
    assert clock.environment()["FAKETIME_TIMESTAMP_FILE"] == str(tmp_path / "clock")


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounting needs root")
def test_a_filled_disk_takes_nothing_until_it_is_freed(tmp_path: Path) -> None:
    with bounded_disk(tmp_path / "disk", 32) as disk:
        if disk is None:
            pytest.skip("this user may not mount a file system")
        assert isinstance(disk, BoundedDisk)
        disk.fill()
        with pytest.raises(OSError, match="No space"):
            (disk.folder / "one").write_bytes(b"x" * 8_192)
        disk.free()
        (disk.folder / "two").write_bytes(b"x" * 8_192)
    assert list((tmp_path / "disk").iterdir()) == []
