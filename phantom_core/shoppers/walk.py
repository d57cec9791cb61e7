"""The walk: visits of one style, taken step by step together, until each has left.

A step is a draw from the visit's habits, which depend on its position (a list or a product): a
Markov chain with two contexts. At the first sight of a product the shop quotes a price, and the
shopper decides at once, in two draws: whether to consider the product (whatever the price; it goes
to the cart) and whether to buy it at this price.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.shoppers.families import Style
from phantom_core.shoppers.path import Decisions, Move, Path, PathEvents, concatenate_paths
from phantom_core.shoppers.quotes import QuoteRequest, Shop
from phantom_core.shoppers.visits import Visits

# How long a reader looks at a step, in units of the typical wait.
_SHARES: Final = {
    Move.SEARCH: 1.2, Move.FILTER: 0.7, Move.SORT: 0.7, Move.OPEN: 1.6, Move.AGAIN: 1.2,
    Move.LEARN: 2.0, Move.HOVER: 0.4, Move.CLICK: 0.5,
    Move.CART: 0.8, Move.CART_PAGE: 1.2, Move.REMOVE: 0.6, Move.CHECKOUT: 4.0,
}  # fmt: skip
_ATTENTION: Final = np.array([_SHARES.get(move, 1.0) for move in Move])
# The client itself sends the next event after these: arriving loads a page, a click on a list opens
# a product.
_PAGE_LOAD_S: Final = 0.4
_STAYS: Final = np.isin(np.arange(len(Move)), (Move.LEARN, Move.HOVER, Move.CLICK))
_ON_LIST: Final = np.isin(
    np.arange(len(Move)), (Move.ARRIVE, Move.LIST, Move.SEARCH, Move.FILTER, Move.SORT)
)
_SHOWS_PRICE: Final = np.isin(
    np.arange(len(Move)), (Move.OPEN, Move.AGAIN, Move.LEARN, Move.CART, Move.PURCHASE)
)
_HOVER_KINDS: Final = np.cumsum([0.45, 0.15, 0.25])
# How a visit ends: nothing in the cart; one of three ways to abandon it; a purchase.
_BUYS: Final = 4
_ENDINGS: Final = np.array(
    [
        (Move.LEAVE, Move.LEAVE, Move.LEAVE, Move.LEAVE),
        (Move.CART_PAGE, Move.LEAVE, Move.LEAVE, Move.LEAVE),
        (Move.CART_PAGE, Move.REMOVE, Move.LEAVE, Move.LEAVE),
        (Move.CART_PAGE, Move.CHECKOUT, Move.LEAVE, Move.LEAVE),
        (Move.CART_PAGE, Move.CHECKOUT, Move.PURCHASE, Move.LEAVE),
    ]
)
_MOST_INTEREST: Final = 0.9
_MOST_EVENTS: Final = 150


def walk_visits(
    visits: Visits,
    style: Style,
    sensitivity: float,
    shop: Shop,
    rng: np.random.Generator,
    sessions: NDArray[np.int64] | None = None,
) -> tuple[PathEvents, Decisions]:
    """Walk visits from their first event to their last.

    Args:
        visits: sessions about to begin; the result refers to their rows.
        style: of all of them.
        sensitivity: exponent s of P(buy) = 1 / (1 + (price / base price) ^ s).
        shop: catalogue and pricing policy.
        rng: source of all randomness.
        sessions: rows of the population's sessions behind the visits, for pricing policies that
            need more than their path.

    Returns:
        The events, step by step, and the first quotes with their outcomes.
    """
    walkers = _Walkers(visits, style, sensitivity, shop, rng, Path(sessions))
    rows = np.arange(visits.start_ms.size)
    walkers.take(rows, np.full(rows.size, Move.ARRIVE, np.int64))
    while rows.size:
        moves = walkers.next_moves(rows)
        rows, moves = rows[moves != Move.LEAVE], moves[moves != Move.LEAVE]
        walkers.take(rows, moves)
    return walkers.path.events(), concatenate_paths(walkers.decisions)


class _Walkers:
    """The state of every visit; arrays over the visits."""

    def __init__(
        self,
        visits: Visits,
        style: Style,
        sensitivity: float,
        shop: Shop,
        rng: np.random.Generator,
        path: Path,
    ) -> None:
        n = visits.start_ms.size
        self.visits, self.style, self.sensitivity, self.rng = visits, style, sensitivity, rng
        self.catalogue, self.quote = shop.catalogue, shop.quote
        self.path = path
        self.decisions: list[Decisions] = []
        self.now_ms = visits.start_ms.copy()
        self.product = np.full(n, -1)
        self.target = visits.target.copy()
        self.place = rng.integers(0, 1 << 16, n)
        self.prices = np.full((n, int(shop.catalogue.size.max())), np.nan)
        self.opened = np.full((n, _MOST_EVENTS + 1), -1, np.int16)
        self.n_opened = np.zeros(n, np.int64)
        self.to_cart = np.full(n, -1)
        self.in_cart = np.full(n, -1)
        self.ending = np.zeros(n, np.int64)
        self.ending_step = np.zeros(n, np.int64)
        self.on_product = np.zeros(n, np.int64)
        self.clicked = np.zeros(n, np.bool_)
        length = style.length * np.exp(style.length_spread * rng.standard_normal(n))
        self.steps_left = np.clip(np.round(length), 1, _MOST_EVENTS).astype(np.int64)
        weights = (
            np.stack([style.on_list.weights(), style.on_product.weights()])
            * visits.habits[:, None, :]
        )
        self.habits = np.cumsum(weights, axis=2) / weights.sum(axis=2, keepdims=True)

    def next_moves(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The next move of each visit: the forced one, else a draw from its habits."""
        drawn = self.rng.random(rows.size)[:, None] > self.habits[rows, self.on_product[rows], :-1]
        moves = drawn.sum(axis=1)
        moves[self.clicked[rows]] = Move.OPEN
        ends = (self.steps_left[rows] <= 0) & ~self.clicked[rows]
        # A considered product goes to the cart before the visit moves on.
        carts = (self.to_cart[rows] >= 0) & (ends | ~_STAYS[moves])
        ends &= ~carts
        ending = rows[ends]
        moves[ends] = _ENDINGS[self.ending[ending], self.ending_step[ending]]
        self.ending_step[ending] += 1
        moves[carts] = Move.CART
        return np.asarray(moves)

    def take(self, rows: NDArray[np.int64], moves: NDArray[np.int64]) -> None:
        """Take one step with each visit: look, decide, record, wait."""
        self._look(rows, moves)
        self._handle_cart(rows, moves)
        self._record(rows, moves)
        self.clicked[rows] = (moves == Move.CLICK) & (self.on_product[rows] == 0)
        self.steps_left[rows] -= 1
        self.now_ms[rows] += self._waits_ms(rows, moves)

    def _look(self, rows: NDArray[np.int64], moves: NDArray[np.int64]) -> None:
        again = (moves == Move.AGAIN) & (self.n_opened[rows] > 0)
        opens = ((moves == Move.OPEN) | (moves == Move.AGAIN)) & ~again
        back, fresh = rows[again], rows[opens]
        nth = (self.rng.random(back.size) * self.n_opened[back]).astype(np.int64)
        self.product[back] = self.opened[back, nth]
        self.product[fresh] = self._choose(fresh)
        self.on_product[rows[_ON_LIST[moves]]] = 0
        self.on_product[back] = self.on_product[fresh] = 1
        self._ask(fresh)

    def _choose(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The next product: the visit's target, the next of the listing, or one to its taste."""
        store = self.visits.store[rows]
        height = self.visits.taste[rows] + self.style.taste_width * self.rng.standard_normal(
            rows.size
        )
        product = self.catalogue.on_price_ladder(store, height)
        sweeps = self.rng.random(rows.size) < self.style.sweep
        self.place[rows[sweeps]] += 1
        product[sweeps] = self.catalogue.on_listing(store[sweeps], self.place[rows[sweeps]])
        aimed = self.target[rows] >= 0
        product[aimed] = self.target[rows[aimed]]
        self.target[rows] = -1
        return product

    def _ask(self, rows: NDArray[np.int64]) -> None:
        """Request the prices of products seen for the first time, and decide."""
        shelf = self.product[rows] - self.catalogue.first[self.visits.store[rows]]
        first = np.isnan(self.prices[rows, shelf])
        rows, shelf = rows[first], shelf[first]
        product = self.product[rows]
        self.opened[rows, self.n_opened[rows]] = product
        self.n_opened[rows] += 1
        request = QuoteRequest(
            rows, product, self.catalogue.base_price[product], self.now_ms[rows], self.path
        )
        quoted = self.quote(request, self.rng)
        self.prices[rows, shelf] = quoted.price
        interest = np.where(
            product == self.visits.target[rows], self.style.target_interest, self.style.interest
        )
        # At most one product in the cart per visit: later ones are only viewed.
        interest = np.minimum(interest * self.visits.keenness[rows], _MOST_INTEREST) * (
            self.ending[rows] == 0
        )
        p_buy = 1.0 / (1.0 + (quoted.price / request.base_price) ** self.sensitivity)
        considered = self.rng.random(rows.size) < interest
        bought = (self.rng.random(rows.size) < p_buy) & considered
        self.to_cart[rows[considered]] = product[considered]
        self.ending[rows[considered]] = self.rng.integers(1, _BUYS, int(considered.sum()))
        self.ending[rows[bought]] = _BUYS
        self.decisions.append(
            Decisions(
                rows,
                product,
                request.event_ms,
                quoted.price,
                request.base_price,
                quoted.propensity,
                interest,
                p_buy,
                considered,
                bought,
            )
        )

    def _handle_cart(self, rows: NDArray[np.int64], moves: NDArray[np.int64]) -> None:
        adds = rows[moves == Move.CART]
        self.in_cart[adds] = self.to_cart[adds]
        self.to_cart[adds] = -1
        handles = rows[(moves == Move.REMOVE) | (moves == Move.PURCHASE)]
        self.product[handles] = self.in_cart[handles]
        self.on_product[handles] = 1

    def _record(self, rows: NDArray[np.int64], moves: NDArray[np.int64]) -> None:
        named = (self.on_product[rows] == 1) & ~np.isin(moves, (Move.CART_PAGE, Move.CHECKOUT))
        product = np.where(named, self.product[rows], -1)
        shelf = np.maximum(product - self.catalogue.first[self.visits.store[rows]], 0)
        price = np.where(named & _SHOWS_PRICE[moves], self.prices[rows, shelf], np.nan)
        kind = np.searchsorted(_HOVER_KINDS, self.rng.random(rows.size))
        kind = np.where(
            moves == Move.FILTER, np.minimum(kind, 2), np.where(moves == Move.HOVER, kind, 0)
        )
        self.path.append(PathEvents(rows, moves, kind, product, price, self.now_ms[rows].copy()))

    def _waits_ms(self, rows: NDArray[np.int64], moves: NDArray[np.int64]) -> NDArray[np.int64]:
        waits = self.style.waits
        wait_s = (
            waits.typical_s
            * self.visits.pace[rows]
            * _ATTENTION[moves] ** waits.attention
            * waits.draw(self.rng, rows.size)
        )
        pauses = self.rng.random(rows.size) < waits.pause_rate
        wait_s += pauses * waits.pause_s * np.exp(0.6 * self.rng.standard_normal(rows.size))
        loads = self.clicked[rows] | (moves == Move.ARRIVE)
        wait_s[loads] = _PAGE_LOAD_S * np.exp(0.5 * self.rng.standard_normal(int(loads.sum())))
        return np.asarray(np.maximum(wait_s * 1e3, 20.0).astype(np.int64))
