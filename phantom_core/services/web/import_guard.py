"""The import guard: keeps libraries for training and charts out of a service's process, also where
another library would import them.

pyarrow, for one, imports pandas where it is installed, as soon as it makes an array: a second and
60 MB that no price needs.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final

UNWANTED: Final = frozenset(
    {"torch", "shap", "pandas", "stable_baselines3", "gymnasium", "streamlit", "sklearn", "xgboost"}
)


class _ImportGuard(MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name.partition(".")[0] in UNWANTED:
            raise ModuleNotFoundError(f"{name} must not be imported in this service.", name=name)
        return None


def install_import_guard() -> None:
    """From now on, importing one of UNWANTED fails in this process as if it were not installed."""
    sys.meta_path.insert(0, _ImportGuard())
