"""Challenger evaluation: a challenger against the champion, on sessions held out from both.

The challenger is promoted when it passes its gates and is significantly better, or not worse by
more than a margin. Without significance the champion stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.core.estimate import Estimate
from phantom_core.core.registry import choose_named
from phantom_core.core.resampling import N_RESAMPLES, count_some, quantile_interval
from phantom_core.evaluation.metrics import calibration_bins, calibration_error
from phantom_core.evaluation.ranking import auc_difference, rank_scores
from phantom_core.models.curves import TINY

Rule = Literal["better", "not_worse"]
RULES: Final[tuple[Rule, ...]] = get_args(Rule)
# With fewer of a kind an interval is meaningless.
LEAST_OF_A_KIND: Final = 10


@dataclass(frozen=True, slots=True)
class ComparedFigure:
    """One figure of both models; higher is better.

    Attributes:
        name: roc_auc, log_likelihood …
        champion: None without one.
        challenger: the same figure of the challenger.
        difference: challenger minus champion on the same resampled actors, 95 %; None without a
            champion.
    """

    name: str
    champion: float | None
    challenger: float
    difference: Estimate | None


@dataclass(frozen=True, slots=True)
class PromotionGate:
    """A limit that a challenger must meet, besides beating the champion.

    Attributes:
        name: of the figure.
        value: reached on the held-out sessions.
        limit: required.
        is_most: whether the limit is a maximum; else a minimum.
    """

    name: str
    value: float
    limit: float
    is_most: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the challenger passes."""
        return self.value <= self.limit if self.is_most else self.value >= self.limit

    @property
    def sentence(self) -> str:
        """The value and the limit."""
        return (
            f"{self.name.replace('_', ' ')} is {self.value:.3f}, "
            f"{'at most' if self.is_most else 'at least'} {self.limit:g} is required"
        )


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Rows of one task that are held out from both models.

    Attributes:
        positive: labels, shape (n,).
        actor: of each row, shape (n,).
        champion: probabilities, shape (n,); None without a champion.
        challenger: the same of the challenger.
    """

    positive: NDArray[np.bool_]
    actor: NDArray[np.int64]
    champion: Floats | None
    challenger: Floats

    @property
    def is_enough(self) -> bool:
        """Whether there are enough rows of both classes."""
        return int(min(self.positive.sum(), (~self.positive).sum())) >= LEAST_OF_A_KIND


@dataclass(frozen=True, slots=True)
class PromotionDecision:
    """Whether the challenger is promoted, and why, one sentence."""

    is_promoted: bool
    why: str


def rule_named(name: str) -> Rule:
    """A rule of promotion by its name.

    Raises:
        InputError: there is no such rule.
    """
    return choose_named("promotion rule", name, RULES)


def compare_figure(
    held_out: HeldOut, task: str, rng: np.random.Generator
) -> tuple[ComparedFigure, ComparedFigure]:
    """ROC-AUC and mean log-likelihood of both.

    Args:
        held_out: rows with both classes.
        task: prefix of the figures' names, such as "agent".
        rng: draws the resamples.
    """
    ranked = _ranked(held_out, f"{task}_roc_auc", rng)
    return ranked, _likelihood(held_out, f"{task}_log_likelihood", rng)


def check_promotion_gates(
    held_out: HeldOut, task: str, limits: Mapping[str, float], rng: np.random.Generator
) -> tuple[PromotionGate, ...]:
    """Evaluate the challenger against its limits.

    Args:
        held_out: rows with both classes.
        task: prefix of the figures' names.
        limits: by figure: roc_auc and precision_at_recall_80 (least), calibration_error (most).
        rng: draws resamples that are not used.
    """
    found = rank_scores(held_out.positive, held_out.challenger, held_out.actor, rng, n_resamples=1)
    values = {
        "roc_auc": found.roc_auc.value,
        "precision_at_recall_80": found.precision_at_recall_80.value,
        "calibration_error": calibration_error(
            calibration_bins(held_out.positive, held_out.challenger)
        ),
    }
    return tuple(
        PromotionGate(f"{task}_{name}", values[name], limit, name == "calibration_error")
        for name, limit in limits.items()
    )


def decide_promotion(
    figures: Sequence[ComparedFigure], gates: Sequence[PromotionGate], rule: Rule, margin: float
) -> PromotionDecision:
    """Decide whether the challenger is promoted.

    Args:
        figures: the first one decides; the others must not be significantly worse.
        gates: of the challenger.
        rule: "better": significantly better in the first figure; "not_worse": significantly
            not worse by more than the margin.
        margin: of the first figure.
    """
    missed = [gate.sentence for gate in gates if not gate.is_met]
    if missed:
        return PromotionDecision(False, f"The challenger misses a gate: {'; '.join(missed)}.")
    first, others = figures[0], figures[1:]
    if first.difference is None:
        return PromotionDecision(
            True, "There was no champion to beat, and the challenger meets every gate."
        )
    worse = [
        figure for figure in others if figure.difference is not None and figure.difference.high < 0
    ]
    if worse:
        return PromotionDecision(
            False, f"The challenger is significantly worse in {_difference_text(worse[0])}."
        )
    if first.difference.low > 0:
        return PromotionDecision(
            True, f"The challenger is significantly better in {_difference_text(first)}."
        )
    if rule == "not_worse" and first.difference.low > -margin:
        return PromotionDecision(
            True,
            f"The challenger is not worse by more than {margin:g} in {_difference_text(first)}.",
        )
    wanted = "better" if rule == "better" else f"within {margin:g}"
    return PromotionDecision(
        False, f"The challenger is not significantly {wanted} in {_difference_text(first)}."
    )


def _difference_text(figure: ComparedFigure) -> str:
    assert figure.difference is not None and figure.champion is not None
    one = figure.difference
    name = figure.name.replace("_", " ").replace("roc auc", "ROC-AUC")
    return (
        f"{name}: {figure.challenger:.3f} against {figure.champion:.3f}, difference "
        f"{one.value:+.4f} ({one.low:+.4f} to {one.high:+.4f})"
    )


def _ranked(rows: HeldOut, name: str, rng: np.random.Generator) -> ComparedFigure:
    value = rank_scores(
        rows.positive, rows.challenger, rows.actor, rng, n_resamples=1
    ).roc_auc.value
    if rows.champion is None:
        return ComparedFigure(name, None, value, None)
    difference = auc_difference(
        rows.positive, (rows.challenger, rows.champion), rows.actor, rng, N_RESAMPLES
    )
    return ComparedFigure(name, value - difference.value, value, difference)


def _likelihood(rows: HeldOut, name: str, rng: np.random.Generator) -> ComparedFigure:
    mine = _log_likelihood(rows.positive, rows.challenger)
    if rows.champion is None:
        return ComparedFigure(name, None, float(mine.mean()), None)
    theirs = _log_likelihood(rows.positive, rows.champion)
    return ComparedFigure(
        name,
        float(theirs.mean()),
        float(mine.mean()),
        mean_of_actors(mine - theirs, rows.actor, rng),
    )


def _log_likelihood(positive: NDArray[np.bool_], probability: Floats) -> Floats:
    clipped = np.clip(probability, TINY, 1 - TINY)
    return np.asarray(np.log(np.where(positive, clipped, 1 - clipped)))


def mean_of_actors(
    values: Floats,
    actor: NDArray[np.int64],
    rng: np.random.Generator,
    n_resamples: int = N_RESAMPLES,
) -> Estimate:
    """Mean of values with an interval from resampled actors.

    Args:
        values: shape (n,).
        actor: of each, shape (n,).
        rng: draws the resamples.
        n_resamples: count.
    """
    _, at = np.unique(actor, return_inverse=True)
    total, n = np.bincount(at, values), np.bincount(at)
    drawn = [(times @ total) / (times @ n) for times in count_some(len(n), n_resamples, rng)]
    return quantile_interval(values.mean(), np.concatenate(drawn))
