"""The canary has the same sessions on every machine, the right share, and others per salt."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_core.publishing.canary import in_canary

N = 100_000


def members(salt: str, share: float) -> np.ndarray:
    return np.array([in_canary(f"session-{n}", salt, share) for n in range(N)])


@pytest.mark.slow
def test_ten_percent_of_sessions_are_in_it_within_sampling_error() -> None:
    for salt in ("a", "b", "release-7"):
        assert abs(members(salt, 0.1).mean() - 0.1) < 4 * np.sqrt(0.1 * 0.9 / N)


def test_another_salt_draws_independently() -> None:
    one, other = members("a", 0.1), members("b", 0.1)
    assert abs((one & other).mean() - 0.01) < 4 * np.sqrt(0.01 * 0.99 / N)


def test_a_larger_share_keeps_those_who_were_in() -> None:
    assert not (members("a", 0.1) & ~members("a", 0.25)).any()


def test_a_session_is_placed_as_it_was_when_this_was_written() -> None:
    assert [n for n in range(12) if in_canary(f"s{n}", "salt", 0.5)] == [0, 1, 3, 4, 7, 11]


@given(st.text(), st.text())
def test_a_share_of_none_and_of_all(session_id: str, salt: str) -> None:
    assert not in_canary(session_id, salt, 0.0)
    assert in_canary(session_id, salt, 1.0)
