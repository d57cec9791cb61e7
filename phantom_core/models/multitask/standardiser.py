"""Standardiser: a network layer that scales features and marks undefined ones."""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

_LEAST_SPREAD: Final = 1e-6
_FARTHEST: Final = 5.0


class Standardiser(nn.Module):
    """Values in, standardised values and missing-value indicators out.

    A value is divided by its typical size, squeezed by asinh (a logarithm that knows 0 and minus),
    then centred and scaled. What is undefined becomes the mean, and its indicator 1. Call
    `fit` before use.

    Args:
        n_features: columns.
    """

    typical: Tensor
    centre: Tensor
    scale: Tensor

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.register_buffer("typical", torch.ones(n_features))
        self.register_buffer("centre", torch.zeros(n_features))
        self.register_buffer("scale", torch.ones(n_features))

    @property
    def n_outputs(self) -> int:
        """Columns that come out."""
        return 2 * self.typical.numel()

    def fit(self, values: NDArray[np.float32]) -> None:
        """Fit sizes, means and spreads to training rows, shape (n, n_features)."""
        for column in range(values.shape[1]):
            known = values[:, column][~np.isnan(values[:, column])].astype(np.float64)
            sizes = np.abs(known[known != 0])
            typical = float(np.median(sizes)) if sizes.size else 1.0
            squeezed = np.arcsinh(known / typical)
            spread = float(squeezed.std()) if known.size else 0.0
            self.typical[column] = typical
            self.centre[column] = float(squeezed.mean()) if known.size else 0.0
            self.scale[column] = spread if spread > _LEAST_SPREAD else 1.0

    def forward(self, values: Tensor) -> Tensor:
        """Shape (n, n_features) in, (n, 2 · n_features) out."""
        missing = torch.isnan(values)
        squeezed = torch.asinh(
            torch.where(missing, torch.zeros_like(values), values) / self.typical
        )
        standard = torch.clamp((squeezed - self.centre) / self.scale, -_FARTHEST, _FARTHEST)
        return torch.cat(
            [torch.where(missing, torch.zeros_like(values), standard), missing.to(values.dtype)],
            dim=1,
        )
