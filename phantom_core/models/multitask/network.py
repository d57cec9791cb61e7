"""The multi-task network: P(agent), and P(purchase) at a price.

A shared encoder of the session, an encoder of the product, and two heads. Price enters the purchase
head through slopes that cannot be negative, so P(purchase) never rises with the price.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor, nn

from phantom_core.features.catalogue import CATEGORIES, feature_names
from phantom_core.features.offers.product_features import product_names
from phantom_core.models.multitask.description import Architecture
from phantom_core.models.multitask.standardiser import Standardiser

_SESSION: Final = (128, 64)
_PRODUCT: Final = (32, 16)
_HEAD: Final = 32
# How sharply the second slope sets in at the base price: half of it at ±0.1 of the log price ratio.
_BEND: Final = 8.0
# Weight of P(agent) against a hidden unit in the price slopes: its gradient is this much larger.
_AGENT_WEIGHT: Final = 4.0
# Initial biases: few offers are bought, and a price 10 % higher loses about one buyer in ten.
_INITIAL_LOG_ODDS: Final = -3.5
_INITIAL_SLOPE: Final = -0.2


class Network(nn.Module):
    """Session, product and price in; log-odds of an agent and of a purchase out.

    Args:
        architecture: sizes.
        columns: positions of the session features it reads; None for all.
    Source: Ruder 2017, An overview of multi-task learning, for hard parameter sharing; Sill 1998,
        Monotonic networks, for slopes that cannot be negative.
    """

    def __init__(self, architecture: Architecture, columns: Sequence[int] | None = None) -> None:
        super().__init__()
        self.architecture = architecture
        self.columns = list(range(len(feature_names())) if columns is None else columns)
        self.categories = [
            (at, len(CATEGORIES[feature_names()[at]]))
            for at in self.columns
            if feature_names()[at] in CATEGORIES
        ]
        session, product, head = (
            [max(1, round(size * architecture.width)) for size in sizes]
            for sizes in (_SESSION, _PRODUCT, (_HEAD,))
        )
        self.session_values = Standardiser(len(self.columns))
        self.product_values = Standardiser(len(product_names()))
        n_session = len(self.session_columns())
        self.session_encoder = _encoder([n_session, *session], architecture.dropout)
        self.product_encoder = _encoder(
            [self.product_values.n_outputs, *product], architecture.dropout
        )
        self.agent_head = nn.Sequential(
            *_layer(session[-1], head[0], architecture.dropout), nn.Linear(head[0], 1)
        )
        self.purchase_head = nn.Sequential(
            *_layer(session[-1] + product[-1], head[0], architecture.dropout)
        )
        self.appeal = nn.Linear(head[0], 1)
        self.slopes = nn.Linear(head[0] + 1, 2)
        nn.init.constant_(self.appeal.bias, _INITIAL_LOG_ODDS)
        nn.init.constant_(self.slopes.bias, _INITIAL_SLOPE)

    def forward(self, session: Tensor, product: Tensor, log_ratio: Tensor) -> tuple[Tensor, Tensor]:
        """Score rows.

        Args:
            session: all session features, shape (n, n_features), NaN where undefined; the category
                as its number.
            product: all product features, shape (n, n_product_features), NaN where undefined.
            log_ratio: shape (n,), NaN where there is no price: then that of the base price.
        Returns:
            Log-odds of an agent and of a purchase, each of shape (n,).
        """
        return self.score(*self.standardised(session, product), log_ratio)

    def standardised(self, session: Tensor, product: Tensor) -> tuple[Tensor, Tensor]:
        """What the encoders read; it depends on no weight, so a training computes it once."""
        read = (
            session
            if len(self.columns) == session.shape[1]
            else session.index_select(1, torch.tensor(self.columns))
        )
        return torch.cat(
            [self.session_values(read), *self._categories(session)], dim=1
        ), self.product_values(product)

    def session_columns(self) -> list[int]:
        """Session feature of each encoder column: values, missing indicators, categories."""
        return [
            *self.columns,
            *self.columns,
            *(at for at, n_values in self.categories for _ in range(n_values)),
        ]

    def score(self, session: Tensor, product: Tensor, log_ratio: Tensor) -> tuple[Tensor, Tensor]:
        """Log-odds as of `forward`, from values that `standardised` gave."""
        known = self.session_encoder(session)
        wanted = self.purchase_head(torch.cat([known, self.product_encoder(product)], dim=1))
        agent, appeal = self.agent_head(known)[:, 0], self.appeal(wanted)[:, 0]
        purchase = (
            appeal - self._price_path(wanted, agent, log_ratio)
            if self.architecture.has_price
            else appeal
        )
        return agent, purchase

    def _categories(self, session: Tensor) -> list[Tensor]:
        """One column per value of each category."""
        return [
            (session[:, at, None] == torch.arange(n, dtype=session.dtype)).to(session.dtype)
            for at, n in self.categories
        ]

    def _price_path(self, wanted: Tensor, agent: Tensor, log_ratio: Tensor) -> Tensor:
        """Log-odds lost to the price: they grow with it, and may grow faster above the base price.

        The slopes depend on all inputs and on the agent head's output, whose gradient is detached.
        """
        price = torch.where(torch.isnan(log_ratio), torch.zeros_like(log_ratio), log_ratio)
        p_agent = torch.sigmoid(agent.detach())[:, None] - 0.5
        slope, bend = nn.functional.softplus(
            self.slopes(torch.cat([wanted, _AGENT_WEIGHT * p_agent], dim=1))
        ).unbind(dim=1)
        return slope * price + bend * nn.functional.softplus(_BEND * price) / _BEND


def _encoder(sizes: list[int], dropout: float) -> nn.Sequential:
    layers = [layer for n_in, n_out in pairwise(sizes) for layer in _layer(n_in, n_out, dropout)]
    return nn.Sequential(*layers)


def _layer(n_in: int, n_out: int, dropout: float) -> list[nn.Module]:
    return [nn.Linear(n_in, n_out), nn.SiLU(), Dropout(dropout)]


class Dropout(nn.Module):
    """Dropout with its own generator, so that parallel trainings are repeatable; off in inference.

    Args:
        share: of the units left out, in [0, 1).
    Source: Srivastava et al. 2014.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.generator: torch.Generator | None = None

    def forward(self, values: Tensor) -> Tensor:
        if not self.training or not self.share:
            return values
        mask = torch.rand(values.shape, generator=self.generator) >= self.share
        return values * mask / (1.0 - self.share)
