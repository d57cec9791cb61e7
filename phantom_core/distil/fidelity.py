"""Fidelity: how closely a small tree follows its teacher, with intervals over actors."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from pydantic import JsonValue
from scipy.stats import rankdata

from phantom_core.core.arrays import Floats
from phantom_core.core.estimate import Estimate
from phantom_core.core.resampling import N_RESAMPLES, count_some, quantile_interval
from phantom_core.distil.markup import band_markup, recovered_leakage
from phantom_core.distil.sample import DistillationSample

_SELDOM: Final = 0.025


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How closely a tree follows its teacher's mark-ups, on held-out actors.

    Attributes:
        r2: share of the variance of the teacher's mark-ups that the tree explains; None where the
            teacher prices all alike.
        rank_correlation: Spearman's, of the two mark-ups; None where either prices all alike.
        band_agreement: share of sessions in the same band ×1.0, ×1.1 or ×1.3.
        leakage_lost: share of the leakage that the teacher recovers, from agents who bought, and
            the tree does not; below 0 where it recovers more; None where too little can be
            recovered.
    """

    r2: Estimate | None
    rank_correlation: Estimate | None
    band_agreement: Estimate
    leakage_lost: Estimate | None

    def to_json(self) -> dict[str, JsonValue]:
        """Figures with their intervals, flat."""
        named = (
            ("fidelity_r2", self.r2),
            ("rank_correlation", self.rank_correlation),
            ("band_agreement", self.band_agreement),
            ("leakage_lost", self.leakage_lost),
        )
        figures: dict[str, JsonValue] = {}
        for name, found in named:
            figures[name] = None if found is None else found.value
            figures[f"{name}_ci"] = None if found is None else [found.low, found.high]
        return figures


def measure_fidelity(
    sample: DistillationSample,
    markup_ratio: Floats,
    rng: np.random.Generator,
    n_resamples: int = N_RESAMPLES,
) -> Fidelity:
    """Compare a tree's mark-ups with the teacher's.

    Args:
        sample: the sessions and their teacher's mark-ups, at least one.
        markup_ratio: of trees trained without a session's actor, shape (n_sessions,).
        rng: draws the resamples.
        n_resamples: count.
    """
    sums = _by_actor(sample, markup_ratio)
    point = _figures(sums.sum(axis=0)[None])[0]
    drawn = np.concatenate(
        [_figures(times @ sums) for times in count_some(len(sums), n_resamples, rng)]
    )
    r2, rank_correlation, band_agreement, leakage_lost, (_, recovered) = zip(
        point, drawn.T, strict=True
    )
    # Where other actors would have the teacher give money away, a share of what it recovers is
    # meaningless.
    is_recovered = (recovered < 0).mean() <= _SELDOM
    return Fidelity(
        _known(*r2),
        _known(*rank_correlation),
        quantile_interval(*band_agreement),
        _known(*leakage_lost) if is_recovered else None,
    )


def _by_actor(sample: DistillationSample, tree: Floats) -> Floats:
    """Sums behind the figures by actor, shape (n_actors, n_sums)."""
    teacher = sample.markup_ratio
    # Centred, so that a variance is not the small difference of large numbers.
    of_teacher, of_tree = teacher - teacher.mean(), tree - teacher.mean()
    rank_teacher, rank_tree = (rankdata(values) / len(values) - 0.5 for values in (teacher, tree))
    value = np.where(sample.is_agent, sample.base_value, 0.0)
    parts = [
        np.ones(len(sample)), of_teacher, of_teacher**2, (of_tree - of_teacher) ** 2,
        rank_teacher, rank_tree, rank_teacher**2, rank_tree**2, rank_teacher * rank_tree,
        band_markup(teacher) == band_markup(tree),
        value * recovered_leakage(teacher, sample.terms),
        value * recovered_leakage(tree, sample.terms),
    ]  # fmt: skip
    _, actor = np.unique(sample.groups, return_inverse=True)
    return np.column_stack([np.bincount(actor, part) for part in parts])


def _figures(sums: Floats) -> Floats:
    """R², rank correlation, band agreement, leakage lost (NaN where undefined) and recovered.

    Args:
        sums: as `_by_actor` orders them, shape (n_resamples, n_sums).
    """
    n, y, y2, error, rank_a, rank_b, aa, bb, ab, same, teacher, tree = sums.T
    with np.errstate(invalid="ignore", divide="ignore"):
        spread_a, spread_b = aa - rank_a**2 / n, bb - rank_b**2 / n
        r2 = 1 - error / _positive(y2 - y**2 / n)
        correlation = (ab - rank_a * rank_b / n) / np.sqrt(
            _positive(spread_a) * _positive(spread_b)
        )
        lost = 1 - tree / _positive(teacher)
    return np.column_stack([r2, correlation, same / n, lost, teacher])


def _positive(values: Floats) -> Floats:
    """NaN where there is nothing to divide by, but for rounding."""
    positive: Floats = np.where(values > 1e-12, values, np.nan)
    return positive


def _known(value: float, drawn: Floats) -> Estimate | None:
    return None if np.isnan(value) else quantile_interval(value, drawn)
