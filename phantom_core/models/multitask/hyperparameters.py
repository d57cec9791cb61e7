"""Hyperparameters of the network and of its training."""

from dataclasses import dataclass, replace
from typing import Self

from phantom_core.core.errors import InputError


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """What a training may change; the defaults are the network of the published design.

    Attributes:
        width: factor on all hidden sizes (128 → 64, 32 → 16 and the heads' 32).
        dropout: share of hidden units left out at random in training, in [0, 1).
        learning_rate: of AdamW.
        weight_decay: of AdamW.
        batch_rows: rows of a training step, at most.
        most_epochs: passes over the rows, at most.
        patience: epochs without improvement on held-out actors before a training ends.
        agent_weight, purchase_weight: of the two losses.
        learns_weights: let the training weigh the two losses by their noise, on top of these
            weights.
        without: session features that the network does not read.
    Raises:
        InputError: a value out of range.
    Source: Kendall, Gal and Cipolla 2018, Multi-task learning using uncertainty, for learned
        weights.
    """

    width: float = 1.0
    dropout: float = 0.25
    learning_rate: float = 6e-3
    weight_decay: float = 0.03
    batch_rows: int = 768
    most_epochs: int = 12
    patience: int = 3
    agent_weight: float = 1.0
    purchase_weight: float = 2.0
    learns_weights: bool = False
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        limits = {
            "width": (0.1, 8.0),
            "dropout": (0.0, 0.9),
            "learning_rate": (1e-5, 1.0),
            "weight_decay": (0.0, 10.0),
            "batch_rows": (16, 65_536),
            "most_epochs": (1, 1_000),
            "patience": (1, 1_000),
            "agent_weight": (0.0, 100.0),
            "purchase_weight": (0.0, 100.0),
        }
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise InputError(
                    f"{name} is {getattr(self, name)}.", hint=f"Use {low:g} to {high:g}."
                )
        if self.agent_weight == self.purchase_weight == 0:
            raise InputError("Both loss weights are 0.", hint="Set at least one of them above 0.")

    def for_agent_only(self) -> Self:
        """The same with the agent task alone."""
        return replace(self, purchase_weight=0.0)

    def for_purchase_only(self) -> Self:
        """The same with the purchase task alone."""
        return replace(self, agent_weight=0.0)
