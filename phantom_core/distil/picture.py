"""Picture: a tree as SVG, by Graphviz, plain or with the sessions of every node (dtreeviz)."""

import shutil
import subprocess
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.errors import UnavailableError
from phantom_core.distil.tree import SplitNode
from phantom_core.rules.evaluate import Column

DRAWN_WITHIN_S: Final = 60
# Every session is a dot in every node it passes: more of them only make drawing slower.
MAX_DOTS: Final = 1_500
# dtreeviz needs a fifth of a second a node, and more could not be read.
MAX_LEAVES: Final = 64
_FONT: Final = "DejaVu Sans"


def has_graphviz() -> bool:
    """Whether Graphviz is installed."""
    return shutil.which("dot") is not None


def svg_of(dot: str) -> str:
    """A drawing as SVG.

    Args:
        dot: text in the DOT language.
    Raises:
        UnavailableError: Graphviz is not there, or could not draw it in time.
    """
    _need_graphviz()
    try:
        drawn = subprocess.run(
            ["dot", "-Tsvg"],
            input=dot.encode(),
            capture_output=True,
            check=True,
            timeout=DRAWN_WITHIN_S,
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise UnavailableError(
            f"Graphviz could not draw the tree: {error}.", hint="Use the plain tree."
        ) from error
    text = drawn.stdout.decode()
    return text[text.index("<svg") :]


def detailed_svg(
    root: SplitNode,
    columns: Mapping[str, Column],
    markup_ratio: NDArray[np.float64],
    row: int | None = None,
) -> str:
    """The tree with the teacher's mark-ups of the sessions in every node.

    Takes seconds.

    Args:
        root: a tree with at least one split.
        columns: values by feature of some sessions, shape (n_rows,).
        markup_ratio: the teacher's, shape (n_rows,).
        row: the session whose path is highlighted; None for no path.
    Raises:
        UnavailableError: Graphviz is not there.
    """
    _need_graphviz()
    from dtreeviz.trees import DTreeVizAPI  # noqa: PLC0415 - takes seconds to import

    from phantom_core.distil.shadow import Shadow  # noqa: PLC0415 - imports dtreeviz

    shadow = Shadow(root, columns, markup_ratio)
    x = None if row is None else shadow.X_train[row]
    drawn = DTreeVizAPI(shadow).view(x=x, fontname=_FONT, orientation="LR")
    text: str = drawn.svg()
    return text[text.index("<svg") :]


def _need_graphviz() -> None:
    if not has_graphviz():
        raise UnavailableError(
            "Graphviz is not installed on this machine.",
            hint="Install it (apt install graphviz), or use the plain tree.",
        )
