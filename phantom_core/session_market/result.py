"""Results of rule sets in the session market: figures with intervals, and differences."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.estimate import Estimate
from phantom_core.core.leakage_terms import USUAL_TERMS, LeakageTerms
from phantom_core.core.resampling import make_blocks, quantile_interval, resample_weights
from phantom_core.market.traffic import AGENT, HUMAN


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Totals of each actor, arrays of shape (n_actors,).

    Attributes:
        kind: HUMAN or AGENT.
        sessions, quotes: counts.
        marked: quotes above the base price.
        units: expected purchases.
        premium: sum over these units of price over base price minus 1.
        revenue, leakage: currency.
    """

    kind: NDArray[np.int64]
    sessions: NDArray[np.float64]
    quotes: NDArray[np.float64]
    marked: NDArray[np.float64]
    units: NDArray[np.float64]
    premium: NDArray[np.float64]
    revenue: NDArray[np.float64]
    leakage: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SessionFigures:
    """Outcome of the sessions; NaN where undefined.

    Attributes:
        reward: revenue − λ · leakage, currency.
        revenue, leakage: currency, one unit a purchase.
        leakage_share: leakage over revenue.
        human_conversion, agent_conversion: purchases per session.
        human_premium: mean of price over base price − 1, over the units humans buy.
        humans_marked_up, agents_marked_up: share of the quotes above the base price.
    """

    reward: Estimate
    revenue: Estimate
    leakage: Estimate
    leakage_share: Estimate
    human_conversion: Estimate
    agent_conversion: Estimate
    human_premium: Estimate
    humans_marked_up: Estimate
    agents_marked_up: Estimate


@dataclass(frozen=True, slots=True)
class SessionResult:
    """The result of one rule set.

    Attributes:
        name: its name.
        figures: with 95 % intervals from resampled actors.
        vs_none: difference from the figures without a mark-up, in the same resamples.
    """

    name: str
    figures: SessionFigures
    vs_none: SessionFigures

    def to_json(self) -> dict[str, object]:
        """Each figure, its interval as …_ci, and the difference from no mark-up under vs_none."""
        return {**plain_figures(self.figures), "vs_none": plain_figures(self.vs_none)}


def compare_results(
    sums: Mapping[str, Sums],
    baseline: str,
    rng: np.random.Generator,
    terms: LeakageTerms = USUAL_TERMS,
) -> dict[str, SessionResult]:
    """Figures of each rule set, and paired differences.

    Args:
        sums: of the same actors, by rule set.
        baseline: the one without a mark-up.
        rng: draws the resamples of actors.
        terms: hold the weight of leakage.
    """
    drawn = _drawn(sums, rng, terms)
    return {
        name: SessionResult(name, _estimates(values), _estimates(values - drawn[baseline]))
        for name, values in drawn.items()
    }


def reward_share(
    part: Sums, whole: Sums, rng: np.random.Generator, terms: LeakageTerms = USUAL_TERMS
) -> Estimate:
    """Reward of some sums over that of others, of the same actors in the same resamples."""
    drawn = _drawn({"part": part, "whole": whole}, rng, terms)
    return _estimate(drawn["part"][0] / drawn["whole"][0])


def _drawn(
    sums: Mapping[str, Sums], rng: np.random.Generator, terms: LeakageTerms
) -> dict[str, NDArray[np.float64]]:
    """Figures of each rule set in the sample itself and in each resample, shape (n_figures, 1 +
    n_resamples).
    """
    actors = make_blocks(np.arange(next(iter(sums.values())).kind.size), rng)
    n_blocks = int(actors.max()) + 1
    weights = np.vstack([np.ones((1, n_blocks)), resample_weights(n_blocks, rng)])
    return {name: _figures(_totals(one, actors, weights), terms) for name, one in sums.items()}


def _totals(
    sums: Sums, block: NDArray[np.int64], weights: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Totals of each class in each resample, shape (2, n_resamples); the first resample is the
    sample itself.
    """
    n_blocks = weights.shape[1]
    return {
        column.name: np.stack(
            [
                weights
                @ np.bincount(
                    block, getattr(sums, column.name) * (sums.kind == kind), minlength=n_blocks
                )
                for kind in (HUMAN, AGENT)
            ]
        )
        for column in fields(Sums)
        if column.name != "kind"
    }


def _figures(total: Mapping[str, NDArray[np.float64]], terms: LeakageTerms) -> NDArray[np.float64]:
    """Values in the order of SessionFigures, shape (n_figures, n_resamples)."""
    revenue, leakage = total["revenue"].sum(axis=0), total["leakage"].sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        conversion, marked = total["units"] / total["sessions"], total["marked"] / total["quotes"]
        premium = total["premium"][HUMAN] / total["units"][HUMAN]
        share = leakage / revenue
    reward = revenue - terms.leakage_weight * leakage
    return np.stack(
        [
            reward,
            revenue,
            leakage,
            share,
            conversion[HUMAN],
            conversion[AGENT],
            premium,
            marked[HUMAN],
            marked[AGENT],
        ]
    )


def _estimates(values: NDArray[np.float64]) -> SessionFigures:
    return SessionFigures(*map(_estimate, values))


def _estimate(drawn: NDArray[np.float64]) -> Estimate:
    finite = np.where(np.isfinite(drawn), drawn, np.nan)
    return quantile_interval(finite[0], finite[1:])


def plain_figures(figures: SessionFigures) -> dict[str, object]:
    """Each figure, and its interval as …_ci; None where undefined."""
    plain: dict[str, object] = {}
    for column in fields(figures):
        estimate: Estimate = getattr(figures, column.name)
        plain[column.name] = _number(estimate.value)
        plain[f"{column.name}_ci"] = [_number(estimate.low), _number(estimate.high)]
    return plain


def _number(value: float) -> float | None:
    return None if np.isnan(value) else value
