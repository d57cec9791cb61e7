"""Contributions are sums and sizes, and an explanation of shap's."""

import numpy as np

from phantom_core.explain.contributions import Contributions
from phantom_core.explain.shap_package import load_shap
from tests.models.test_classifier import NAMES


def test_contributions_are_an_explanation_that_shap_can_sort_and_plot() -> None:
    values = np.array([[1.0, 0.0, 4.0], [-3.0, 0.5, 1.0]], np.float32)
    data = np.array([[5, "Chrome", None], [6, "Safari", 1.5]], object)
    found = Contributions(NAMES, values, 0.5).to_shap(data)
    assert isinstance(found, load_shap().Explanation)
    np.testing.assert_array_equal(found.base_values + found.values.sum(axis=1), [5.5, -1.0])
    by_size = found.abs.mean(0)
    assert [NAMES[i] for i in np.argsort(-by_size.values)] == [NAMES[2], NAMES[0], NAMES[1]]
    assert found[1].data.tolist() == [6, "Safari", 1.5]


def test_mean_size_counts_both_directions() -> None:
    found = Contributions(("a", "b"), np.array([[1.0, 0.0], [-3.0, 0.0]], np.float32), 0.5)
    assert found.mean_abs.tolist() == [2.0, 0.0]
    assert found.output.tolist() == [1.5, -2.5]
