"""Generated sessions of all families, as files a shop could have written, and the ground truth."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from phantom_core.core.errors import InputError
from phantom_core.events.schema import STORE_MODES
from phantom_core.shoppers.actors import Population, draw_population
from phantom_core.shoppers.catalogue import Catalogue, demo_catalogue
from phantom_core.shoppers.clients import Clients, draw_clients
from phantom_core.shoppers.families import FAMILIES, Family
from phantom_core.shoppers.messages import Senders, iso_time, write_events
from phantom_core.shoppers.metadata import draw_baskets
from phantom_core.shoppers.path import Decisions, PathEvents, concatenate_paths, take_rows
from phantom_core.shoppers.quotes import DEMO_EXPERIMENT, Quote, Shop
from phantom_core.shoppers.visits import prepare_visits
from phantom_core.shoppers.walk import walk_visits

_TASKS: Final = (
    "book-a-weekend",
    "find-the-cheapest",
    "gift-under-budget",
    "free-browsing",
    "compare-three",
)


@dataclass(frozen=True, slots=True)
class Generated:
    """Sessions and everything known about them.

    Attributes:
        events: as clients send them, in time order: sessionId, experimentId, storeMode, ts, page,
            eventName, productId, metadata, userAgent.
        quotes: each first price of a product in a session, in time order: sessionId, experimentId,
            storeMode, ts, productId, price, base_price, propensity.
        experiments: one row per actor: id, subject_name, xp_human_only, xp_market_mode, xp_task_id.
        labels: one row per session: session, family.
        truth: one row per quote, in the order of `quotes`, never to be loaded as data: sessionId,
            productId, family, visit ("usual" or "closing"), is_agent, price_ratio, interest =
            P(consider), p_buy_considered = P(buy | considered), p_buy = their product, considered,
            bought.
    """

    events: pa.Table
    quotes: pa.Table
    experiments: pa.Table
    labels: pa.Table
    truth: pa.Table


def generate_sessions(
    n_sessions: int,
    seed: int,
    *,
    families: Sequence[Family] = FAMILIES,
    quote: Quote = DEMO_EXPERIMENT,
    later_ms: int = 0,
) -> Generated:
    """Generate sessions; the same arguments give the same rows in any process.

    Args:
        n_sessions: 1 to 300,000 or as memory allows (about 20 events each).
        seed: source of all randomness.
        families: kinds of shoppers.
        quote: pricing policy.
        later_ms: added to every time; whole weeks keep hours and days of the week as they are.

    Raises:
        InputError: fewer than one session.
    """
    if n_sessions < 1:
        raise InputError(f"{n_sessions} sessions cannot be generated.", hint="Ask for one or more.")
    rng = np.random.default_rng(seed)
    catalogue = demo_catalogue()
    shoppers = draw_shoppers(n_sessions, families, rng)
    population = replace(
        shoppers.population, start_ms=shoppers.population.start_ms + np.int64(later_ms)
    )
    shoppers, clients = replace(shoppers, population=population), shoppers.clients
    events, decisions = walk_shoppers(shoppers, Shop(catalogue, quote), rng)
    senders = Senders(
        session_id=_session_ids(n_sessions, rng),
        experiment_id=_experiment_ids(population).take(pa.array(population.actor)),
        clients=clients,
        baskets=draw_baskets(population.store[population.actor], rng),
    )
    names = pa.array([family.name for family in families])
    return Generated(
        events=write_events(events, senders, catalogue, rng),
        quotes=_quotes(decisions, senders, catalogue),
        experiments=_experiments(population, families, rng),
        labels=pa.table(
            {
                "session": senders.session_id,
                "family": names.take(pa.array(population.family[population.actor])),
            }
        ),
        truth=_truth(decisions, senders, catalogue, population, families),
    )


@dataclass(frozen=True, slots=True)
class Shoppers:
    """Actors, sessions and clients, before any price is quoted.

    Attributes:
        population: actors and their sessions.
        clients: browsers and tools of the sessions.
        families: of the actors.
    """

    population: Population
    clients: Clients
    families: tuple[Family, ...]

    @property
    def is_agent(self) -> NDArray[np.bool_]:
        """Of each actor, shape (n_actors,)."""
        return np.array([family.is_agent for family in self.families])[self.population.family]


def draw_shoppers(
    n_sessions: int, families: Sequence[Family], rng: np.random.Generator
) -> Shoppers:
    """Draw the shoppers of some sessions.

    Args:
        n_sessions: 1 or more.
        families: their shares add up to 1.
        rng: source of all randomness.
    """
    population = draw_population(n_sessions, families, rng)
    return Shoppers(population, draw_clients(population, families, rng), tuple(families))


def walk_shoppers(
    shoppers: Shoppers, shop: Shop, rng: np.random.Generator, *, price_blind: bool = False
) -> tuple[PathEvents, Decisions]:
    """Walk family after family; visits are renumbered to rows of the population's sessions.

    Args:
        shoppers: actors, sessions and clients.
        shop: catalogue and pricing policy.
        rng: source of all randomness.
        price_blind: shoppers decide at random, whatever the price, whether to buy what they
            considered. What a session does before it ends never depends on that decision, so blind
            shoppers move alike whatever they are quoted; the caller decides for them later.
    """
    population, clients, families = shoppers.population, shoppers.clients, shoppers.families
    walked: list[PathEvents] = []
    decided: list[Decisions] = []
    kind = population.family[population.actor]
    # A generator for each family: changing one leaves the others as they were.
    for position, (family, own_rng) in enumerate(
        zip(families, rng.spawn(len(families)), strict=True)
    ):
        closes = population.is_last & (family.closing is not None)
        for style, sessions in (
            (family.style, (kind == position) & ~closes),
            (family.closing, (kind == position) & closes),
        ):
            rows = np.flatnonzero(sessions)
            if style is None or not rows.size:
                continue
            visits = prepare_visits(population, clients, rows, style, own_rng)
            if style is family.closing:
                visits = replace(visits, target=_targets(decided[-1], population, rows, family))
            sensitivity = 0.0 if price_blind else family.sensitivity
            events, decisions = walk_visits(visits, style, sensitivity, shop, own_rng, rows)
            walked.append(replace(events, visit=rows[events.visit]))
            decided.append(replace(decisions, visit=rows[decisions.visit]))
    decisions = concatenate_paths(decided)
    return concatenate_paths(walked), take_rows(
        decisions, np.lexsort((decisions.visit, decisions.event_ms))
    )


def _targets(
    seen: Decisions, population: Population, sessions: NDArray[np.int64], family: Family
) -> NDArray[np.int64]:
    """The product of each closing session: the one its actor saw last, or was quoted lowest; -1
    for an actor that saw none.
    """
    actor = population.actor[seen.visit]
    rank = (
        seen.price / seen.base_price if family.closing_target == "lowest quote" else -seen.event_ms
    )
    best = np.lexsort((rank, actor))
    found, first = np.unique(actor[best], return_index=True)
    target = np.full(population.family.size, -1)
    target[found] = seen.product[best[first]]
    return np.asarray(target[population.actor[sessions]])


def _session_ids(n_sessions: int, rng: np.random.Generator) -> pa.Array:
    numbers = rng.integers(0, 1 << 63, n_sessions)
    return pa.array([f"s-{number:016x}" for number in numbers.tolist()])


def _experiment_ids(population: Population) -> pa.Array:
    return pa.array([f"xp-{number:05d}" for number in range(1, population.family.size + 1)])


def _experiments(
    population: Population, families: Sequence[Family], rng: np.random.Generator
) -> pa.Table:
    n_actors = population.family.size
    is_agent = np.array([family.is_agent for family in families])[population.family]
    return pa.table(
        {
            "id": _experiment_ids(population),
            "subject_name": pa.array(
                [f"subject-{number:05d}" for number in range(1, n_actors + 1)]
            ),
            "xp_human_only": pa.array(~is_agent),
            "xp_market_mode": pa.array(STORE_MODES).take(pa.array(population.store)),
            "xp_task_id": pa.array(_TASKS).take(pa.array(rng.integers(0, len(_TASKS), n_actors))),
        }
    )


def _quotes(decisions: Decisions, senders: Senders, catalogue: Catalogue) -> pa.Table:
    visit = pa.array(decisions.visit)
    return pa.table(
        {
            "sessionId": senders.session_id.take(visit),
            "experimentId": senders.experiment_id.take(visit),
            "storeMode": pa.array(STORE_MODES).take(
                pa.array(senders.baskets.store[decisions.visit])
            ),
            "ts": iso_time(decisions.event_ms),
            "productId": pa.array(catalogue.product_id).take(pa.array(decisions.product)),
            "price": decisions.price,
            "base_price": decisions.base_price,
            "propensity": pa.array(decisions.propensity, from_pandas=True),
        }
    )


def _truth(
    decisions: Decisions,
    senders: Senders,
    catalogue: Catalogue,
    population: Population,
    families: Sequence[Family],
) -> pa.Table:
    kind = population.family[population.actor[decisions.visit]]
    closes = (
        population.is_last[decisions.visit]
        & np.array([family.closing is not None for family in families])[kind]
    )
    return pa.table(
        {
            "sessionId": senders.session_id.take(pa.array(decisions.visit)),
            "productId": pa.array(catalogue.product_id).take(pa.array(decisions.product)),
            "family": pa.array([family.name for family in families]).take(pa.array(kind)),
            "visit": pa.array(["usual", "closing"]).take(pa.array(closes.astype(np.int64))),
            "is_agent": np.array([family.is_agent for family in families])[kind],
            "price_ratio": decisions.price / decisions.base_price,
            "interest": decisions.interest,
            "p_buy_considered": decisions.p_buy_considered,
            "p_buy": decisions.interest * decisions.p_buy_considered,
            "considered": decisions.considered,
            "bought": decisions.bought,
        }
    )
