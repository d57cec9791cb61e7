"""No actor is on both sides of a split."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phantom_core.core.errors import DataError, InputError
from phantom_core.models.splits import actor_codes, check_n_folds, make_folds


def folds_of(groups: list[int], is_agent: list[bool], n_folds: int = 3) -> list[int]:
    return make_folds(
        np.array(groups), np.array(is_agent), n_folds, np.random.default_rng(1)
    ).tolist()


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=60),
    st.integers(2, 5),
    st.integers(0, 9),
)
def test_an_actor_is_never_in_two_folds_and_every_fold_has_both_classes(
    rows: list[tuple[int, bool]], n_folds: int, seed: int
) -> None:
    pure = [(100 + i, i % 2 == 0) for i in range(2 * n_folds)]
    groups, is_agent = (np.array(column) for column in zip(*rows, *pure, strict=True))
    fold = make_folds(groups, is_agent, n_folds, np.random.default_rng(seed))
    assert all(len(set(fold[groups == group])) == 1 for group in set(groups.tolist()))
    assert all(set(is_agent[fold == k].tolist()) == {True, False} for k in range(n_folds))


def test_folds_of_lone_sessions_have_the_same_size_and_mix() -> None:
    fold = np.array(folds_of(list(range(30)), [i < 12 for i in range(30)]))
    assert np.bincount(fold).tolist() == [10, 10, 10]
    assert np.bincount(fold[:12]).tolist() == [4, 4, 4]


def test_the_largest_actor_fills_a_fold_of_its_own() -> None:
    fold = folds_of([0] * 8 + [1, 2, 3, 4] + [5, 6, 7], [True] * 12 + [False] * 3)
    assert fold[0] not in fold[8:12]


def test_a_class_with_fewer_actors_than_folds_is_refused_with_the_counts() -> None:
    with pytest.raises(DataError, match="name 4 human and 2 agent actors") as refusal:
        folds_of([0, 0, 0, 1, 2, 3, 4, 5], [True, True, True, True, False, False, False, False])
    assert "more agents" in refusal.value.hint


def test_two_folds_are_refused() -> None:
    with pytest.raises(InputError, match="2 folds were requested"):
        check_n_folds(2)


def test_an_actor_is_an_experiment_or_else_a_session() -> None:
    sessions = pa.table(
        {"session_id": ["a", "b", "c", "d"], "experiment_id": pa.array(["x", "x", None, "c"])}
    )
    number = actor_codes(sessions).tolist()
    assert number[0] == number[1]
    assert len(set(number)) == 3


def test_a_subject_is_one_actor_in_all_their_experiments() -> None:
    sessions = pa.table(
        {"session_id": ["a", "b", "c", "d"], "experiment_id": pa.array(["x", "y", "y", None])}
    )
    number = actor_codes(
        sessions, pa.chunked_array([["ann", "ann", None, None]], pa.string())
    ).tolist()
    assert number[0] == number[1]
    assert len(set(number)) == 3


def test_sessions_without_any_experiment_are_all_actors_of_their_own() -> None:
    sessions = pa.table(
        {"session_id": ["a", "b"], "experiment_id": pa.array([None, None], pa.string())}
    )
    assert len(set(actor_codes(sessions).tolist())) == 2
