"""Lean: a service's process stays without the libraries of learning and drawing, also where another
library would import them by the way.

pyarrow, for one, imports pandas when it is there, as soon as it makes an array: a second and 60 MB
that no price needs.
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


class _Refusal(MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name.partition(".")[0] in UNWANTED:
            raise ModuleNotFoundError(f"{name} is kept out of this service.", name=name)
        return None


def stay_lean() -> None:
    """From now on, importing one of UNWANTED fails in this process as if it were not installed."""
    sys.meta_path.insert(0, _Refusal())
