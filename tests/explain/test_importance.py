"""Importance by feature and family, with an interval over folds, by hand."""

import numpy as np
import pytest

from phantom_core.explain.contributions import Contributions
from phantom_core.explain.importance import Importance, family_importance, feature_importance
from phantom_core.explain.stability import measure_stability

NAMES = ("page_views", "item_views", "browser_family")


def said(*rows: tuple[float, float, float]) -> Contributions:
    return Contributions(NAMES, np.array(rows, np.float32), 0.0)


def ranked(**sizes: float) -> tuple[Importance, ...]:
    return tuple(Importance(name, "behavioural", size, None, None) for name, size in sizes.items())


def test_the_feature_that_moves_the_output_most_comes_first() -> None:
    found = feature_importance(said((1, -4, 0), (1, 2, 0)), [])
    assert [(row.name, row.family, row.mean_abs) for row in found] == [
        ("item_views", "behavioural", 3.0),
        ("page_views", "behavioural", 1.0),
        ("browser_family", "user_agent", 0.0),
    ]
    assert found[0].low is None


def test_what_cancels_within_a_family_does_not_count_for_it() -> None:
    by_family = {
        row.name: row.mean_abs for row in family_importance(said((3, -3, 1), (1, 1, -1)), [])
    }
    assert by_family == {"behavioural": 1.0, "user_agent": 1.0}


def test_the_interval_is_students_t_over_the_folds_and_stays_above_nothing() -> None:
    found = feature_importance(said((1, 0, 0)), [said((1, 0, 0)), said((2, 0, 0)), said((3, 0, 0))])
    first = found[0]
    assert first.high == pytest.approx(1 + 4.3027 * 1.0, abs=1e-3)
    assert first.low == 0.0
    assert (found[1].low, found[1].high) == (0.0, 0.0)


def test_the_same_model_is_perfectly_stable() -> None:
    found = measure_stability(ranked(a=3.0, b=2.0, c=1.0), ranked(a=6.0, b=4.0, c=2.0))
    assert found.rank_correlation == pytest.approx(1.0)
    assert [(shift.name, shift.first_rank, shift.second_rank) for shift in found.shifts] == [
        ("a", 1, 1),
        ("b", 2, 2),
        ("c", 3, 3),
    ]


def test_a_model_turned_upside_down_is_not_stable_at_all() -> None:
    assert measure_stability(
        ranked(a=3.0, b=2.0, c=1.0), ranked(a=1.0, b=2.0, c=3.0)
    ).rank_correlation == pytest.approx(-1.0)


def test_a_feature_one_model_does_not_read_moves_it_by_nothing() -> None:
    found = measure_stability(ranked(a=3.0, b=2.0), ranked(a=3.0))
    assert {shift.name: shift.second for shift in found.shifts} == {"a": 3.0, "b": 0.0}


def test_models_that_rely_on_nothing_have_no_correlation() -> None:
    assert measure_stability(ranked(a=0.0, b=0.0), ranked(a=1.0, b=2.0)).rank_correlation is None
    assert measure_stability((), ()).rank_correlation is None
