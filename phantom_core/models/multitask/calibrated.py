"""The calibrated network: log-odds become calibrated probabilities inside the exported model."""

import torch
from torch import Tensor, nn

from phantom_core.core.errors import InputError
from phantom_core.models.curves import TINY, Curve, Isotonic, Platt, Temperature
from phantom_core.models.multitask.network import Network

METHODS = ("platt", "temperature", "isotonic")


class Calibrated(nn.Module):
    """A network whose outputs are P(agent) and P(purchase).

    Args:
        network: gives log-odds.
        agent, purchase: rising curves from log-odds to probabilities, so that the purchase head
            stays monotone in the price.
    Raises:
        InputError: a curve of another method than METHODS.
    """

    def __init__(self, network: Network, agent: Curve, purchase: Curve) -> None:
        super().__init__()
        self.network, self.agent, self.purchase = network, _module(agent), _module(purchase)

    def forward(self, session: Tensor, product: Tensor, log_ratio: Tensor) -> tuple[Tensor, Tensor]:
        """P(agent) and P(purchase), each of shape (n,); arguments as of `Network.forward`."""
        agent, purchase = self.network(session, product, log_ratio)
        return self.agent(agent), self.purchase(purchase)


class _Line(nn.Module):
    """A logistic curve over the log-odds."""

    slope: Tensor
    intercept: Tensor

    def __init__(self, slope: float, intercept: float) -> None:
        super().__init__()
        self.register_buffer("slope", torch.tensor(slope))
        self.register_buffer("intercept", torch.tensor(intercept))

    def forward(self, log_odds: Tensor) -> Tensor:
        return torch.clamp(torch.sigmoid(self.slope * log_odds + self.intercept), TINY, 1 - TINY)


class _Steps(nn.Module):
    """A rising curve that is straight between its knots and flat beyond."""

    start: Tensor
    knots: Tensor
    widths: Tensor
    rates: Tensor

    def __init__(self, curve: Isotonic) -> None:
        super().__init__()
        knots, heights = torch.tensor(curve.margins), torch.tensor(curve.probabilities)
        widths = knots.diff()
        self.register_buffer("start", heights[:1])
        self.register_buffer("knots", knots[:-1])
        self.register_buffer("widths", widths)
        self.register_buffer(
            "rates",
            torch.where(
                widths > 0, heights.diff() / widths.clamp(min=1e-12), torch.zeros_like(widths)
            ),
        )

    def forward(self, log_odds: Tensor) -> Tensor:
        reached = torch.minimum(torch.clamp(log_odds[:, None] - self.knots, min=0.0), self.widths)
        return self.start + (reached * self.rates).sum(dim=1)


def _module(curve: Curve) -> nn.Module:
    if isinstance(curve, Platt):
        return _Line(curve.slope, curve.intercept)
    if isinstance(curve, Temperature):
        return _Line(curve.slope, 0.0)
    if isinstance(curve, Isotonic):
        return _Steps(curve)
    raise InputError(
        f"A network cannot hold a calibration of method {curve.method}.",
        hint=f"Use one of {', '.join(METHODS)}.",
    )
