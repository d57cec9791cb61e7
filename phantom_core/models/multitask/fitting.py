"""Fitting: weights that make few surprises on both tasks, and no more passes over the rows than
help on other actors.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from phantom_core.core.progress import Progress, no_progress
from phantom_core.models.multitask.description import Architecture
from phantom_core.models.multitask.epochs import Epoch, Losses, report_pass
from phantom_core.models.multitask.hyperparameters import Hyperparameters
from phantom_core.models.multitask.inputs import Inputs
from phantom_core.models.multitask.network import Dropout, Network
from phantom_core.models.multitask.rows import LearningRows
from phantom_core.models.torch_threads import one_thread, repeatable_torch

# One actor in so many decides when to stop.
ASIDE_PARTS: Final = 6
_LEAST_GAIN: Final = 1e-4
# Before this many passes a better loss aside is luck.
_LEAST_EPOCHS: Final = 4
# Share of the averaged weights that one step keeps: about the last hundred steps count.
_MEMORY: Final = 0.97
# With few rows batches are smaller, so that a pass still takes so many steps.
_LEAST_STEPS: Final = 24
_LEAST_BATCH: Final = 32
_FREE: Final = ("slopes.weight", "slopes.bias")


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A network and how it came to be.

    Attributes:
        network: in evaluation mode, with the weights of the best pass.
        n_epochs: number of that pass.
        passes: all passes made.
    """

    network: Network
    n_epochs: int
    passes: tuple[Epoch, ...]


def fit_network_early(
    rows: LearningRows,
    chosen: Hyperparameters,
    *,
    has_price: bool,
    seed: int,
    progress: Progress = no_progress,
) -> Fitted:
    """Train until actors kept aside are predicted no better.

    Args:
        rows: to learn from and to stop by.
        chosen: sizes, weights and pace.
        has_price: whether prices varied enough to learn from.
        seed: of everything random.
        progress: told after every pass.
    """
    parts = (
        np.random.default_rng(seed).permutation(int(rows.actor.max(initial=0)) + 1) % ASIDE_PARTS
    )
    is_aside = parts[rows.actor] == 0
    if is_aside.all() or not is_aside.any():
        is_aside = np.arange(len(rows)) % ASIDE_PARTS == 0
    return _Training(rows[~is_aside], rows[is_aside], chosen, has_price, seed).go(progress)


def fit_network(
    rows: LearningRows,
    chosen: Hyperparameters,
    n_epochs: int,
    *,
    has_price: bool,
    seed: int,
    progress: Progress = no_progress,
) -> Fitted:
    """Train on every row for a known number of passes.

    Args:
        rows: to learn from.
        chosen: sizes, weights and pace.
        n_epochs: as found by early stopping on other rows.
        has_price: whether prices varied enough to learn from.
        seed: of everything random.
        progress: told after every pass.
    """
    return _Training(rows, None, chosen, has_price, seed).go(progress, n_epochs)


@dataclass(frozen=True, slots=True, eq=False)
class _Tensors:
    """Rows as tensors, standardised."""

    session: Tensor
    product: Tensor
    log_ratio: Tensor
    is_agent: Tensor
    bought: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, rows: LearningRows, network: Network) -> "_Tensors":
        inputs = rows.inputs
        arrays = (inputs.session, inputs.product, inputs.log_ratio, rows.is_agent, rows.bought)
        session, product, *others = (
            torch.from_numpy(np.ascontiguousarray(array, np.float32)) for array in arrays
        )
        return cls(*network.standardised(session, product), *others)

    def take(self, at: Tensor) -> "_Tensors":
        return _Tensors(
            self.session[at],
            self.product[at],
            self.log_ratio[at],
            self.is_agent[at],
            self.bought[at],
        )


class _Training:
    """Passes over the rows.

    Source: Tarvainen and Valpola 2017, Mean teachers are better role models, for averaged weights.
    """

    def __init__(
        self,
        rows: LearningRows,
        aside: LearningRows | None,
        chosen: Hyperparameters,
        has_price: bool,
        seed: int,
    ) -> None:
        self.chosen, self.generator = chosen, torch.Generator().manual_seed(seed)
        self.network = _new_network(
            Architecture(chosen.width, chosen.dropout, has_price), rows.inputs, seed
        )
        # Averaged weights jump less from step to step, so that few labels can tell when to stop.
        self.averaged = AveragedModel(self.network, multi_avg_fn=get_ema_multi_avg_fn(_MEMORY))  # type: ignore[no-untyped-call]
        for module in self.network.modules():
            if isinstance(module, Dropout):
                module.generator = self.generator
        self.rows = _Tensors.of(rows, self.network)
        self.aside = _Tensors.of(aside, self.network) if aside is not None else None
        self.log_variance = nn.Parameter(torch.zeros(2), requires_grad=chosen.learns_weights)
        free = [value for name, value in self.network.named_parameters() if name in _FREE]
        groups: list[dict[str, object]] = [
            {
                "params": [
                    value for name, value in self.network.named_parameters() if name not in _FREE
                ]
            },
            # Shrinking these would make everybody mind the price alike.
            {
                "params": [*free, *([self.log_variance] if chosen.learns_weights else [])],
                "weight_decay": 0.0,
            },
        ]
        self.optimizer = torch.optim.AdamW(
            groups, lr=chosen.learning_rate, weight_decay=chosen.weight_decay
        )

    def go(self, progress: Progress, n_epochs: int | None = None) -> Fitted:
        """Make passes until there is nothing to gain, or as many as asked for."""
        with one_thread():
            return self._go(progress, n_epochs)

    def _go(self, progress: Progress, n_epochs: int | None) -> Fitted:
        passes: list[Epoch] = []
        best, best_loss, kept = 0, float("inf"), self._weights()
        most = n_epochs or self.chosen.most_epochs
        for epoch in range(1, most + 1):
            passes.append(Epoch(self._pass(), self._judge()))
            report_pass(progress, epoch / most, epoch, passes[-1])
            loss = self._total(passes[-1].aside)
            if n_epochs or epoch <= _LEAST_EPOCHS or loss < best_loss - _LEAST_GAIN:
                best, best_loss, kept = epoch, loss, self._weights()
            elif epoch - best >= self.chosen.patience:
                break
        self.network.load_state_dict(kept)
        return Fitted(self.network.eval(), best, tuple(passes))

    def _pass(self) -> Losses:
        """Learn from all rows once, in random order; the mean losses while learning."""
        self.network.train()
        n, seen = self.rows.log_ratio.numel(), []
        batch_rows = min(self.chosen.batch_rows, max(_LEAST_BATCH, n // _LEAST_STEPS))
        for at in torch.split(torch.randperm(n, generator=self.generator), batch_rows):
            self.optimizer.zero_grad()
            agent, purchase = _losses(self.network, self.rows.take(at))
            loss = self._weighed(agent, purchase)
            if loss is not None:
                loss.backward()  # type: ignore[no-untyped-call]
                self.optimizer.step()
                self.averaged.update_parameters(self.network)
                seen.append((_number(agent), _number(purchase)))
        return Losses(*(_mean([pair[task] for pair in seen]) for task in (0, 1)))

    @torch.no_grad()
    def _judge(self) -> Losses | None:
        if self.aside is None:
            return None
        averaged = self.averaged.module.eval()
        assert isinstance(averaged, Network)
        return Losses(*(_number(loss) for loss in _losses(averaged, self.aside)))

    def _weighed(self, agent: Tensor | None, purchase: Tensor | None) -> Tensor | None:
        parts = []
        for task, (loss, weight) in enumerate(
            ((agent, self.chosen.agent_weight), (purchase, self.chosen.purchase_weight))
        ):
            if loss is None or not weight:
                continue
            noise = self.log_variance[task]
            parts.append(
                weight * loss * torch.exp(-noise) + noise
                if self.chosen.learns_weights
                else weight * loss
            )
        return torch.stack(parts).sum() if parts else None

    def _total(self, losses: Losses | None) -> float:
        if losses is None:
            return 0.0
        return self.chosen.agent_weight * (losses.agent or 0.0) + self.chosen.purchase_weight * (
            losses.purchase or 0.0
        )

    def _weights(self) -> dict[str, Tensor]:
        return {name: value.clone() for name, value in self.averaged.module.state_dict().items()}


def _new_network(architecture: Architecture, inputs: Inputs, seed: int) -> Network:
    """A network with fresh weights, and standardisers that know the rows to learn from."""
    with repeatable_torch(seed):
        network = Network(architecture)
    network.session_values.fit(inputs.session)
    # Rows without a product say nothing of how products differ.
    network.product_values.fit(inputs.product[~np.isnan(inputs.product).all(axis=1)])
    return network


def _losses(network: Network, rows: _Tensors) -> tuple[Tensor | None, Tensor | None]:
    """Binary cross-entropy of both tasks, over the rows that have the label."""
    scores = network.score(rows.session, rows.product, rows.log_ratio)
    agent, purchase = (
        _surprise(score, label)
        for score, label in zip(scores, (rows.is_agent, rows.bought), strict=True)
    )
    return agent, purchase


def _surprise(score: Tensor, label: Tensor) -> Tensor | None:
    known = ~torch.isnan(label)
    return (
        nn.functional.binary_cross_entropy_with_logits(score[known], label[known])
        if known.any()
        else None
    )


def _number(loss: Tensor | None) -> float | None:
    return None if loss is None else float(loss.detach())


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
