"""Small generated shoppers with known parameters."""

import numpy as np

from phantom_core.features.catalogue import feature_names
from phantom_core.features.offers.product_features import product_names
from phantom_core.models.multitask.inputs import Inputs
from phantom_core.models.multitask.rows import LearningRows

N_SESSION, N_PRODUCT = len(feature_names()), len(product_names())


def inputs(n: int, rng: np.random.Generator, *, missing: float = 0.2) -> Inputs:
    """Rows of any kind, some values undefined."""
    session = (
        rng.lognormal(1.0, 1.5, (n, N_SESSION))
        * rng.choice([0.0, 1.0], (n, N_SESSION), p=[0.3, 0.7])
    ).astype(np.float32)
    session[:, feature_names().index("browser_family")] = rng.integers(0, 5, n)
    product = rng.normal(5.0, 20.0, (n, N_PRODUCT)).astype(np.float32)
    for values in (session, product):
        values[rng.random(values.shape) < missing] = np.nan
    return Inputs(session, product, rng.uniform(-1.0, 1.0, n).astype(np.float32))


def shoppers(n: int, rng: np.random.Generator) -> LearningRows:
    """Agents are fast and more price-sensitive; half of the labels are missing."""
    made = inputs(n, rng, missing=0.0)
    is_agent = rng.random(n) < 0.5
    made.session[:, feature_names().index("interaction_velocity")] = np.where(
        is_agent, 40.0, 8.0
    ) * rng.lognormal(0.0, 0.5, n)
    ratio = rng.choice([0.7, 0.85, 1.0, 1.2, 1.4], n)
    bought = rng.random(n) < 0.6 / (1.0 + ratio ** np.where(is_agent, 5.0, 2.0))
    label = np.where(rng.random(n) < 0.5, is_agent.astype(np.float32), np.nan).astype(np.float32)
    return LearningRows(
        Inputs(made.session, made.product, np.log(ratio).astype(np.float32)),
        label,
        bought.astype(np.float32),
        np.arange(n),
    )
