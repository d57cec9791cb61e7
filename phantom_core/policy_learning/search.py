"""Search: a tree of prices with the highest worth, from the sums of each node's bins.

Every split of a node, and the best price on either side of it, follow from one histogram. A greedy
tree takes the best split by the two prices right below it; with lookahead the split whose best
subtree of one more level is worth most, which makes a tree of depth 2 (and with `levels` 2 one of
depth 3) exact over the bins.
Source: Sverdrup, Kanodia, Zhou, Athey and Wager 2020, policytree, for exact shallow trees; Esmeir
and Markovitch 2007 for lookahead.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats
from phantom_core.policy_learning.bins import Binned

NOTHING: Final = -np.inf
_GAIN: Final = 1e-9


@dataclass(frozen=True, slots=True)
class PriceLeaf:
    """Quotes with one price.

    Attributes:
        price: position among the candidates.
    """

    price: int


@dataclass(frozen=True, slots=True)
class PriceSplit:
    """A split on a bin.

    Attributes:
        column: reading of a feature.
        last_bin: bins up to here go left.
        left, right: subtrees.
    """

    column: int
    last_bin: int
    left: "PriceLeaf | PriceSplit"
    right: "PriceLeaf | PriceSplit"


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """What is searched for.

    Attributes:
        binned: features of the quotes.
        numbers: of the quotes' payoff, shape (n_quotes, n_numbers).
        worth: of a number at each candidate price, shape (n_numbers, n_prices); rising prices.
        fewest: quotes in a leaf.
        levels: first levels whose splits are chosen by exact subtrees below them.
    """

    binned: Binned
    numbers: Floats
    worth: Floats
    fewest: int
    levels: int = 0

    def grow(self, depth: int) -> PriceLeaf | PriceSplit:
        """The tree of a depth."""
        rows = np.arange(len(self.numbers))
        return self._grow(rows, depth, self.levels, (0, self.worth.shape[1] - 1))

    def _grow(
        self, rows: NDArray[np.int64], depth: int, levels: int, within: tuple[int, int]
    ) -> PriceLeaf | PriceSplit:
        leaf = self._leaf(rows, within)
        if depth == 0 or rows.size < 2 * self.fewest:
            return leaf
        worth, column, last_bin, prices = self._best(rows, depth, levels, within)
        alone = self._value(rows, leaf.price)
        if worth <= alone + _GAIN * max(1.0, abs(alone)):
            return leaf
        is_left = self.binned.codes[rows, column] <= last_bin
        bounds = (within, within)
        if self.binned.columns[column].rises:
            # No price of the lower side above any price of the upper one.
            middle = (prices[0] + prices[1]) // 2
            bounds = ((within[0], middle), (middle, within[1]))
        left = self._grow(rows[is_left], depth - 1, levels - 1, bounds[0])
        right = self._grow(rows[~is_left], depth - 1, levels - 1, bounds[1])
        if left == right and isinstance(left, PriceLeaf):
            return left
        return PriceSplit(column, last_bin, left, right)

    def _leaf(self, rows: NDArray[np.int64], within: tuple[int, int]) -> PriceLeaf:
        low, high = within
        total = self.numbers[rows].sum(axis=0) @ self.worth[:, low : high + 1]
        return PriceLeaf(low + int(total.argmax()))

    def _value(self, rows: NDArray[np.int64], price: int) -> float:
        return float(self.numbers[rows].sum(axis=0) @ self.worth[:, price])

    def _best(
        self, rows: NDArray[np.int64], depth: int, levels: int, within: tuple[int, int]
    ) -> tuple[float, int, int, tuple[int, int]]:
        """Worth, reading, bin and prices of the best split."""
        sums, counts = self._histogram(rows)
        gains, prices = self._splits(sums, counts, within)
        column, last_bin = np.unravel_index(gains.argmax(), gains.shape)
        best = (float(gains[column, last_bin]), int(column), int(last_bin))
        if depth > 1 and levels > 0:
            best = self._ahead(rows, gains, depth, levels, within)
        left, right = prices[:, best[1], best[2]]
        return *best, (int(left), int(right))

    def _ahead(
        self,
        rows: NDArray[np.int64],
        gains: Floats,
        depth: int,
        levels: int,
        within: tuple[int, int],
    ) -> tuple[float, int, int]:
        """The split whose subtrees are worth most."""
        best = (NOTHING, 0, 0)
        for column, last_bin in np.argwhere(np.isfinite(gains)).tolist():
            is_left = self.binned.codes[rows, column] <= last_bin
            worth = sum(
                self._below(rows[side], depth - 1, levels - 1, within)
                for side in (is_left, ~is_left)
            )
            if worth > best[0]:
                best = (worth, column, last_bin)
        return best

    def _below(
        self, rows: NDArray[np.int64], depth: int, levels: int, within: tuple[int, int]
    ) -> float:
        """Worth of the best subtree of one level, or of more while levels are left."""
        alone = self._value(rows, self._leaf(rows, within).price)
        if depth == 0 or rows.size < 2 * self.fewest:
            return alone
        return max(alone, self._best(rows, depth, levels, within)[0])

    def _histogram(self, rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Sums by reading and bin, shape (n_columns, n_bins, n_numbers), and counts of quotes."""
        n_columns, n_bins = len(self.binned.columns), self.binned.n_bins
        flat = (self.binned.codes[rows] + n_bins * np.arange(n_columns)).ravel()
        size = n_columns * n_bins
        sums = [
            np.bincount(flat, np.repeat(self.numbers[rows, at], n_columns), minlength=size)
            for at in range(self.numbers.shape[1])
        ]
        shape = (n_columns, n_bins)
        counts = np.bincount(flat, minlength=size).reshape(shape).astype(np.float64)
        return np.asarray(np.stack(sums, axis=1).reshape(*shape, -1), np.float64), counts

    def _splits(
        self, sums: Floats, counts: Floats, within: tuple[int, int]
    ) -> tuple[Floats, NDArray[np.int64]]:
        """Worth of every split, and the prices on either side, shape (2, n_columns, n_bins)."""
        low, high = within
        worth = self.worth[:, low : high + 1]
        below, n_below = np.cumsum(sums, axis=1), np.cumsum(counts, axis=1)
        left, right = below @ worth, (below[:, -1:] - below) @ worth
        found = left.max(axis=2) + right.max(axis=2)
        prices = np.stack([left.argmax(axis=2), right.argmax(axis=2)])
        rises = np.array([one.rises for one in self.binned.columns])
        if rises.any():
            found[rises], prices[:, rises] = _rising(left[rises], right[rises])
        n = counts[0].sum()
        is_small = (n_below < self.fewest) | (n - n_below < self.fewest)
        found[is_small] = NOTHING
        return found, prices + low


def _rising(left: Floats, right: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """The best pair of prices of which the left one is not above the right one."""
    best_left = np.maximum.accumulate(left, axis=2)
    best_right = np.maximum.accumulate(right[:, :, ::-1], axis=2)[:, :, ::-1]
    both = best_left + best_right
    middle = both.argmax(axis=2)[..., None]
    prices = np.arange(left.shape[2])
    of_left = np.where(prices <= middle, left, NOTHING).argmax(axis=2)
    of_right = np.where(prices >= middle, right, NOTHING).argmax(axis=2)
    return np.take_along_axis(both, middle, axis=2)[..., 0], np.stack([of_left, of_right])


def prices_of(
    node: PriceLeaf | PriceSplit, codes: NDArray[np.int64], rows: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Position of each quote's price among the candidates.

    Args:
        node: the tree.
        codes: bin of each quote by reading, shape (n_quotes, n_columns).
        rows: of the quotes; None means all.
    """
    chosen = np.arange(len(codes)) if rows is None else rows
    if isinstance(node, PriceLeaf):
        return np.full(chosen.size, node.price)
    is_left = codes[chosen, node.column] <= node.last_bin
    found = np.empty(chosen.size, np.int64)
    found[is_left] = prices_of(node.left, codes, chosen[is_left])
    found[~is_left] = prices_of(node.right, codes, chosen[~is_left])
    return found
