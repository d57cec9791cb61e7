"""Program: commands that start PHANTOM's own processes, from an installation or a repository."""

import os
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_PARENT: Final = Path(__file__).resolve().parents[2]
_SHIPPED_APP: Final = _PARENT / "phantom_app" / "app.py"

APP: Final = _SHIPPED_APP if _SHIPPED_APP.exists() else _PARENT / "app.py"
"""The Streamlit script: beside the package in an installation, at the top of a repository."""


def phantom_command(*words: str) -> list[str]:
    """A verb of the command line as a child process; it needs `child_environment`.

    Args:
        words: the verb and its options.
    """
    return [*_python("phantom_core"), *words]


def streamlit_command(*options: str) -> list[str]:
    """The app as a child process; it needs `child_environment`.

    Args:
        options: of `streamlit run`.
    """
    return [*_python("streamlit"), "run", str(APP), *options]


def child_environment(environment: Mapping[str, str], *, parent: Path = _PARENT) -> dict[str, str]:
    """Variables with which a child process finds the package that the parent process runs.

    Args:
        environment: of the parent process.
        parent: folder that holds the package.
    Returns:
        The same, with that folder on PYTHONPATH unless Python finds packages there by itself; in a
        repository nothing is installed.

    >>> child_environment({"PYTHONPATH": "/shop"}, parent=Path("/src/phantom"))["PYTHONPATH"]
    '/src/phantom:/shop'
    """
    if str(parent) in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        return dict(environment)
    paths = [str(parent), *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    return {**environment, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


def _python(module: str) -> tuple[str, ...]:
    # -P: a file random.py in the current folder must not replace the standard library's.
    return (sys.executable, "-P", "-m", module)
