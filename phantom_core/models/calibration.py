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
from phantom_core.models.event_curves import BAND_STARTS, EventCurves, band_of

# A band with fewer rows of a class shares the curve of its neighbours.
LEAST_IN_BAND: Final = 50
# More rows change two parameters by less than the labels do.
MOST_ROWS_A_CURVE: Final = 100_000
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


@dataclass(frozen=True, slots=True, eq=False)
class EventCurvesChoice:
    """Curves by events so far, of the kind with the lowest held-out log loss.

    Attributes:
        calibration: fitted to all rows.
        method: kind of curve.
        log_loss: held-out log loss of each method tried.
        probability: of each row, by curves that did not see the row's fold, shape (n_rows,).
    """

    calibration: EventCurves
    method: str
    log_loss: dict[str, float]
    probability: Floats


def choose_event_curves(
    margin: Floats,
    is_agent: NDArray[np.bool_],
    fold: NDArray[np.int64],
    n_events: Floats | None,
    methods: tuple[str, ...] = ("platt", "beta"),
) -> EventCurvesChoice:
    """Fit each method by events so far, and keep the one that predicts held-out folds best.

    Args:
        margin: out-of-fold margins, shape (n_rows,).
        is_agent: labels, shape (n_rows,).
        fold: fold of each row, shape (n_rows,).
        n_events: so far, shape (n_rows,); None where the model may not read them, which leaves one
            curve for all.
        methods: names of METHODS.
    """
    events = np.zeros(len(margin)) if n_events is None else n_events
    held_out = {
        name: _cross_fit_events(METHODS[name], margin, is_agent, fold, events) for name in methods
    }
    losses = {name: log_loss(is_agent, probability) for name, probability in held_out.items()}
    best = min(losses, key=losses.__getitem__)
    curves = fit_event_curves(METHODS[best], margin, is_agent, events)
    return EventCurvesChoice(curves, best, losses, held_out[best])


def fit_event_curves(
    fit: Fit, margin: Floats, is_agent: NDArray[np.bool_], n_events: Floats
) -> EventCurves:
    """Fit one curve per band of events so far; neighbours share one where labels are few."""
    starts = _bands_with_labels(is_agent, n_events)
    band, curves = band_of(n_events, starts), []
    for number in range(len(starts)):
        rows = np.flatnonzero(band == number)
        rows = rows[:: max(1, -(-rows.size // MOST_ROWS_A_CURVE))]
        curves.append(fit(margin[rows], is_agent[rows]))
    return EventCurves(starts, tuple(curves))


def _bands_with_labels(is_agent: NDArray[np.bool_], n_events: Floats) -> tuple[int, ...]:
    """Starts of bands that hold enough rows of both classes."""
    band = band_of(n_events)
    agents, all_rows = (
        np.bincount(band[kind], minlength=len(BAND_STARTS))
        for kind in (is_agent, np.ones(len(is_agent), np.bool_))
    )
    starts, n_agent, n_human = [0], 0, 0
    for number in range(len(BAND_STARTS)):
        if min(n_agent, n_human) >= LEAST_IN_BAND:
            starts.append(BAND_STARTS[number])
            n_agent = n_human = 0
        n_agent += int(agents[number])
        n_human += int(all_rows[number] - agents[number])
    if len(starts) > 1 and min(n_agent, n_human) < LEAST_IN_BAND:
        starts.pop()
    return tuple(starts)


def _cross_fit_events(
    fit: Fit,
    margin: Floats,
    is_agent: NDArray[np.bool_],
    fold: NDArray[np.int64],
    n_events: Floats,
) -> Floats:
    probability = np.empty_like(margin)
    for held_out in np.unique(fold):
        out = fold == held_out
        curves = fit_event_curves(fit, margin[~out], is_agent[~out], n_events[~out])
        probability[out] = curves.probability(margin[out], n_events[out])
    return probability


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
