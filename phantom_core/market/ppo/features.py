"""Features of the policy network: scaled observations, and the hour as sine and cosine."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.market.observation import V0_NAMES, Observation
from phantom_core.market.scenario import HOURS_A_DAY

# Sine and cosine of the hour.
N_CLOCK: Final = 2
HOUR: Final = V0_NAMES.index("hour")
TURN: Final = 2.0 * np.pi / HOURS_A_DAY


def centre_and_scale(observation: Observation) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Offset and scale of each number, from the scenario alone.

    Args:
        observation: gives the scenario and the numbers.
    Returns:
        Two arrays of shape (n_numbers,).
    """
    scenario = observation.scenario
    rate = max(float(scenario.rates().mean()), 1.0)
    stock = max(sum(product.stock for product in scenario.products), 1)
    velocity = (scenario.human_velocity.mean + scenario.agent_velocity.mean) / 2.0
    half_day = (HOURS_A_DAY - 1) / 2.0
    centre = [rate, stock / 2.0, half_day, 0.5, velocity]
    scale = [rate, stock / 4.0, half_day, 0.5, velocity]
    more = len(observation.names) - len(centre)
    return np.array([*centre, *[0.5] * more], np.float32), np.array(
        [*scale, *[0.5] * more], np.float32
    )


def policy_features(
    seen: NDArray[np.float32], centre: NDArray[np.float32], scale: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Features of observations.

    Args:
        seen: shape (n, n_numbers).
        centre: subtracted from each number, shape (n_numbers,).
        scale: divides the difference, shape (n_numbers,).
    Returns:
        Shape (n, n_numbers + 2).
    """
    angle = seen[:, HOUR : HOUR + 1] * np.float32(TURN)
    return np.concatenate([(seen - centre) / scale, np.sin(angle), np.cos(angle)], axis=1)
