"""Frontier: how much of its teacher a tree keeps at every depth, on actors it had not met."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from phantom_core.distil.fidelity import Fidelity, fidelity
from phantom_core.distil.grow import Recipe, grow
from phantom_core.distil.sample import Sample
from phantom_core.distil.tree import leaves, markup_of
from phantom_core.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class FrontierPoint:
    """One depth.

    Attributes:
        depth: most questions on a path.
        leaves: of the tree of all sessions, count.
        fidelity: of trees that had not met the actors they are judged on.
    """

    depth: int
    leaves: int
    fidelity: Fidelity


def out_of_fold_markup(sample: Sample, fold: NDArray[np.int64], recipe: Recipe, seed: int) -> NDArray[np.float64]:
    """Mark-up of each session by a tree that learned from the other folds, shape (n_sessions,)."""
    markup = np.empty(len(sample))
    for k in np.unique(fold):
        judged = sample[fold == k]
        markup[fold == k] = markup_of(grow(sample[fold != k], recipe, seed), judged.columns, len(judged))
    return markup


def judge(sample: Sample, fold: NDArray[np.int64], recipe: Recipe, seed: int) -> FrontierPoint:
    """Grow trees as a recipe says, and measure what they keep.

    Args:
        sample: the sessions.
        fold: fold of each session; actors are not torn apart, shape (n_sessions,).
        recipe: what kind of tree.
        seed: of the trees and the resamples.
    """
    kept = fidelity(sample, out_of_fold_markup(sample, fold, recipe, seed), np.random.default_rng(seed))
    return FrontierPoint(recipe.depth, len(leaves(grow(sample, recipe, seed))), kept)


def frontier(
    sample: Sample, fold: NDArray[np.int64], recipe: Recipe, seed: int, *, max_depth: int, progress: Progress = silent
) -> tuple[FrontierPoint, ...]:
    """Judge every depth from 1; arguments as in `judge`."""
    points = []
    for depth in range(1, max_depth + 1):
        progress((depth - 1) / max_depth, f"depth {depth} of {max_depth}")
        points.append(judge(sample, fold, replace(recipe, depth=depth), seed))
    return tuple(points)
