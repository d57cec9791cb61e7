"""Rows to learn from: offers with what became of them, and whole sessions with who they were."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phantom_core.models.multitask.inputs import Inputs


@dataclass(frozen=True, slots=True, eq=False)
class LearningRows:
    """What a network learns from; a label may be missing, and its loss then skips the row.

    Attributes:
        inputs: n rows.
        is_agent: 1, 0, or NaN where nobody knows, shape (n,).
        bought: 1, 0, or NaN where nothing was offered, shape (n,).
        actor: who is behind it, shape (n,); actors are kept apart, not rows.
    """

    inputs: Inputs
    is_agent: NDArray[np.float32]
    bought: NDArray[np.float32]
    actor: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, rows: NDArray[np.bool_]) -> "LearningRows":
        return LearningRows(
            self.inputs[rows], self.is_agent[rows], self.bought[rows], self.actor[rows]
        )
