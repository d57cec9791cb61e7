"""Shops: many copies of one simulated shop, stepped by the hour in NumPy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.errors import InputError
from phantom_core.market.demand import leakage_per_unit, purchase_probability
from phantom_core.market.scenario import HOURS_A_DAY, Scenario
from phantom_core.market.traffic import AGENT, ShopperScorer, Traffic, draw_traffic


@dataclass(slots=True)
class State:
    """What shops know at the start of an hour about the previous hour; arrays (n_shops,) unless
    stated otherwise.

    After an hour without visitors, shares and means keep the values of the last hour with one.

    Attributes:
        demand: arrivals.
        stock: units left, shape (n_shops, n_products).
        hour: hour of day, 0 to 23.
        elapsed_h: hours since opening.
        hours_left: hours until the horizon.
        agent_fraction: share of visitors flagged by the detector.
        velocity: mean velocity of the visitors, events per minute.
        p_agent: mean P(agent) of the visitors by the scorer; NaN without a scorer.
        p_purchase: mean P(purchase) of the visitors by the scorer, at the price they saw; NaN
            without a scorer.
    """

    demand: NDArray[np.int64]
    stock: NDArray[np.int64]
    hour: NDArray[np.int64]
    elapsed_h: NDArray[np.int64]
    hours_left: NDArray[np.int64]
    agent_fraction: NDArray[np.float64]
    velocity: NDArray[np.float64]
    p_agent: NDArray[np.float64]
    p_purchase: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Hour:
    """What happened in an hour; arrays (n_shops,) unless stated otherwise.

    Attributes:
        ratio: prices in units of the base price, within the guard rails, shape (n_shops,
            n_products).
        arrivals: shoppers by class, shape (n_shops, 2).
        units: units sold by product and class, shape (n_shops, n_products, 2).
        revenue: money taken.
        leakage: how far units bought by agents stay below the reference price, money.
        reward: revenue − weight · leakage.
        sold_out: whether no stock is left.
        closed: whether the horizon is reached.
    """

    ratio: NDArray[np.float64]
    arrivals: NDArray[np.int64]
    units: NDArray[np.int64]
    revenue: NDArray[np.float64]
    leakage: NDArray[np.float64]
    reward: NDArray[np.float64]
    sold_out: NDArray[np.bool_]
    closed: NDArray[np.bool_]


class Shops:
    """Copies of one shop, independent except for a shared random stream.

    Args:
        scenario: the market.
        n_shops: count, at least 1.
        seed: the same seed brings the same shoppers, whatever the prices.
        scorer: a model that scores the visitors; None leaves p_agent and p_purchase undefined.

    Raises:
        InputError: fewer than one shop.
    """

    def __init__(
        self,
        scenario: Scenario,
        n_shops: int,
        seed: int | np.random.SeedSequence,
        scorer: ShopperScorer | None = None,
    ) -> None:
        if n_shops < 1:
            raise InputError(f"{n_shops} shops cannot be simulated.", hint="Ask for one or more.")
        self.scenario, self.n_shops, self.scorer = scenario, n_shops, scorer
        self.base_price = np.array([product.base_price for product in scenario.products])
        self._rng, self._scorer_rng = np.random.default_rng(seed).spawn(2)
        self._rates, self._shares = scenario.rates(), scenario.shares()
        self._first_stock = np.array([product.stock for product in scenario.products])
        self.state = State(
            demand=np.zeros(n_shops, np.int64),
            stock=np.tile(self._first_stock, (n_shops, 1)),
            hour=np.zeros(n_shops, np.int64),
            elapsed_h=np.zeros(n_shops, np.int64),
            hours_left=np.zeros(n_shops, np.int64),
            agent_fraction=np.zeros(n_shops),
            velocity=np.zeros(n_shops),
            p_agent=np.full(n_shops, np.nan),
            p_purchase=np.full(n_shops, np.nan),
        )
        self.reset()

    def reset(self, rows: NDArray[np.int64] | None = None) -> None:
        """Reopen shops; their first state comes from the visitors of the hour before opening, at
        the base price.

        Args:
            rows: which shops; None means all.
        """
        rows = np.arange(self.n_shops) if rows is None else rows
        if not rows.size:
            return
        scenario, state = self.scenario, self.state
        state.stock[rows] = self._first_stock
        state.elapsed_h[rows] = 0
        self._set_clock(rows)
        # After an hour without visitors the state is that of an average visitor.
        share, detector = scenario.agent_share, scenario.detector
        state.agent_fraction[rows] = share * detector.recall + (1.0 - share) * detector.false_alarms
        state.velocity[rows] = (
            share * scenario.agent_velocity.mean + (1.0 - share) * scenario.human_velocity.mean
        )
        if self.scorer is not None:
            state.p_agent[rows] = share
            state.p_purchase[rows] = 0.5
        before = scenario.arrivals[(scenario.first_hour - 1) % HOURS_A_DAY]
        traffic = draw_traffic(
            scenario, np.full(rows.size, before), np.full(rows.size, self._shares[0]), self._rng
        )
        self._observe(traffic, rows, np.ones((rows.size, self.base_price.size)))

    def step(self, ratio: NDArray[np.float64]) -> Hour:
        """Set the prices of an hour.

        Args:
            ratio: price in units of the base price, shape (n_shops,) or (n_shops, n_products);
                clipped to the guard rails.
        Raises:
            InputError: a price that is not a number, or a wrong shape.
        """
        prices = self._clip_to_guard_rails(ratio)
        state = self.state
        elapsed = np.minimum(state.elapsed_h, self.scenario.horizon_h - 1)
        traffic = draw_traffic(
            self.scenario, self._rates[elapsed], self._shares[elapsed], self._rng
        )
        units = self._sell(traffic, prices)
        by_agents = units[:, :, AGENT]
        revenue = (units.sum(axis=2) * prices) @ self.base_price
        leakage = (by_agents * leakage_per_unit(self.scenario, prices)) @ self.base_price
        state.elapsed_h += 1
        rows = np.arange(self.n_shops)
        self._set_clock(rows)
        self._observe(traffic, rows, prices)
        return Hour(
            ratio=prices,
            arrivals=traffic.arrivals,
            units=units,
            revenue=revenue,
            leakage=leakage,
            reward=revenue - self.scenario.leakage_weight * leakage,
            sold_out=np.asarray(state.stock.sum(axis=1) == 0),
            closed=state.hours_left <= 0,
        )

    def _clip_to_guard_rails(self, ratio: NDArray[np.float64]) -> NDArray[np.float64]:
        given = np.asarray(ratio, np.float64)
        given = given[:, None] if given.ndim == 1 else given
        wanted = (self.n_shops, self.base_price.size)
        if given.shape not in {wanted, (self.n_shops, 1)}:
            raise InputError(
                f"Prices of shape {np.shape(ratio)} do not fit {self.n_shops} shops with "
                f"{self.base_price.size} products."
            )
        if np.isnan(given).any():
            raise InputError(
                "A price is not a number.", hint="A policy must return a price for every shop."
            )
        return np.broadcast_to(self.scenario.guard_rails.clamp_all(given), wanted)

    def _set_clock(self, rows: NDArray[np.int64]) -> None:
        state = self.state
        state.hour[rows] = (self.scenario.first_hour + state.elapsed_h[rows]) % HOURS_A_DAY
        state.hours_left[rows] = self.scenario.horizon_h - state.elapsed_h[rows]

    def _sell(self, traffic: Traffic, ratio: NDArray[np.float64]) -> NDArray[np.int64]:
        """Serve first choices in order of arrival, then the second choices of those left over."""
        sensitivity = np.array([self.scenario.human_sensitivity, self.scenario.agent_sensitivity])
        p_buy = purchase_probability(ratio[:, :, None], sensitivity).ravel()
        place = traffic.shop * self.base_price.size + traffic.product
        got, units = self._serve(place, traffic.agent, traffic.threshold, p_buy)
        if self.scenario.substitution > 0 and self.base_price.size > 1:
            looks = np.flatnonzero(~got & (traffic.other >= 0))
            place = traffic.shop[looks] * self.base_price.size + traffic.other[looks]
            units = (
                units
                + self._serve(place, traffic.agent[looks], traffic.other_threshold[looks], p_buy)[1]
            )
        return units

    def _serve(
        self,
        place: NDArray[np.int64],
        agent: NDArray[np.int64],
        threshold: NDArray[np.float64],
        p_buy: NDArray[np.float64],
    ) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Sell while stock lasts, in order of arrival.

        Args:
            place: row of the flat stock, shape (n_shoppers,), in order of arrival within a place.
            agent: class of each shopper.
            threshold: buys at a P(buy) above this, shape (n_shoppers,).
            p_buy: by place and class, shape (n_places · 2,).
        """
        stock = self.state.stock.reshape(-1)
        key = 2 * place + agent
        gets = threshold < p_buy[key]
        units = np.bincount(key[gets], minlength=p_buy.size)
        short = units[0::2] + units[1::2] > stock
        if short.any():
            contested = np.flatnonzero(gets & short[place])
            contested = contested[np.argsort(place[contested], kind="stable")]
            where = place[contested]
            late = np.arange(where.size) - np.searchsorted(where, where) >= stock[where]
            gets[contested[late]] = False
            units = np.bincount(key[gets], minlength=p_buy.size)
        stock -= units[0::2] + units[1::2]
        return gets, units.reshape(self.n_shops, -1, 2)

    def _observe(
        self, traffic: Traffic, rows: NDArray[np.int64], ratio: NDArray[np.float64]
    ) -> None:
        """Update the state from the visitors of the last hour; traffic and ratio are indexed by
        position in `rows`.
        """
        state, visitors = self.state, traffic.arrivals.sum(axis=1)
        state.demand[rows] = visitors
        visited = visitors > 0
        shop, n = rows[visited], visitors[visited]

        def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray(np.bincount(traffic.shop, values, minlength=rows.size)[visited] / n)

        state.agent_fraction[shop] = mean(traffic.flagged.astype(np.float64))
        state.velocity[shop] = traffic.pace[visited] / n
        if self.scorer is not None:
            p_agent, p_purchase = self.scorer(
                traffic, ratio[traffic.shop, traffic.product], self._scorer_rng
            )
            state.p_agent[shop], state.p_purchase[shop] = mean(p_agent), mean(p_purchase)
