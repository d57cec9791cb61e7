"""Fitting: training on both tasks, with early stopping on held-out actors."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from phantom_core.core.progress import Progress, no_progress
from phantom_core.features.catalogue import feature_names
from phantom_core.models.multitask.description import Architecture
from phantom_core.models.multitask.epochs import Epoch, Losses, report_epoch
from phantom_core.models.multitask.hyperparameters import Hyperparameters
from phantom_core.models.multitask.inputs import Inputs
from phantom_core.models.multitask.network import Dropout, Network
from phantom_core.models.multitask.rows import LearningRows
from phantom_core.models.torch_threads import one_thread, repeatable_torch

# One actor in this many is held out to decide when to stop.
ASIDE_PARTS: Final = 6
_LEAST_GAIN: Final = 1e-4
# Before this many epochs a better held-out loss is chance.
_LEAST_EPOCHS: Final = 4
# Share of the averaged weights that one step leaves: about the last hundred steps count.
_MEMORY: Final = 0.97
# With few rows batches are smaller, so that an epoch still takes this many steps.
_LEAST_STEPS: Final = 24
_LEAST_BATCH: Final = 32
_FREE: Final = ("slopes.weight", "slopes.bias")


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A trained network.

    Attributes:
        network: in evaluation mode, with the weights of the best epoch.
        n_epochs: number of that epoch.
        epochs: losses of all epochs.
    """

    network: Network
    n_epochs: int
    epochs: tuple[Epoch, ...]


def fit_network_early(
    rows: LearningRows,
    chosen: Hyperparameters,
    *,
    has_price: bool,
    seed: int,
    progress: Progress = no_progress,
) -> Fitted:
    """Train until the loss on held-out actors stops falling.

    Args:
        rows: to learn from and to stop by.
        chosen: sizes, weights and pace.
        has_price: whether prices varied enough to learn from.
        seed: of everything random.
        progress: called after every epoch.
    """
    parts = (
        np.random.default_rng(seed).permutation(int(rows.actor.max(initial=0)) + 1) % ASIDE_PARTS
    )
    is_held_out = parts[rows.actor] == 0
    if is_held_out.all() or not is_held_out.any():
        is_held_out = np.arange(len(rows)) % ASIDE_PARTS == 0
    return _Training(rows[~is_held_out], rows[is_held_out], chosen, has_price, seed).go(progress)


def fit_network(
    rows: LearningRows,
    chosen: Hyperparameters,
    n_epochs: int,
    *,
    has_price: bool,
    seed: int,
    progress: Progress = no_progress,
) -> Fitted:
    """Train on every row for a known number of epochs.

    Args:
        rows: to learn from.
        chosen: sizes, weights and pace.
        n_epochs: as found by early stopping on other rows.
        has_price: whether prices varied enough to learn from.
        seed: of everything random.
        progress: called after every epoch.
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
    """Epochs over the rows.

    Source: Tarvainen and Valpola 2017, Mean teachers are better role models, for averaged weights.
    """

    def __init__(
        self,
        rows: LearningRows,
        held_out: LearningRows | None,
        chosen: Hyperparameters,
        has_price: bool,
        seed: int,
    ) -> None:
        self.chosen, self.generator = chosen, torch.Generator().manual_seed(seed)
        self.network = _new_network(
            Architecture(chosen.width, chosen.dropout, has_price),
            rows.inputs,
            seed,
            chosen.without,
        )
        # Averaged weights change less from step to step, so few labels suffice for early stopping.
        self.averaged = AveragedModel(self.network, multi_avg_fn=get_ema_multi_avg_fn(_MEMORY))  # type: ignore[no-untyped-call]
        for module in self.network.modules():
            if isinstance(module, Dropout):
                module.generator = self.generator
        self.rows = _Tensors.of(rows, self.network)
        self.held_out = _Tensors.of(held_out, self.network) if held_out is not None else None
        self.log_variance = nn.Parameter(torch.zeros(2), requires_grad=chosen.learns_weights)
        free = [value for name, value in self.network.named_parameters() if name in _FREE]
        groups: list[dict[str, object]] = [
            {
                "params": [
                    value for name, value in self.network.named_parameters() if name not in _FREE
                ]
            },
            # Weight decay on these would make all shoppers equally price-sensitive.
            {
                "params": [*free, *([self.log_variance] if chosen.learns_weights else [])],
                "weight_decay": 0.0,
            },
        ]
        self.optimizer = torch.optim.AdamW(
            groups, lr=chosen.learning_rate, weight_decay=chosen.weight_decay
        )

    def go(self, progress: Progress, n_epochs: int | None = None) -> Fitted:
        """Train until early stopping, or for a given number of epochs."""
        with one_thread():
            return self._go(progress, n_epochs)

    def _go(self, progress: Progress, n_epochs: int | None) -> Fitted:
        epochs: list[Epoch] = []
        best, best_loss, weights = 0, float("inf"), self._weights()
        most = n_epochs or self.chosen.most_epochs
        for epoch in range(1, most + 1):
            epochs.append(Epoch(self._train_epoch(), self._evaluate()))
            report_epoch(progress, epoch / most, epoch, epochs[-1])
            loss = self._total(epochs[-1].aside)
            if n_epochs or epoch <= _LEAST_EPOCHS or loss < best_loss - _LEAST_GAIN:
                best, best_loss, weights = epoch, loss, self._weights()
            elif epoch - best >= self.chosen.patience:
                break
        self.network.load_state_dict(weights)
        return Fitted(self.network.eval(), best, tuple(epochs))

    def _train_epoch(self) -> Losses:
        """Train on all rows once, in random order; returns the mean training losses."""
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
    def _evaluate(self) -> Losses | None:
        if self.held_out is None:
            return None
        averaged = self.averaged.module.eval()
        assert isinstance(averaged, Network)
        return Losses(*(_number(loss) for loss in _losses(averaged, self.held_out)))

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


def _new_network(
    architecture: Architecture, inputs: Inputs, seed: int, without: tuple[str, ...]
) -> Network:
    """A network with fresh weights, and standardisers fitted to the training rows."""
    with repeatable_torch(seed):
        network = Network(architecture, _columns_without(without))
    network.session_values.fit(inputs.session[:, network.columns])
    # Rows without a product do not show how products differ.
    network.product_values.fit(inputs.product[~np.isnan(inputs.product).all(axis=1)])
    return network


def _columns_without(without: tuple[str, ...]) -> list[int] | None:
    """Positions of the session features that a network reads; None for all."""
    kept = [at for at, name in enumerate(feature_names()) if name not in without]
    return kept if len(kept) < len(feature_names()) else None


def _losses(network: Network, rows: _Tensors) -> tuple[Tensor | None, Tensor | None]:
    """Binary cross-entropy of both tasks, over the rows that have the label."""
    scores = network.score(rows.session, rows.product, rows.log_ratio)
    agent, purchase = (
        _cross_entropy(score, label)
        for score, label in zip(scores, (rows.is_agent, rows.bought), strict=True)
    )
    return agent, purchase


def _cross_entropy(score: Tensor, label: Tensor) -> Tensor | None:
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
