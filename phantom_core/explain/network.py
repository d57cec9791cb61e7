"""The network taken apart: what everything known of an offer adds to P(agent) and to P(purchase),
as Shapley values.

A feature is "not known" by being that of another offer that really was made. For each offer of the
background one random order of the columns is walked from that offer to the explained one, column by
column, and then the opposite order; what the answer moves by at a column's turn is its
contribution. Each walk's steps add up to the difference of the two answers, so the contributions
add up to the network's log-odds whatever the orders are; the orders only decide how exactly each
column gets its own share.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from phantom_core.core.arrays import Floats32
from phantom_core.core.progress import Progress, no_progress
from phantom_core.explain.columns import PRICE
from phantom_core.explain.contributions import Contributions
from phantom_core.explain.explanation import OUTPUTS, Output
from phantom_core.features.catalogue import feature_names
from phantom_core.features.offers.product_features import product_names
from phantom_core.models.multitask.network import Network
from phantom_core.models.torch_threads import one_thread

COLUMNS: Final = (*feature_names(), *product_names(), PRICE)
_N_SESSION: Final = len(feature_names())
_N_PRODUCT: Final = len(product_names())
_PRICE_AT: Final = len(COLUMNS) - 1
# So many offers are walked to at a time: some ten megabytes of walks, and cancelling is never far
# away.
_CHUNK_ROWS: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class ExplainedNetwork:
    """A network whose log-odds are taken apart, before calibration.

    Attributes:
        network: in evaluation mode.
        output: which of its answers.
        background: offers that stand for "not known", as `values_of` gives them, shape
            (n_background, len(COLUMNS)).
        seed: of the orders.
    Source: Strumbelj and Kononenko 2014, Explaining prediction models and individual predictions
        with feature contributions; Mitchell et al. 2022, Sampling permutations for Shapley value
        estimation, for walking each order both ways.
    """

    network: Network
    output: Output
    background: Floats32
    seed: int

    @property
    def names(self) -> tuple[str, ...]:
        """Session features, product features and the price over the base price."""
        return COLUMNS

    def contributions(self, values: Floats32, progress: Progress = no_progress) -> Contributions:
        """Take log-odds apart: base and contributions add up to them.

        Args:
            values: as `values_of` gives them, shape (n_rows, len(COLUMNS)).
            progress: told all along; its CancelledError ends the work.
        """
        return take_apart(self.network, self.background, values, self.seed, progress)[
            OUTPUTS.index(self.output)
        ]


@torch.no_grad()
def take_apart(
    network: Network,
    background: Floats32,
    values: Floats32,
    seed: int,
    progress: Progress = no_progress,
) -> tuple[Contributions, Contributions]:
    """Both answers at once, for the price of one.

    Args:
        network: in evaluation mode.
        background: offers that stand for "not known", shape (n_background, len(COLUMNS)).
        values: offers to explain, shape (n_rows, len(COLUMNS)).
        seed: of the orders, which are the same for every row: a row explained alone gets what it
            gets among others.
        progress: told all along; its CancelledError ends the work.
    Returns:
        Of the agent and of the purchase. The product and the price do not reach the first, so they
        add exactly 0 to it.
    """
    rng = np.random.default_rng(seed)
    walks = _Walks.of(
        network, background, np.array([rng.permutation(len(COLUMNS)) for _ in background])
    )
    found = np.zeros((len(OUTPUTS), len(values), len(COLUMNS)), np.float32)
    with one_thread():
        for start in range(0, len(values), _CHUNK_ROWS):
            progress(start / len(values), f"{start:,} of {len(values):,} offers explained")
            part = slice(start, start + _CHUNK_ROWS)
            found[:, part] = walks.contributions(network, values[part])
    agent, purchase = (
        Contributions(COLUMNS, one, float(base))
        for one, base in zip(found, walks.base, strict=True)
    )
    return agent, purchase


@dataclass(frozen=True, slots=True, eq=False)
class _Walks:
    """Ways from the background to a row.

    Attributes:
        background: what the encoders read, one row per offer of the background.
        said: both answers for each of them, shape (2, n_background).
        rank: turn of each column in each walk, shape (n_background, len(COLUMNS)).
    """

    background: tuple[Tensor, Tensor, Tensor]
    said: Tensor
    rank: Tensor

    @classmethod
    def of(cls, network: Network, background: Floats32, rank: NDArray[np.int64]) -> "_Walks":
        read = read_columns(network, background)
        return cls(read, torch.stack(network.score(*read)), torch.from_numpy(rank))

    @property
    def base(self) -> NDArray[np.float64]:
        """Both answers, on average over the background."""
        return np.asarray(self.said.double().mean(dim=1).numpy())

    def contributions(self, network: Network, values: Floats32) -> Floats32:
        """Shape (2, n_rows, len(COLUMNS))."""
        to = read_columns(network, values)
        end = torch.stack(network.score(*to))
        n_steps, n_rows, n_walks = len(COLUMNS), len(values), len(self.rank)
        # State k has the columns of the first k turns from the row, its opposite all others.
        turned = torch.arange(1, n_steps)[:, None, None] > self.rank
        said = torch.empty(2, len(OUTPUTS), n_steps + 1, n_rows, n_walks)
        for way, mask in enumerate((turned, ~turned)):
            said[way, :, 1:-1] = self._said(network, to, mask)
        said[0, :, 0] = said[1, :, -1] = self.said[:, None, :]
        said[0, :, -1] = said[1, :, 0] = end[:, :, None]
        # Both ways a column's turn is the step from its rank to the next; on the way back it is
        # taken off.
        steps = (said[0].diff(dim=1) - said[1].diff(dim=1)) / 2
        at = self.rank.T[None, :, None, :].expand(len(OUTPUTS), -1, n_rows, -1)
        shares = steps.gather(1, at).double().mean(dim=3).transpose(1, 2).numpy()
        shares[0, :, _N_SESSION:] = 0.0  # but for rounding it is
        return np.asarray(shares, np.float32)

    def _said(self, network: Network, to: tuple[Tensor, Tensor, Tensor], mask: Tensor) -> Tensor:
        """Both answers at every state but the ends, shape (2, n_steps − 1, n_rows, n_walks)."""
        n_states, n_walks, _ = mask.shape
        shape = (n_states, len(to[2]), n_walks)
        mixed = []
        for own, other, columns in zip(to, self.background, columns_read(network), strict=True):
            mixed.append(
                torch.where(
                    mask[:, None, :, columns], own[None, :, None], other[None, None]
                ).reshape(-1, *own.shape[1:])
            )
        return torch.stack(network.score(mixed[0], mixed[1], mixed[2])).reshape(
            len(OUTPUTS), *shape
        )


def read_columns(network: Network, values: Floats32) -> tuple[Tensor, Tensor, Tensor]:
    """What the encoders read of rows: every column of it comes from one column of the rows
    alone.
    """
    rows = torch.from_numpy(np.ascontiguousarray(values, np.float32))
    session, product = network.standardised(rows[:, :_N_SESSION], rows[:, _N_SESSION:_PRICE_AT])
    return session, product, rows[:, _PRICE_AT]


def columns_read(network: Network) -> Iterator[Tensor]:
    """For each column that the encoders read, the one it comes from."""
    product = torch.arange(_N_SESSION, _PRICE_AT)
    yield torch.tensor(network.session_columns())
    yield torch.cat([product, product])
    yield torch.tensor(_PRICE_AT)
