"""Price sensitivity of the purchases of humans and of agents.

The market says logit P(buy | added to cart) = -s · log(price / base price), with an s for each
class. Where the class is known this is a logistic regression; where only P(agent) is known, each
quote comes from a mixture of two such curves, and its likelihood is maximised. Weighting each
quote by P(agent) instead would bias the two sensitivities towards each other.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from phantom_core.core.errors import DataError
from phantom_core.core.estimate import Estimate, normal_interval
from phantom_core.market.calibration.add_to_cart_quotes import HINT
from phantom_core.market.traffic import CLASSES

LEAST_OF_A_KIND: Final = 10
LARGEST: Final = 50.0
# A smaller standard deviation of the log price ratio does not determine the slope of a curve.
LEAST_SPREAD: Final = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """Add-to-cart quotes as the regression needs them, arrays of shape (n,).

    Attributes:
        log_ratio: log of price over base price.
        bought: whether it was bought.
        p_agent: probability that an agent made the choice: a label (0 or 1) or a model's.
        actor: number of the actor; standard errors are clustered by actor.
    """

    log_ratio: NDArray[np.float64]
    bought: NDArray[np.bool_]
    p_agent: NDArray[np.float64]
    actor: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Price sensitivity of one class.

    Attributes:
        value: s of the market's curve, which has no intercept.
        with_intercept: s of a curve with one.
        intercept: of that curve; 0 when the market's curve holds.
        quotes, bought: counts of choices, each weighted by its probability to be of
            this class.
    """

    value: Estimate
    with_intercept: Estimate
    intercept: Estimate
    quotes: float
    bought: float


@dataclass(frozen=True, slots=True)
class Sensitivities:
    """Price sensitivities of both classes, from the same choices.

    Attributes:
        human, agent: each class.
        p_no_intercept: probability of intercepts this far from 0 if the market's curve holds (Wald
            test, both classes).
        lowest_ratio, highest_ratio: range of prices, in units of the base price.
        randomised: share of the prices that an experiment chose.
    """

    human: Sensitivity
    agent: Sensitivity
    p_no_intercept: float
    lowest_ratio: float
    highest_ratio: float
    randomised: float


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Fitted curves of both classes: rows are classes, columns s and, if fitted, the intercept.

    Attributes:
        values: shape (2, 1) or (2, 2).
        covariance: of `values.ravel()`, clustered by actor.
    """

    values: NDArray[np.float64]
    covariance: NDArray[np.float64]

    def estimate(self, row: int, column: int) -> Estimate:
        """One parameter with its interval."""
        at = row * self.values.shape[1] + column
        return normal_interval(
            float(self.values[row, column]), float(np.sqrt(self.covariance[at, at]))
        )


def measure_sensitivities(choices: Choices, randomised: float) -> Sensitivities:
    """Fit both curves, without an intercept as the market has them, and with one as a check.

    Args:
        choices: at prices that varied.
        randomised: share of the prices that an experiment chose.
    Raises:
        DataError: too few choices of a kind, prices too close together, or demand that does not
            fall with the price.
    """
    _check(choices)
    plain, checked = fit_curves(choices, intercept=False), fit_curves(choices, intercept=True)
    for who, s in zip(CLASSES, plain.values[:, 0], strict=True):
        if not 0 < s <= LARGEST:
            raise DataError(
                f"The estimated price sensitivity of {who}s is {s:.2f}, but a market needs one "
                f"above 0 and up to {LARGEST:g}.",
                hint=HINT,
            )
    offsets = checked.values[:, 1]
    wald = offsets @ np.linalg.solve(checked.covariance[1::2, 1::2], offsets)
    weights = (1.0 - choices.p_agent, choices.p_agent)
    human, agent = (
        Sensitivity(
            plain.estimate(row, 0),
            checked.estimate(row, 0),
            checked.estimate(row, 1),
            float(weight.sum()),
            float(weight[choices.bought].sum()),
        )
        for row, weight in enumerate(weights)
    )
    low, high = np.exp(choices.log_ratio.min()), np.exp(choices.log_ratio.max())
    return Sensitivities(
        human, agent, float(stats.chi2.sf(wald, 2)), float(low), float(high), randomised
    )


def fit_curves(choices: Choices, *, intercept: bool) -> Curves:
    """Maximise the likelihood of the mixture.

    Args:
        choices: both outcomes by both classes.
        intercept: whether the curves have one.
    Raises:
        DataError: the choices do not identify the parameters.
    Source: Jordan and Jacobs 1994, mixtures of experts; Liang and Zeger 1986, the covariance.
    """
    columns = [-choices.log_ratio, np.ones(choices.log_ratio.size)][: 2 if intercept else 1]
    design = np.stack(columns, axis=1)
    start = np.zeros((2, design.shape[1]))
    start[:, 0] = 1.0
    found = optimize.minimize(
        _loss,
        start.ravel(),
        args=(design, choices),
        jac=True,
        method="BFGS",
        options={"gtol": 1e-8},
    )
    theta = found.x.reshape(2, -1)
    hessian, scores = _curvature(theta, design, choices)
    _, actor = np.unique(choices.actor, return_inverse=True)
    n_actors = int(actor.max()) + 1
    by_actor = np.stack(
        [np.bincount(actor, column, minlength=n_actors) for column in scores.T], axis=1
    )
    try:
        bread = np.linalg.inv(hessian)
    except np.linalg.LinAlgError:
        bread = np.full_like(hessian, np.nan)
    covariance = bread @ (by_actor.T @ by_actor) @ bread * n_actors / max(n_actors - 1, 1)
    if not np.isfinite(covariance).all() or (np.diag(covariance) <= 0).any():
        raise DataError(
            f"The sensitivities cannot be separated with {choices.bought.size:,} quotes.",
            hint=HINT,
        )
    return Curves(theta, covariance)


def _parts(
    theta: NDArray[np.float64], design: NDArray[np.float64], choices: Choices
) -> tuple[NDArray[np.float64], ...]:
    """P(buy) of each class, the probability of each actual choice, and of each class given the
    choice; shape (n, 2) except the second, (n,).
    """
    log_odds = design @ theta.T
    sign = np.where(choices.bought, 1.0, -1.0)[:, None]
    with np.errstate(divide="ignore"):
        joint = special.log_expit(sign * log_odds) + np.log(
            np.stack([1.0 - choices.p_agent, choices.p_agent], axis=1)
        )
    total = np.logaddexp(joint[:, 0], joint[:, 1])
    return special.expit(log_odds), total, np.exp(joint - total[:, None])


def _loss(
    flat: NDArray[np.float64], design: NDArray[np.float64], choices: Choices
) -> tuple[float, NDArray[np.float64]]:
    """Mean negative log-likelihood and its gradient."""
    p_buy, total, given = _parts(flat.reshape(2, -1), design, choices)
    residual = given * (choices.bought[:, None] - p_buy)
    return float(-total.mean()), np.asarray(-(residual.T @ design).ravel() / total.size)


def _curvature(
    theta: NDArray[np.float64], design: NDArray[np.float64], choices: Choices
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Observed information, shape (k, k), and the score of each choice, shape (n, k)."""
    p_buy, _, given = _parts(theta, design, choices)
    error = choices.bought[:, None] - p_buy
    scores = ((given * error)[:, :, None] * design[:, None, :]).reshape(design.shape[0], -1)
    size = design.shape[1]
    information = np.empty((2 * size, 2 * size))
    for row in range(2):
        for column in range(2):
            weight = given[:, row] * given[:, column] * error[:, row] * error[:, column]
            if row == column:
                weight = weight - given[:, row] * (
                    error[:, row] ** 2 - p_buy[:, row] * (1.0 - p_buy[:, row])
                )
            information[row * size : (row + 1) * size, column * size : (column + 1) * size] = (
                design.T @ (weight[:, None] * design)
            )
    return information, scores


def _check(choices: Choices) -> None:
    n = choices.bought.size
    if not n or choices.log_ratio.std() < LEAST_SPREAD:
        low, high = (
            (np.exp(choices.log_ratio.min()), np.exp(choices.log_ratio.max())) if n else (1.0, 1.0)
        )
        found = (
            f"{n:,} quotes of products in the cart range from {low:.2f} to {high:.2f} of the "
            "base price."
        )
        raise DataError(f"No price variation: sensitivity is not identified; {found}", hint=HINT)
    for who, weight in zip(CLASSES, (1.0 - choices.p_agent, choices.p_agent), strict=True):
        bought, left = float(weight[choices.bought].sum()), float(weight[~choices.bought].sum())
        if min(bought, left) < LEAST_OF_A_KIND:
            found = (
                f"of the quotes that {who}s added to the cart about {bought:.0f} were bought "
                f"and {left:.0f} were not"
            )
            raise DataError(
                f"Too few purchases: sensitivity is not identified; {found}, where "
                f"{LEAST_OF_A_KIND} of each are needed.",
                hint="Load more sessions with quotes, purchases and labels.",
            )
