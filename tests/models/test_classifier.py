"""The classifier learns the signal, reproducibly, and stops when cancelled."""

import numpy as np
import pyarrow as pa
import pytest

from phantom_core.core.errors import CancelledError
from phantom_core.models.classifier import (
    Classifier,
    LabelledRows,
    classifier_margin,
    fit_classifier,
    fit_classifier_early,
)
from phantom_core.models.cross_fit import cross_fit
from phantom_core.models.curves import Platt
from phantom_core.models.splits import make_folds

NAMES = ("item_views", "hover_intensity", "browser_family")


def rows(n: int = 600, seed: int = 0) -> LabelledRows:
    """Agents view many items with browser 2, hovering is noise, a tenth is undefined.

    Three sessions per actor.
    """
    rng = np.random.default_rng(seed)
    groups = np.arange(n) // 3
    is_agent = groups % 2 == 0
    values = np.column_stack(
        [
            rng.poisson(4 + 4 * is_agent),
            rng.random(n),
            np.where(rng.random(n) < 0.6, 2 * is_agent, 1),
        ]
    )
    values[rng.random(values.shape) < 0.1] = np.nan
    return LabelledRows(values.astype(np.float32), NAMES, is_agent, groups)


def split(some: LabelledRows) -> np.ndarray:
    return make_folds(some.groups, some.is_agent, 3, np.random.default_rng(1))


def test_out_of_fold_margins_separate_agents_from_humans() -> None:
    some = rows()
    fitted = cross_fit(some, split(some), seed=1)
    assert fitted.margin[some.is_agent].mean() > 1 > -1 > fitted.margin[~some.is_agent].mean()


def test_labels_without_meaning_are_not_learned() -> None:
    some = rows()
    rng = np.random.default_rng(3)
    shuffled = LabelledRows(
        some.values, NAMES, np.repeat(rng.permutation(some.is_agent[::3]), 3), some.groups
    )
    fitted = cross_fit(shuffled, split(shuffled), seed=1)
    agent, human = fitted.margin[shuffled.is_agent], fitted.margin[~shuffled.is_agent]
    assert (agent[:, None] > human).mean() == pytest.approx(0.5, abs=0.08)


def test_the_same_seed_gives_the_same_trees() -> None:
    trees = [bytes(fit_classifier_early(rows(), seed=7).save_raw("ubj")) for _ in range(2)]
    assert trees[0] == trees[1]


def test_a_session_is_scored_by_the_model_that_did_not_see_it() -> None:
    some = rows()
    fold = split(some)
    fitted = cross_fit(some, fold, seed=1)
    for k, booster in enumerate(fitted.boosters):
        alone = fit_classifier_early(some[fold != k], seed=1 + k)
        np.testing.assert_array_equal(
            classifier_margin(booster, some.values), classifier_margin(alone, some.values)
        )
        np.testing.assert_array_equal(
            fitted.margin[fold == k], classifier_margin(alone, some.values[fold == k])
        )


def test_rows_excluded_from_training_change_no_model() -> None:
    some = rows()
    excluded = some.groups < 40
    other = LabelledRows(
        np.where(excluded[:, None], 99, some.values).astype(np.float32),
        NAMES,
        some.is_agent,
        some.groups,
    )
    first, second = (cross_fit(x, split(some), seed=1, may_learn=~excluded) for x in (some, other))
    np.testing.assert_array_equal(first.margin[~excluded], second.margin[~excluded])
    assert np.isfinite(first.margin[excluded]).all()


def test_features_that_are_null_throughout_do_no_harm() -> None:
    some = rows()
    empty = LabelledRows(
        np.column_stack([some.values, np.full(600, np.nan)]).astype(np.float32),
        (*NAMES, "cart_adds"),
        *_labels(some),
    )
    assert np.isfinite(cross_fit(empty, split(some), seed=1).margin).all()


def _labels(some: LabelledRows) -> tuple[np.ndarray, np.ndarray]:
    return some.is_agent, some.groups


def test_cancelling_ends_the_training_in_the_middle_of_a_fold() -> None:
    messages = []

    def cancel(fraction: float, message: str, values: object = None) -> None:
        messages.append(message)
        if message == "fold 2 of 3, round 25":
            raise CancelledError("Cancelled.")

    with pytest.raises(CancelledError):
        cross_fit(rows(), split(rows()), seed=1, progress=cancel)
    assert messages[-1] == "fold 2 of 3, round 25"


def test_a_classifier_reads_its_own_columns_of_a_table_in_any_order() -> None:
    some = rows()
    classifier = Classifier(fit_classifier(some, 20, seed=1), NAMES, Platt(1, 0), 0.5)
    table = pa.table(
        {
            "extra": pa.array(["x", "y"]),
            "browser_family": pa.array(["Safari", None]),
            "hover_intensity": pa.array([0.5, None]),
            "item_views": pa.array([12, None], pa.int64()),
        }
    )
    expected = classifier_margin(
        classifier.booster, np.array([[12, 0.5, 2], [np.nan] * 3], dtype=np.float32)
    )
    assert classifier.agent_probability(table) == pytest.approx(1 / (1 + np.exp(-expected)))
    assert len(classifier.agent_probability(table.slice(0, 0))) == 0
