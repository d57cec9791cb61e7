"""Inference trees: gradient-boosted trees evaluated by XGBoost's C library alone.

`import xgboost` takes two seconds and brings scikit-learn and pandas with it. A price needs
neither: the C function behind `Booster.inplace_predict` is called here directly, in a few
microseconds for one row.
Source: XGBoost C API, https://xgboost.readthedocs.io/en/stable/c.html (XGBoosterPredictFromDense).
"""

import ctypes
import json
import sys
import weakref
from collections.abc import Callable
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.errors import DataError
from phantom_core.models.tree_bytes import check_trees

_LIBRARIES: Final = {"darwin": "libxgboost.dylib", "win32": "xgboost.dll"}
_MARGIN: Final = json.dumps(
    {
        "type": 1,
        "training": False,
        "iteration_begin": 0,
        "iteration_end": 0,
        "missing": float("nan"),
        "strict_shape": False,
        "cache_id": 0,
    }
).encode()
_Floats = ctypes.POINTER(ctypes.c_float)


class InferenceTrees:
    """Trees that score one session at a time; not to be shared between threads.

    Args:
        content: the trees as UBJSON.
        what: named in the error.
    Raises:
        DataError: the content is not a tree model.
    """

    def __init__(self, content: bytes, what: str) -> None:
        check_trees(content, what)
        (self._library, self._predict), self._handle = _library(), ctypes.c_void_p()
        self._check(self._library.XGBoosterCreate(None, 0, ctypes.byref(self._handle)), what)
        weakref.finalize(self, self._library.XGBoosterFree, self._handle)
        # Without one, each prediction makes its own, and reads the limits of the machine for it.
        self._matrix = ctypes.c_void_p()
        self._check(self._library.XGProxyDMatrixCreate(ctypes.byref(self._matrix)), what)
        weakref.finalize(self, self._library.XGDMatrixFree, self._matrix)
        self._check(
            self._library.XGBoosterLoadModelFromBuffer(
                self._handle, content, ctypes.c_uint64(len(content))
            ),
            what,
        )
        # One row is finished before a second thread has started.
        self._check(self._library.XGBoosterSetParam(self._handle, b"nthread", b"1"), what)
        self.names: tuple[str, ...] = self._names(what)
        self._row = np.zeros((1, len(self.names)), np.float32)
        address = {
            "data": [self._row.ctypes.data, True],
            "shape": list(self._row.shape),
            "typestr": "<f4",
            "version": 3,
        }
        self._interface = json.dumps(address).encode()
        self._what = what

    def margin(self, values: NDArray[np.float32]) -> float:
        """Log-odds of one session before calibration.

        Args:
            values: encoded features, shape (n_names,), NaN where undefined.
        """
        self._row[0] = values
        shape, dimensions, result = ctypes.POINTER(ctypes.c_uint64)(), ctypes.c_uint64(), _Floats()
        code = self._predict(
            self._handle,
            self._interface,
            _MARGIN,
            self._matrix,
            ctypes.byref(shape),
            ctypes.byref(dimensions),
            ctypes.byref(result),
        )
        self._check(code, self._what)
        return float(result[0])

    def _names(self, what: str) -> tuple[str, ...]:
        """Features in the order the trees expect."""
        length, texts = ctypes.c_uint64(), ctypes.POINTER(ctypes.c_char_p)()
        code = self._library.XGBoosterGetStrFeatureInfo(
            self._handle, b"feature_name", ctypes.byref(length), ctypes.byref(texts)
        )
        self._check(code, what)
        return tuple(texts[k].decode() for k in range(length.value))

    def _check(self, code: int, what: str) -> None:
        if code:
            # The first line says why; the rest is a C++ trace.
            why = self._library.XGBGetLastError().decode(errors="replace").strip().splitlines()[0]
            raise DataError(f"{what} cannot be read by XGBoost: {why}", hint="Train again.")


@cache
def _library() -> tuple[ctypes.CDLL, Callable[..., int]]:
    found = PathFinder.find_spec("xgboost")  # found, never imported
    if found is None or found.origin is None:
        raise DataError(
            "XGBoost is not installed, so no classifier can run.",
            hint="pip install -r requirements.txt",
        )
    path = str(Path(found.origin).parent / "lib" / _LIBRARIES.get(sys.platform, "libxgboost.so"))
    library = ctypes.CDLL(path)
    library.XGBGetLastError.restype = ctypes.c_char_p
    # One row takes less time than handing Python's lock over and waiting to get it back; loading
    # trees does not, so it does not block other threads.
    return library, ctypes.PyDLL(path).XGBoosterPredictFromDense
