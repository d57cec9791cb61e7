"""Contributions add up to what the model says, whatever is undefined."""

import numpy as np
import pytest

from phantom_core.core.errors import CancelledError
from phantom_core.explain import trees as module
from phantom_core.explain.shap_package import load_shap
from phantom_core.explain.trees import ExplainedTrees
from phantom_core.models.classifier import classifier_margin, fit_classifier
from tests.models.test_classifier import NAMES, rows


def explained(n_rounds: int = 20) -> ExplainedTrees:
    return ExplainedTrees(fit_classifier(rows(), n_rounds, seed=1), NAMES)


def test_base_and_contributions_add_up_to_the_margin_of_every_session() -> None:
    some, trees = rows(), explained()
    assert np.isnan(some.values).any()
    found = trees.contributions(some.values)
    np.testing.assert_allclose(
        found.output, classifier_margin(trees.booster, some.values), atol=1e-5
    )
    assert np.ptp(found.output) > 1


def test_a_session_of_which_nothing_is_known_is_explained_too() -> None:
    trees, nothing = explained(), np.full((1, len(NAMES)), np.nan, np.float32)
    np.testing.assert_allclose(
        trees.contributions(nothing).output, classifier_margin(trees.booster, nothing), atol=1e-5
    )


def test_the_base_is_the_same_whoever_is_explained() -> None:
    some, trees = rows(), explained()
    assert (
        trees.contributions(some.values[:3]).base == trees.contributions(some.values[300:400]).base
    )


def test_sessions_explained_in_chunks_are_explained_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    some, trees = rows(), explained()
    whole = trees.contributions(some.values).values
    monkeypatch.setattr(module, "CHUNK_ROWS", 7)
    np.testing.assert_array_equal(trees.contributions(some.values).values, whole)


def test_no_sessions_have_no_contributions() -> None:
    assert explained().contributions(np.empty((0, len(NAMES)), np.float32)).values.shape == (
        0,
        len(NAMES),
    )


def test_interactions_add_up_to_what_features_add() -> None:
    some, trees = rows().values[:40], explained()
    mean = trees.mean_interactions(some)
    assert mean.shape == (len(NAMES), len(NAMES))
    np.testing.assert_allclose(mean, mean.T, atol=1e-6)
    # Items and browser decide together; hovering says nothing.
    items, hover, browser = range(3)
    assert mean[items, browser] > mean[items, hover]


def test_explaining_stops_when_told() -> None:
    def stop(fraction: float, message: str, values: object = None) -> None:
        raise CancelledError("Enough.")

    with pytest.raises(CancelledError):
        explained().contributions(rows().values, stop)


def test_trees_say_what_xgboost_itself_says() -> None:
    trees, values = explained(), rows().values
    found = trees.contributions(values)
    own = trees.booster.predict(trees._matrix(values), pred_contribs=True)
    np.testing.assert_allclose(found.values, own[:, :-1], atol=1e-6)
    np.testing.assert_allclose(found.base, own[:, -1], atol=1e-6)


def test_shap_draws_a_waterfall_of_one_session() -> None:
    from matplotlib import pyplot as plt

    plt.switch_backend("Agg")
    trees, values = explained(), rows().values[:20]
    session = trees.contributions(values).to_shap(values)[3]
    drawn = load_shap().plots.waterfall(session, show=False)
    said = [label.get_text() for label in drawn.get_yticklabels()]
    plt.close(drawn.figure)
    assert any(NAMES[0] in text for text in said)
