"""Calibration: fitting the curve from a model's margin (log-odds) to a probability."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from phantom_core.core.arrays import Floats
from phantom_core.models.curves import Beta, Curve, Isotonic, Platt, Temperature, log_odds_parts

_STEEPEST: Final = 20.0


Fit = Callable[[Floats, NDArray[np.bool_]], Curve]


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationChoice:
    """The curve with the lowest held-out log loss.

    Attributes:
        calibration: fitted to all rows.
        log_loss: held-out log loss of each method tried.
        probability: of each row, by a curve of the chosen method that did not see the row's fold,
            shape (n_rows,).
    """

    calibration: Curve
    log_loss: dict[str, float]
    probability: Floats


def choose_calibration(
    margin: Floats,
    is_agent: NDArray[np.bool_],
    fold: NDArray[np.int64],
    methods: tuple[str, ...] = ("platt", "beta", "isotonic"),
) -> CalibrationChoice:
    """Fit each method and keep the one that predicts held-out folds best.

    Args:
        margin: out-of-fold margins, shape (n_rows,).
        is_agent: labels, shape (n_rows,).
        fold: fold of each row, shape (n_rows,).
        methods: names of METHODS.
    """
    held_out = {name: _cross_fit(METHODS[name], margin, is_agent, fold) for name in methods}
    losses = {name: log_loss(is_agent, probability) for name, probability in held_out.items()}
    best = min(losses, key=losses.__getitem__)
    return CalibrationChoice(METHODS[best](margin, is_agent), losses, held_out[best])


def log_loss(is_agent: NDArray[np.bool_], probability: Floats) -> float:
    """Mean log loss in nats.

    >>> round(log_loss(np.array([True, False]), np.array([0.5, 0.5])), 4)
    0.6931
    """
    return float(-np.log(np.where(is_agent, probability, 1 - probability)).mean())


def fit_platt(margin: Floats, is_agent: NDArray[np.bool_]) -> Platt:
    """Fit a logistic curve; a falling one becomes flat."""
    (slope,), intercept = _rising_logistic([margin], is_agent)
    return Platt(slope, intercept)


def fit_temperature(margin: Floats, is_agent: NDArray[np.bool_]) -> Temperature:
    """Fit a factor; a negative one becomes 0."""
    target = np.where(is_agent, *_smoothed_targets(is_agent)[::-1])
    found = optimize.minimize_scalar(
        lambda slope: float(np.mean(np.logaddexp(0.0, slope * margin) - target * slope * margin)),
        bounds=(0.0, _STEEPEST),
        method="bounded",
    )
    return Temperature(float(found.x))


def fit_beta(margin: Floats, is_agent: NDArray[np.bool_]) -> Beta:
    """Fit a beta curve; a falling part becomes flat."""
    (slope_low, slope_high), intercept = _rising_logistic([*log_odds_parts(margin)], is_agent)
    return Beta(slope_low, slope_high, intercept)


def fit_isotonic(margin: Floats, is_agent: NDArray[np.bool_]) -> Isotonic:
    """Fit a rising step curve, clipped away from 0 and 1 by the resolution of the rows."""
    low, high = _smoothed_targets(is_agent)
    fitted = IsotonicRegression(y_min=low, y_max=high, out_of_bounds="clip").fit(margin, is_agent)
    return Isotonic(tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist()))


METHODS: Final[dict[str, Fit]] = {
    "platt": fit_platt,
    "temperature": fit_temperature,
    "beta": fit_beta,
    "isotonic": fit_isotonic,
}


def _cross_fit(
    fit: Fit, margin: Floats, is_agent: NDArray[np.bool_], fold: NDArray[np.int64]
) -> Floats:
    probability = np.empty_like(margin)
    for held_out in np.unique(fold):
        out = fold == held_out
        probability[out] = fit(margin[~out], is_agent[~out]).probability(margin[out])
    return probability


def _smoothed_targets(is_agent: NDArray[np.bool_]) -> tuple[float, float]:
    """Platt's smoothed class targets: n rows cannot support a probability nearer to 0 or 1."""
    n_agent = int(is_agent.sum())
    n_human = len(is_agent) - n_agent
    return 1 / (n_human + 2), (n_agent + 1) / (n_agent + 2)


def _rising_logistic(
    columns: list[Floats], is_agent: NDArray[np.bool_]
) -> tuple[list[float], float]:
    """Logistic regression on smoothed targets, in which no column has a negative slope."""
    slopes = [0.0] * len(columns)
    active = list(range(len(columns)))
    intercept = float(np.log(is_agent.mean() / (1 - is_agent.mean())))
    while active:
        fitted, intercept_fitted = _logistic(
            np.column_stack([columns[i] for i in active]), is_agent
        )
        if min(fitted) >= 0:
            for i, slope in zip(active, fitted, strict=True):
                slopes[i] = slope
            return slopes, intercept_fitted
        active.pop(int(np.argmin(fitted)))
    return slopes, intercept


def _logistic(x: Floats, is_agent: NDArray[np.bool_]) -> tuple[list[float], float]:
    low, high = _smoothed_targets(is_agent)
    target = np.where(is_agent, high, low)
    # A soft target is a row of each class, weighted; the penalty is too weak to matter.
    model = LogisticRegression(C=1e6, max_iter=1_000, tol=1e-6)
    model.fit(
        np.vstack([x, x]),
        np.repeat([1, 0], len(x)),
        sample_weight=np.concatenate([target, 1 - target]),
    )
    return model.coef_[0].tolist(), float(model.intercept_[0])
