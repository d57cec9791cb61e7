"""Intervals of shares account for sessions clustered by actor."""

import pytest

from phantom_core.core.estimate import wilson_interval
from phantom_core.views.workspace.shares import Actors, clustered_share


def test_without_sessions_there_is_no_share() -> None:
    assert clustered_share([]) is None


def test_actors_with_one_session_each_have_the_interval_of_wilson() -> None:
    share = clustered_share([Actors(1, 1, 40), Actors(0, 1, 60)])
    assert share is not None
    assert (share.value, share.n) == (0.4, 100)
    assert (share.low, share.high) == pytest.approx(wilson_interval(0.4, 100), abs=0.002)


def test_sessions_of_the_same_actors_widen_the_interval() -> None:
    alone = clustered_share([Actors(1, 1, 50), Actors(0, 1, 50)])
    together = clustered_share([Actors(10, 10, 5), Actors(0, 10, 5)])
    assert alone is not None and together is not None
    assert together.value == alone.value
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_a_unanimous_answer_is_not_certain() -> None:
    share = clustered_share([Actors(4, 4, 10)])
    assert share is not None
    assert (share.value, share.high) == (1.0, pytest.approx(1.0))
    assert share.low == pytest.approx(wilson_interval(1.0, 10)[0])


def test_intervals_stay_between_0_and_1() -> None:
    assert wilson_interval(0.0, 1)[0] == 0.0
    assert wilson_interval(1.0, 1)[1] == 1.0
