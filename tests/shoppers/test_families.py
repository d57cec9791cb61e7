from pathlib import Path

import numpy as np
import pytest

from phantom_core.shoppers.actors import DAY_MS, START_MS, WINDOW_DAYS, draw_population
from phantom_core.shoppers.catalogue import demo_catalogue
from phantom_core.shoppers.families import FAMILIES, Family, Habits, Style, Waits
from phantom_core.shoppers.path import Move, PathEvents
from phantom_core.shoppers.quotes import DEMO_EXPERIMENT, Shop
from phantom_core.shoppers.visits import Visits
from phantom_core.shoppers.walk import walk_visits

CLOCK = Waits("even", typical_s=2.0, spread=0.0, attention=0.0, pause_rate=0.0, pause_s=0.0)


def style(on_list: Habits, on_product: Habits, **changed: float) -> Style:
    usual = {"length": 8.0, "length_spread": 0.0, "sweep": 0.0, "taste_width": 0.0, "interest": 0.0}
    return Style(CLOCK, on_list, on_product, **(usual | changed))


def one_visit(how: Style, target: int = -1) -> PathEvents:
    visits = Visits(
        store=np.array([0]),
        start_ms=np.array([0]),
        pace=np.ones(1),
        habits=np.ones((1, 9)),
        keenness=np.ones(1),
        taste=np.array([0.5]),
        target=np.array([target]),
    )
    return walk_visits(
        visits, how, 2.0, Shop(demo_catalogue(), DEMO_EXPERIMENT), np.random.default_rng(0)
    )[0]


def test_there_are_four_human_and_five_agent_families_whose_shares_add_up() -> None:
    assert [family.is_agent for family in FAMILIES] == [False] * 4 + [True] * 5
    assert sum(family.share for family in FAMILIES) == pytest.approx(1.0)
    assert 0.45 <= sum(family.share for family in FAMILIES if family.is_agent) <= 0.50


def test_the_page_on_shoppers_names_every_family() -> None:
    page = (Path(__file__).parents[2] / "docs" / "shoppers.md").read_text(encoding="utf-8")
    assert not [family.name for family in FAMILIES if f"`{family.name}`" not in page]


def test_a_step_without_weight_never_happens() -> None:
    events = one_visit(style(Habits(list=1.0), Habits(list=1.0)))
    assert events.move.tolist() == [Move.ARRIVE] + [Move.LIST] * 7


def test_an_even_clock_without_attention_waits_the_same_after_every_step() -> None:
    events = one_visit(style(Habits(list=1.0), Habits(list=1.0)))
    assert np.diff(events.event_ms)[1:].tolist() == [2_000] * 6


def test_a_click_on_a_list_opens_a_product_within_a_moment() -> None:
    events = one_visit(style(Habits(click=1.0), Habits(list=1.0)))
    clicks = np.flatnonzero(events.move == Move.CLICK)
    assert (events.move[clicks + 1] == Move.OPEN).all()
    assert (np.diff(events.event_ms)[clicks] < 2_000).all()


def test_a_shopper_who_sweeps_follows_the_listing() -> None:
    catalogue = demo_catalogue()
    opened = one_visit(style(Habits(open=1.0), Habits(open=1.0), sweep=1.0)).product[1:]
    places = [int(np.flatnonzero(catalogue.listing[:60] == product)[0]) for product in opened]
    assert (np.diff(places) % 60 == 1).all()


def test_a_visit_with_a_target_opens_it_first() -> None:
    assert one_visit(style(Habits(open=1.0), Habits(open=1.0)), target=17).product[1] == 17


def test_a_visit_that_considers_its_target_puts_it_in_the_cart_before_it_leaves() -> None:
    how = style(Habits(open=1.0), Habits(learn=1.0), target_interest=1e9)
    events = one_visit(how, target=17)
    assert events.product[events.move == Move.CART].tolist() == [17]
    assert events.move[-1] in (Move.CART_PAGE, Move.REMOVE, Move.CHECKOUT, Move.PURCHASE)


@pytest.mark.parametrize("shape", ["lognormal", "gamma", "even"])
def test_waits_are_as_long_as_the_typical_one_says(shape: str) -> None:
    drawn = Waits(shape, 1.0, 0.3, 0.0, 0.0, 0.0).draw(np.random.default_rng(0), 20_000)
    centre = np.median(drawn) if shape == "lognormal" else drawn.mean()
    assert centre == pytest.approx(1.0, abs=0.01)
    assert (drawn > 0).all()


def test_each_family_gets_its_share_of_sessions_whatever_the_seed() -> None:
    for seed in (1, 2):
        population = draw_population(1_000, FAMILIES, np.random.default_rng(seed))
        shares = np.bincount(population.family[population.actor], minlength=len(FAMILIES)) / 1_000
        assert shares == pytest.approx([family.share for family in FAMILIES], abs=0.001)


def test_sessions_of_an_actor_start_two_hours_apart_within_six_weeks() -> None:
    population = draw_population(2_000, FAMILIES, np.random.default_rng(1))
    same = population.actor[1:] == population.actor[:-1]
    assert np.diff(population.start_ms)[same].min() >= 2 * 3_600_000
    assert population.start_ms.min() >= START_MS
    assert population.start_ms.max() < START_MS + (WINDOW_DAYS + 1) * DAY_MS


def test_humans_sleep_and_scrapers_hardly() -> None:
    awake = {name: _night_share(name) for name in ("browser", "scraper")}
    assert awake["browser"] < 0.10
    assert awake["scraper"] > 0.13


def _night_share(name: str) -> float:
    kind = next(family for family in FAMILIES if family.name == name)
    alone = Family(name, kind.is_agent, 1.0, kind.style, flatness=kind.flatness)
    hours = draw_population(5_000, [alone], np.random.default_rng(1)).start_ms % DAY_MS / 3_600_000
    return float((hours < 6).mean())
