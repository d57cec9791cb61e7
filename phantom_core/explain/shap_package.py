"""The package shap, loaded with the first explanation: with numba it takes a second to import and
100 MB, which a page, a job or a command that explains nothing never pays.
"""

import warnings
from functools import cache
from types import ModuleType


@cache
def load_shap() -> ModuleType:
    """The package; everything that uses shap gets it here."""
    with warnings.catch_warnings():
        # Its colour maps set colours by calls that matplotlib is going to take away.
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        import shap  # noqa: PLC0415 - loaded with the first explanation
    package: ModuleType = shap
    return package
