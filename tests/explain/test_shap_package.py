"""The package shap is there for explanations, and only once there is one."""

import subprocess
import sys


def test_screens_views_and_use_cases_of_explanations_import_no_shap() -> None:
    code = (
        "import importlib, pkgutil, sys\n"
        "import ui, phantom_core.use_cases.explanations as use_cases\n"
        "for package in (ui, use_cases):\n"
        "    for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        importlib.import_module(module.name)\n"
        "assert 'phantom_core.explain.trees' in sys.modules\n"
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
