"""The queue puts unsure, dear and new sessions first."""

import numpy as np

from phantom_core.labelling.label_queue import order_by_worth

RNG = np.random.default_rng(0)


def queue(
    values: list[list[float]],
    probability: list[float],
    at_stake: list[float],
    known: list[bool],
    n_wanted: int = 10,
) -> list[int]:
    return order_by_worth(
        np.array(values, np.float32),
        np.array(probability),
        np.array(at_stake),
        np.array(known),
        n_wanted,
        np.random.default_rng(0),
    ).row.tolist()


def test_an_unsure_session_goes_before_a_sure_one() -> None:
    assert queue([[0, 0], [1, 1]], [0.99, 0.5], [10, 10], [False, False])[0] == 1


def test_a_dear_session_goes_before_a_cheap_one() -> None:
    assert queue([[0, 0], [1, 1]], [0.5, 0.5], [500, 5], [False, False])[0] == 0


def test_a_session_like_a_labelled_one_goes_last() -> None:
    values = [[0, 0], [0, 0], [9, 9]]
    assert queue(values, [0.5] * 3, [10] * 3, [True, False, False]) == [2, 1]


def test_the_second_of_two_alike_waits_for_another_kind() -> None:
    values = [[5, 5], [5, 5], [0, 9]]
    order = queue(values, [0.5, 0.5, 0.45], [10] * 3, [False] * 3)
    assert set(order[:2]) != {0, 1}


def test_labelled_sessions_are_never_asked_for_and_undefined_values_are_no_problem() -> None:
    values = [[np.nan, 1], [2, np.nan], [np.nan, np.nan]]
    assert sorted(queue(values, [0.5] * 3, [np.nan, 0, 5], [False, True, False])) == [0, 2]
