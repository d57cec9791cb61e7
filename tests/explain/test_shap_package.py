"""The package shap is there for explanations, and only once there is one."""

import subprocess
import sys

import numpy as np

from phantom_core.explain.contributions import Contributions
from phantom_core.explain.shap_package import load_shap
from tests.explain.test_contributions import explained
from tests.models.test_classifier import NAMES, rows


def test_screens_views_and_use_cases_of_explanations_import_no_shap() -> None:
    code = (
        "import importlib, pkgutil, sys\n"
        "import ui, phantom_core.use_cases.explanations as use_cases\n"
        "for package in (ui, use_cases):\n"
        "    for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        importlib.import_module(module.name)\n"
        "assert 'phantom_core.explain.contributions' in sys.modules\n"
        "print([name for name in ('shap', 'numba', 'llvmlite') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_importing_it_warns_of_nothing() -> None:
    code = (
        "import sys\n"
        "from phantom_core.explain.shap_package import load_shap\n"
        "assert load_shap() is load_shap() is sys.modules['shap']\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_trees_say_what_xgboost_itself_says() -> None:
    trees, values = explained(), rows().values
    found = trees.contributions(values)
    own = trees.booster.predict(trees._matrix(values), pred_contribs=True)
    np.testing.assert_allclose(found.values, own[:, :-1], atol=1e-6)
    np.testing.assert_allclose(found.base, own[:, -1], atol=1e-6)


def test_contributions_are_an_explanation_that_shap_can_sort_and_plot() -> None:
    values = np.array([[1.0, 0.0, 4.0], [-3.0, 0.5, 1.0]], np.float32)
    data = np.array([[5, "Chrome", None], [6, "Safari", 1.5]], object)
    found = Contributions(NAMES, values, 0.5).to_shap(data)
    assert isinstance(found, load_shap().Explanation)
    np.testing.assert_array_equal(found.base_values + found.values.sum(axis=1), [5.5, -1.0])
    by_size = found.abs.mean(0)
    assert [NAMES[i] for i in np.argsort(-by_size.values)] == [NAMES[2], NAMES[0], NAMES[1]]
    assert found[1].data.tolist() == [6, "Safari", 1.5]


def test_shap_draws_a_waterfall_of_one_session() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    trees, values = explained(), rows().values[:20]
    drawn = load_shap().plots.waterfall(trees.contributions(values).to_shap(values)[3], show=False)
    said = [label.get_text() for label in drawn.get_yticklabels()]
    assert any(NAMES[0] in text for text in said)
