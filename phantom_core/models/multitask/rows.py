"""Training rows: offers with their outcomes, and whole sessions with their labels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phantom_core.models.multitask.inputs import Inputs


@dataclass(frozen=True, slots=True, eq=False)
class LearningRows:
    """Rows to train a network on; the loss of a task skips rows without its label.

    Attributes:
        inputs: n rows.
        is_agent: 1, 0, or NaN where unlabelled, shape (n,).
        bought: 1, 0, or NaN where nothing was offered, shape (n,).
        actor: actor behind each row, shape (n,); splits are by actor.
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
