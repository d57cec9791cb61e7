"""Trials: paired, with intervals that cover, and figures that can be checked by hand."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from phantom_core.core.errors import DataError, InputError, NotFoundError
from phantom_core.core.progress import no_progress
from phantom_core.market.episodes import play_episodes
from phantom_core.market.policies.choose import policies_named
from phantom_core.market.policies.fixed import Fixed
from phantom_core.market.scenario import Scenario, ScenarioProduct, load_scenario
from phantom_core.market.shops import State
from phantom_core.market.team import Team
from phantom_core.market.traffic import DetectorScorer
from phantom_core.market.trial import parse_trial, run_trial

TIGHT = load_scenario("tight")


@dataclass(frozen=True)
class Sawtooth:
    name: str = "sawtooth"

    def ratios(self, state: State) -> NDArray[np.float64]:
        return np.where(state.elapsed_h % 2 == 0, 1.0, 1.4)


def test_fixed_prices_and_the_optimum_stand_where_they_are_known_to() -> None:
    trial = run_trial(
        TIGHT,
        policies_named("fixed,fixed:1.1,best_fixed,optimum", TIGHT, seed=1, runs=Path()),
        n_episodes=2_000,
        seed=1,
    )
    of = {result.name: result for result in trial.results}
    assert trial.optimum == pytest.approx(54.185, abs=0.001)
    assert trial.measured_by == "optimum"
    for name, expected in (("fixed", 85.8), ("fixed:1.1", 96.1), ("best_fixed", 97.4)):
        figure = of[name].pct_of_optimum
        assert figure.low < expected < figure.high
    assert of["optimum"].reward.low < trial.optimum < of["optimum"].reward.high
    assert of["optimum"].pct_of_optimum.value == pytest.approx(100.0)


def test_pairing_makes_differences_far_sharper_than_the_rewards_themselves() -> None:
    trial = run_trial(TIGHT, [Fixed(1.15, "close")], n_episodes=400, seed=2)
    close = trial.results[0]
    assert close.vs_best_fixed.high - close.vs_best_fixed.low < 0.2 * (
        close.reward.high - close.reward.low
    )


@pytest.mark.slow
def test_the_interval_of_the_reward_covers_the_exact_value_about_as_often_as_it_says() -> None:
    exact = 46.468  # value_of_fixed(tight, 1.0)
    hits = 0
    for seed in range(60):
        reward = run_trial(TIGHT, [Fixed(1.0)], n_episodes=60, seed=seed).results[0].reward
        hits += reward.low <= exact <= reward.high
    assert hits >= 50


def test_figures_of_a_market_without_chance_are_plain_arithmetic() -> None:
    """Agents only, who all buy (s is tiny at a price far below base), and 5 units that go in the
    first hour.
    """
    scenario = Scenario(
        products=(ScenarioProduct(stock=5, base_price=10.0),),
        horizon_h=4,
        arrivals=(500.0,) * 24,
        agent_share=1.0,
    )
    result = run_trial(scenario, [Fixed(0.8)], n_episodes=10, seed=0).results[0]
    assert result.revenue.value == pytest.approx(40.0)
    assert result.leakage.value == pytest.approx(5 * 4.0)
    assert result.reward.value == pytest.approx(30.0)
    assert result.leakage_share.value == pytest.approx(0.5)
    assert result.sell_out_h.value == 1.0
    assert result.human_conversion.value is None
    assert result.human_premium.value is None
    assert result.volatility.value == 0.0
    assert result.paths.ratio == (pytest.approx(0.8), None, None, None)
    assert result.paths.revenue == pytest.approx((40.0,) * 4)


def test_humans_who_come_after_the_last_unit_count_as_not_served() -> None:
    scenario = Scenario(
        products=(ScenarioProduct(stock=1),), horizon_h=10, arrivals=(20.0,) * 24, agent_share=0.0
    )
    conversion = (
        run_trial(scenario, [Fixed(1.0)], n_episodes=50, seed=0).results[0].human_conversion.value
    )
    assert conversion == pytest.approx(1 / 200, rel=0.1)


def test_volatility_is_the_spread_of_hourly_changes() -> None:
    scenario = Scenario(products=(ScenarioProduct(stock=100_000),), horizon_h=24)
    changes = np.where(np.arange(23) % 2 == 0, 0.4, -0.4)
    assert play_episodes(
        scenario, Sawtooth(), 3, 0, DetectorScorer(scenario), no_progress
    ).volatility() == pytest.approx(changes.std())


def test_several_training_seeds_widen_the_interval_by_how_they_differ() -> None:
    apart = run_trial(
        TIGHT, [Team("team", (Fixed(0.8), Fixed(1.1), Fixed(1.4)))], n_episodes=100, seed=0
    ).results[0]
    alike = run_trial(
        TIGHT, [Team("team", (Fixed(1.1), Fixed(1.1), Fixed(1.1)))], n_episodes=100, seed=0
    ).results[0]
    assert apart.n_seeds == 3
    assert apart.reward.high - apart.reward.low > 3 * (alike.reward.high - alike.reward.low)


@pytest.mark.slow
def test_a_trial_reads_back_from_its_file_and_nothing_else_does() -> None:
    trial = run_trial(load_scenario("substitutes"), [Fixed(1.2)], n_episodes=20, seed=0)
    assert parse_trial(trial.to_json(), "here") == trial
    assert trial.measured_by == "bound"
    for content in (b"", b"{}", b"\x00", trial.to_json()[:-20]):
        with pytest.raises(DataError, match="here is not a trial"):
            parse_trial(content, "here")


def test_the_same_seed_gives_the_same_trial() -> None:
    first, again, other = (
        run_trial(TIGHT, [Fixed(1.2)], n_episodes=50, seed=seed).results for seed in (4, 4, 5)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("", "no policy to try"),
        (" , ", "no policy to try"),
        ("best", "There is no policy 'best'"),
        ("fixed:dear", "'dear' in policy fixed:dear is not a price"),
        ("fixed:-1", "is not a price"),
        ("surge:3", "There is no policy 'surge:3'"),
        ("rules:nowhere.txt", "no rules file 'nowhere.txt'"),
        ("ppo:nowhere", "no trained policy 'nowhere'"),
    ],
)
def test_a_policy_that_does_not_exist_is_answered_in_one_sentence(
    names: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises((InputError, NotFoundError), match=said):
        policies_named(names, TIGHT, seed=0, runs=tmp_path)


def test_rules_play_like_any_policy(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text(
        "IF agent_fraction > 0.7 THEN markup 1.30\nELIF agent_fraction > 0.4 THEN markup "
        "1.10\nELSE markup 1.00\n"
    )
    rules, bands = policies_named(["rules:" + str(path), "bands"], TIGHT, seed=0, runs=tmp_path)
    trial = run_trial(TIGHT, [rules, bands], n_episodes=50, seed=0)
    assert trial.results[0].reward == trial.results[1].reward
    assert [result.name for result in trial.results] == ["mine", "bands"]


@pytest.mark.parametrize("n_episodes", [1, 0, -5, 10**6])
def test_too_few_or_too_many_episodes_are_rejected(n_episodes: int) -> None:
    with pytest.raises(InputError, match="episodes cannot be run"):
        run_trial(TIGHT, [Fixed(1.0)], n_episodes=n_episodes, seed=0)


def test_one_name_for_two_policies_is_rejected() -> None:
    with pytest.raises(InputError, match="named twice"):
        run_trial(TIGHT, [Fixed(1.0), Fixed(1.1)], n_episodes=10, seed=0)
