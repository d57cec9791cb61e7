"""Frontier: fidelity of a tree to its teacher by depth, on held-out actors."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.progress import Progress, no_progress
from phantom_core.distil.fidelity import Fidelity, measure_fidelity
from phantom_core.distil.grow import Recipe, grow_tree
from phantom_core.distil.sample import DistillationSample
from phantom_core.distil.tree import markup_of, tree_leaves


@dataclass(frozen=True, slots=True)
class FrontierPoint:
    """One depth.

    Attributes:
        depth: most splits on a path.
        leaves: of the tree of all sessions, count.
        fidelity: of trees evaluated on held-out actors.
    """

    depth: int
    leaves: int
    fidelity: Fidelity


def out_of_fold_markup(
    sample: DistillationSample, fold: NDArray[np.int64], recipe: Recipe, seed: int
) -> NDArray[np.float64]:
    """Mark-up of each session by a tree trained on the other folds, shape (n_sessions,)."""
    markup = np.empty(len(sample))
    for k in np.unique(fold):
        held_out = sample[fold == k]
        markup[fold == k] = markup_of(
            grow_tree(sample[fold != k], recipe, seed), held_out.columns, len(held_out)
        )
    return markup


def score_depth(
    sample: DistillationSample, fold: NDArray[np.int64], recipe: Recipe, seed: int
) -> FrontierPoint:
    """Grow trees by a recipe, and measure their fidelity.

    Args:
        sample: the sessions.
        fold: fold of each session; no actor is in two, shape (n_sessions,).
        recipe: what kind of tree.
        seed: of the trees and the resamples.
    """
    fidelity = measure_fidelity(
        sample, out_of_fold_markup(sample, fold, recipe, seed), np.random.default_rng(seed)
    )
    return FrontierPoint(recipe.depth, len(tree_leaves(grow_tree(sample, recipe, seed))), fidelity)


def depth_frontier(
    sample: DistillationSample,
    fold: NDArray[np.int64],
    recipe: Recipe,
    seed: int,
    *,
    max_depth: int,
    progress: Progress = no_progress,
) -> tuple[FrontierPoint, ...]:
    """Score every depth from 1; arguments as of `score_depth`."""
    points = []
    for depth in range(1, max_depth + 1):
        progress((depth - 1) / max_depth, f"depth {depth} of {max_depth}")
        points.append(score_depth(sample, fold, replace(recipe, depth=depth), seed))
    return tuple(points)
