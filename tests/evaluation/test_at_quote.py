"""Figures at quotes are those of closed forms, and their intervals are over actors."""

import numpy as np
import pytest

from phantom_core.evaluation.at_quote import measure_slices, weighted_auc
from phantom_core.evaluation.metrics import brier_score
from phantom_core.evaluation.quote_figures import ALL, MONEY, QuoteSlice
from phantom_core.evaluation.quote_moments import QuoteMoments, SessionsAtQuotes
from phantom_core.evaluation.ranking import roc_auc

N_SESSIONS, N_QUOTES = 400, 6


def quotes(money: float = 1.0) -> SessionsAtQuotes:
    """Six quotes a session, after 1, 3, 5, 8, 13 and 21 events."""
    session = np.repeat(np.arange(N_SESSIONS), N_QUOTES)
    return SessionsAtQuotes(
        QuoteMoments("quotes", session, np.arange(session.size), np.full(session.size, money)),
        np.zeros((session.size, 1), np.float32),
        np.tile([1.0, 3.0, 5.0, 8.0, 13.0, 21.0], N_SESSIONS),
    )


def measured(
    probability: np.ndarray, is_agent: np.ndarray, found: SessionsAtQuotes
) -> dict[str, QuoteSlice]:
    session = found.moments.session
    slices = measure_slices(
        found, is_agent[session], session, probability, probability / 2, np.random.default_rng(0)
    )
    return {one.name: one for one in slices}


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    """P(agent) of every session at all its quotes, and its class drawn from it."""
    rng = np.random.default_rng(1)
    p = rng.beta(0.6, 0.6, N_SESSIONS)
    return np.repeat(p, N_QUOTES), rng.random(N_SESSIONS) < p


def test_every_quote_counts_once_and_each_band_has_its_own(
    drawn: tuple[np.ndarray, np.ndarray],
) -> None:
    p, is_agent = drawn
    found = measured(p, is_agent, quotes())
    assert list(found) == [
        ALL,
        "up to 2 events",
        "3–4 events",
        "5–7 events",
        "8–12 events",
        "13–20 events",
        "21 events or more",
        MONEY,
    ]
    label = np.repeat(is_agent, N_QUOTES)
    overall = found[ALL]
    assert overall.at_quote.roc_auc.value == pytest.approx(roc_auc(label, p))
    assert overall.at_quote.brier.value == pytest.approx(brier_score(label, p))
    assert overall.agent_share == pytest.approx(is_agent.mean())
    assert overall.brier_base_rate == pytest.approx(is_agent.mean() * (1 - is_agent.mean()))
    assert {one.n_quotes for name, one in found.items() if name.endswith("events")} == {N_SESSIONS}


def test_calibrated_probabilities_err_as_much_as_chance_and_halved_ones_more(
    drawn: tuple[np.ndarray, np.ndarray],
) -> None:
    overall = measured(*drawn, quotes())[ALL]
    assert overall.at_quote.ece.value < 2 * overall.ece_of_chance
    assert overall.whole_session.ece.low > 2 * overall.ece_of_chance
    # The order of halved probabilities is the same.
    assert overall.whole_session.roc_auc.value == overall.at_quote.roc_auc.value


def test_the_quotes_of_an_actor_are_one_observation(
    drawn: tuple[np.ndarray, np.ndarray],
) -> None:
    """Copies of a quote add no certainty: the interval is as wide as with one quote each."""
    found = measured(*drawn, quotes())
    widths = [
        found[name].at_quote.roc_auc.high - found[name].at_quote.roc_auc.low
        for name in (ALL, "up to 2 events")
    ]
    assert widths[0] == pytest.approx(widths[1], rel=0.3)


def test_money_weighs_quotes_and_those_without_any_are_left_out() -> None:
    is_agent, score = np.array([True, False, False]), np.array([0.5, 0.1, 0.9])
    assert weighted_auc(is_agent, score, np.array([1.0, 3.0, 1.0])) == 0.75
    assert weighted_auc(is_agent, score, np.ones(3)) == roc_auc(is_agent, score)
    rng = np.random.default_rng(1)
    p = rng.random(N_SESSIONS * N_QUOTES)
    assert MONEY not in measured(p, np.arange(N_SESSIONS) % 2 == 0, quotes(money=0.0))


def test_slices_without_enough_actors_of_a_class_are_left_out() -> None:
    is_agent = np.arange(N_SESSIONS) < 9
    p = np.random.default_rng(1).random(N_SESSIONS * N_QUOTES)
    assert measured(p, is_agent, quotes()) == {}
