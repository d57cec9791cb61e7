"""Trial: policies on the same shoppers, each measured against the optimum."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from phantom_core.core.arrays import Floats
from phantom_core.core.errors import DataError, InputError
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.market.episodes import Episodes, play_episodes
from phantom_core.market.figures import Resamples, TrialFigure, estimate_figure
from phantom_core.market.fluid import fluid_bound
from phantom_core.market.optimum import solve_optimum
from phantom_core.market.policies.best_fixed import best_fixed
from phantom_core.market.policies.fixed import Fixed
from phantom_core.market.policies.optimal import Optimal
from phantom_core.market.policies.ppo import PpoPolicy
from phantom_core.market.policy import Policy
from phantom_core.market.scenario import Scenario
from phantom_core.market.team import Team
from phantom_core.market.traffic import DetectorScorer, ShopperScorer

LEAST_EPISODES: Final = 2
USUAL_EPISODES: Final = 400
MOST_EPISODES: Final = 20_000
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Paths:
    """A trial by hour, averaged over episodes and training seeds; lists of horizon_h numbers.

    Attributes:
        ratio: price in units of the base price, over open shops; None where none is open.
        ratio_p10, ratio_p90: 10 % and 90 % quantiles of it over open shops.
        revenue, leakage: cumulative money.
        stock: units left.
    """

    ratio: tuple[float | None, ...]
    ratio_p10: tuple[float | None, ...]
    ratio_p90: tuple[float | None, ...]
    revenue: tuple[float, ...]
    leakage: tuple[float, ...]
    stock: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PolicyResult:
    """The performance of a policy, per episode, with 95 % intervals over episodes (and training
    seeds, where there are several).

    Attributes:
        name: of the policy.
        n_seeds: how often it was trained; 1 for those that are not.
        reward: revenue − weight · leakage.
        pct_of_optimum: reward in percent of the optimum's on the same episodes, or of the fluid
            bound with several products.
        revenue, leakage: money.
        leakage_share: leakage over revenue.
        human_conversion, agent_conversion: units bought over visitors within the horizon.
        human_premium: mean of price / base price − 1 over units that humans bought.
        volatility: standard deviation of the hourly change of price, in units of the base price.
        sell_out_h: hours until sold out, the horizon where that did not happen.
        vs_fixed, vs_best_fixed: reward minus that of the base price, and of the best fixed price,
            on the same episodes.
        paths: by hour.
    """

    name: str
    n_seeds: int
    reward: TrialFigure
    pct_of_optimum: TrialFigure
    revenue: TrialFigure
    leakage: TrialFigure
    leakage_share: TrialFigure
    human_conversion: TrialFigure
    human_premium: TrialFigure
    agent_conversion: TrialFigure
    volatility: TrialFigure
    sell_out_h: TrialFigure
    vs_fixed: TrialFigure
    vs_best_fixed: TrialFigure
    paths: Paths


@checked_dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class MarketTrial:
    """Results of several policies on the same shoppers.

    Attributes:
        scenario: the market.
        n_episodes: count.
        seed: of the shoppers.
        optimum: exact expected reward of the best policy; None with several products.
        bound: expected reward that no policy can exceed.
        best_fixed_ratio: the fixed price with the highest expected reward, in units of the base
            price.
        results: one per policy, in the order requested.
        base, best_fixed: the base price and the best fixed price, part of every trial.
    """

    scenario: Scenario
    n_episodes: int
    seed: int
    optimum: float | None
    bound: float
    best_fixed_ratio: float
    results: tuple[PolicyResult, ...]
    base: PolicyResult
    best_fixed: PolicyResult
    format: int = _FORMAT

    @property
    def measured_by(self) -> str:
        """What 100 % stands for: "optimum" or "bound"."""
        return "bound" if self.optimum is None else "optimum"

    def to_json(self) -> bytes:
        """The trial as JSON."""
        return _ADAPTER.dump_json(self)


_ADAPTER: Final = TypeAdapter(MarketTrial)


def parse_trial(content: bytes, where: str) -> MarketTrial:
    """Parse a saved trial.

    Raises:
        DataError: the file is not a trial.
    """
    try:
        return _ADAPTER.validate_json(content)
    except ValidationError:
        raise DataError(
            f"{where} is not a trial that this version of PHANTOM saved.", hint="Run it again."
        ) from None


def run_trial(
    scenario: Scenario,
    policies: Sequence[Policy | Team],
    *,
    n_episodes: int = USUAL_EPISODES,
    seed: int,
    scorer: ShopperScorer | None = None,
    progress: Progress = no_progress,
) -> MarketTrial:
    """Run policies against the same shoppers.

    Args:
        scenario: the market.
        policies: at least one, with different names.
        n_episodes: from 2; 200 or more for useful intervals.
        seed: of the shoppers and the resamples.
        scorer: the model that scores visitors; None means the detector's flags alone. A policy
            that learned with another model keeps that one.
        progress: called throughout.
    Raises:
        InputError: no policy, two of one name, or a number of episodes outside the limits.
    """
    _check(policies, n_episodes)
    teams = [
        policy if isinstance(policy, Team) else Team(policy.name, (policy,)) for policy in policies
    ]
    best = best_fixed(scenario, seed)
    references = [Team("base price", (Fixed(1.0),)), Team("best fixed", (best,))]
    solution = solve_optimum(scenario) if len(scenario.products) == 1 else None
    optimum = [Team("optimum", (Optimal(solution),))] if solution else []
    everyone = [*references, *optimum, *teams]
    ledger = _Ledger(scenario, n_episodes, seed, scorer or DetectorScorer(scenario))
    episodes = [
        ledger.play(team, part_progress(progress, n / len(everyone), (n + 1) / len(everyone)))
        for n, team in enumerate(everyone)
    ]
    bound = fluid_bound(scenario)
    ledger.measure_by(
        episodes[0], episodes[1], episodes[2].reward[0] if solution else np.full(n_episodes, bound)
    )
    return MarketTrial(
        scenario=scenario,
        n_episodes=n_episodes,
        seed=seed,
        optimum=solution.reward if solution else None,
        bound=bound,
        best_fixed_ratio=best.ratio,
        results=tuple(ledger.result(one) for one in episodes[len(everyone) - len(teams) :]),
        base=ledger.result(episodes[0]),
        best_fixed=ledger.result(episodes[1]),
    )


def _check(policies: Sequence[Policy | Team], n_episodes: int) -> None:
    if not policies:
        raise InputError(
            "There is no policy to try.", hint="Name at least one, for example best_fixed."
        )
    names = [policy.name for policy in policies]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"Policy {twice[0]} is named twice.", hint="Name each policy once.")
    if not LEAST_EPISODES <= n_episodes <= MOST_EPISODES:
        raise InputError(
            f"{n_episodes} episodes cannot be run.",
            hint=f"Ask for {LEAST_EPISODES} to {MOST_EPISODES:,}; {USUAL_EPISODES} are usual.",
        )


@dataclass(frozen=True, slots=True, eq=False)
class _TeamEpisodes:
    """A team's episodes: sums by training seed and episode, shape (n_seeds, n_episodes), and
    paths.
    """

    name: str
    reward: Floats
    sums: dict[str, Floats]
    paths: Paths


class _Ledger:
    """Runs teams on the same shoppers and computes their figures on the same resamples."""

    def __init__(
        self, scenario: Scenario, n_episodes: int, seed: int, scorer: ShopperScorer
    ) -> None:
        self._scenario, self._n_episodes, self._scorer = scenario, n_episodes, scorer
        self._shoppers, resampling = np.random.SeedSequence(seed).spawn(2)
        self._resamples = Resamples(n_episodes, np.random.default_rng(resampling))

    def play(self, team: Team, progress: Progress) -> _TeamEpisodes:
        runs = [
            play_episodes(
                self._scenario,
                member,
                self._n_episodes,
                self._same_shoppers(),
                _own_scorer(member) or self._scorer,
                part_progress(progress, n / len(team.members), (n + 1) / len(team.members)),
            )
            for n, member in enumerate(team.members)
        ]
        rewards = np.stack([run.reward(self._scenario.leakage_weight) for run in runs])
        return _TeamEpisodes(team.name, rewards, _sums(runs), _paths(runs))

    def _same_shoppers(self) -> np.random.SeedSequence:
        """The same sequence each time: spawning from a used one would bring different shoppers."""
        return np.random.SeedSequence(self._shoppers.entropy, spawn_key=self._shoppers.spawn_key)

    def measure_by(
        self, base: _TeamEpisodes, best_fixed: _TeamEpisodes, best: NDArray[np.float64]
    ) -> None:
        self._base, self._best_fixed, self._best = base.reward[0], best_fixed.reward[0], best

    def result(self, episodes: _TeamEpisodes) -> PolicyResult:
        seeds = self._resamples.seeds(len(episodes.reward))

        def resample(values: Floats) -> Floats:
            return self._resamples.means(np.broadcast_to(values, episodes.reward.shape), seeds)

        def ratio(above: str, below: str) -> TrialFigure:
            return estimate_figure(
                lambda mean: mean(episodes.sums[above]) / mean(episodes.sums[below]), resample
            )

        def simple(values: Floats) -> TrialFigure:
            return estimate_figure(lambda mean: mean(values), resample)

        return PolicyResult(
            name=episodes.name,
            n_seeds=len(episodes.reward),
            reward=simple(episodes.reward),
            pct_of_optimum=estimate_figure(
                lambda mean: 100.0 * mean(episodes.reward) / mean(self._best), resample
            ),
            revenue=simple(episodes.sums["revenue"]),
            leakage=simple(episodes.sums["leakage"]),
            leakage_share=ratio("leakage", "revenue"),
            human_conversion=ratio("human_units", "humans"),
            human_premium=ratio("human_excess", "human_units"),
            agent_conversion=ratio("agent_units", "agents"),
            volatility=simple(episodes.sums["volatility"]),
            sell_out_h=simple(episodes.sums["sell_out_h"]),
            vs_fixed=simple(episodes.reward - self._base),
            vs_best_fixed=simple(episodes.reward - self._best_fixed),
            paths=episodes.paths,
        )


def _own_scorer(member: Policy) -> ShopperScorer | None:
    """The model that a policy learned to observe."""
    return member.scorer if isinstance(member, PpoPolicy) else None


def _sums(runs: Sequence[Episodes]) -> dict[str, Floats]:
    hourly = (
        "revenue",
        "leakage",
        "humans",
        "agents",
        "human_units",
        "agent_units",
        "human_excess",
    )
    sums = {name: np.stack([getattr(run, name).sum(axis=0) for run in runs]) for name in hourly}
    whole: dict[str, Callable[[Episodes], Floats]] = {
        "volatility": Episodes.volatility,
        "sell_out_h": lambda run: run.sell_out_h,
    }
    return sums | {name: np.stack([of(run) for run in runs]) for name, of in whole.items()}


def _paths(runs: Sequence[Episodes]) -> Paths:
    ratio = np.concatenate([run.ratio for run in runs], axis=1)
    is_open = np.isfinite(ratio).any(axis=1)
    marks = np.full((3, len(ratio)), np.nan)
    marks[0, is_open] = np.nanmean(ratio[is_open], axis=1)
    marks[1:, is_open] = np.nanquantile(ratio[is_open], (0.1, 0.9), axis=1)
    price, low, high = (
        [float(value) if np.isfinite(value) else None for value in row] for row in marks
    )

    def mean(name: str) -> Floats:
        return np.asarray(np.mean([getattr(run, name).mean(axis=1) for run in runs], axis=0))

    return Paths(
        ratio=tuple(price),
        ratio_p10=tuple(low),
        ratio_p90=tuple(high),
        revenue=tuple(np.cumsum(mean("revenue")).tolist()),
        leakage=tuple(np.cumsum(mean("leakage")).tolist()),
        stock=tuple(mean("stock").tolist()),
    )
