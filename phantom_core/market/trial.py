"""Trial: policies meet the same shoppers, and each is measured against the best that is
possible.
"""

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
    """How a trial went hour by hour, on average over episodes and training seeds; lists of
    horizon_h numbers.

    Attributes:
        ratio: price in units of the base price, over shops that are open; None where none is.
        ratio_p10, ratio_p90: between which prices four of five open shops are.
        revenue, leakage: money so far.
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
    """What a policy reached, per episode, with 95 % intervals over episodes (and training seeds,
    where there are several).

    Attributes:
        name: of the policy.
        n_seeds: how often it was trained; 1 for those that are not.
        reward: revenue − weight · leakage.
        pct_of_optimum: reward in percent of the optimum's on the same episodes, or of the fluid
            bound with several products.
        revenue, leakage: money.
        leakage_share: leakage over revenue.
        human_conversion, agent_conversion: units bought over visitors who came within the horizon.
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
    """Policies side by side.

    Attributes:
        scenario: the market they met.
        n_episodes: how often.
        seed: which shoppers.
        optimum: exact expected reward of the best policy; None with several products.
        bound: expected reward that no policy can exceed.
        best_fixed_ratio: the fixed price with the highest expected reward, in units of the base
            price.
        results: one per policy, in the order asked for.
        base, best_fixed: the base price and the best fixed price, which every trial plays.
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
        """The trial as a file."""
        return _ADAPTER.dump_json(self)


_ADAPTER: Final = TypeAdapter(MarketTrial)


def parse_trial(content: bytes, where: str) -> MarketTrial:
    """Read a trial back.

    Raises:
        DataError: the file is none.
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
    """Play policies against the same shoppers.

    Args:
        scenario: the market.
        policies: at least one, with different names.
        n_episodes: from 2; 200 or more for intervals worth reading.
        seed: of the shoppers and the resamples.
        scorer: the model that looks at visitors; None means the detector's flags alone.
        progress: told all along.
    Raises:
        InputError: no policy, two of one name, or a number of episodes that cannot be played.
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
    played = [
        ledger.play(team, part_progress(progress, n / len(everyone), (n + 1) / len(everyone)))
        for n, team in enumerate(everyone)
    ]
    bound = fluid_bound(scenario)
    ledger.measure_by(
        played[0], played[1], played[2].reward[0] if solution else np.full(n_episodes, bound)
    )
    return MarketTrial(
        scenario=scenario,
        n_episodes=n_episodes,
        seed=seed,
        optimum=solution.reward if solution else None,
        bound=bound,
        best_fixed_ratio=best.ratio,
        results=tuple(ledger.result(one) for one in played[len(everyone) - len(teams) :]),
        base=ledger.result(played[0]),
        best_fixed=ledger.result(played[1]),
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
            f"{n_episodes} episodes cannot be played.",
            hint=f"Ask for {LEAST_EPISODES} to {MOST_EPISODES:,}; {USUAL_EPISODES} are usual.",
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Played:
    """A team's episodes: sums by training seed and episode, shape (n_seeds, n_episodes), and
    paths.
    """

    name: str
    reward: Floats
    sums: dict[str, Floats]
    paths: Paths


class _Ledger:
    """Plays teams on the same shoppers and works out their figures on the same resamples."""

    def __init__(
        self, scenario: Scenario, n_episodes: int, seed: int, scorer: ShopperScorer
    ) -> None:
        self._scenario, self._n_episodes, self._scorer = scenario, n_episodes, scorer
        self._shoppers, resampling = np.random.SeedSequence(seed).spawn(2)
        self._resamples = Resamples(n_episodes, np.random.default_rng(resampling))

    def play(self, team: Team, progress: Progress) -> _Played:
        runs = [
            play_episodes(
                self._scenario,
                member,
                self._n_episodes,
                self._shoppers_again(),
                self._scorer,
                part_progress(progress, n / len(team.members), (n + 1) / len(team.members)),
            )
            for n, member in enumerate(team.members)
        ]
        rewards = np.stack([run.reward(self._scenario.leakage_weight) for run in runs])
        return _Played(team.name, rewards, _sums(runs), _paths(runs))

    def _shoppers_again(self) -> np.random.SeedSequence:
        """The same sequence each time: spawning from a used one would bring other shoppers."""
        return np.random.SeedSequence(self._shoppers.entropy, spawn_key=self._shoppers.spawn_key)

    def measure_by(self, base: _Played, best_fixed: _Played, best: NDArray[np.float64]) -> None:
        self._base, self._best_fixed, self._best = base.reward[0], best_fixed.reward[0], best

    def result(self, played: _Played) -> PolicyResult:
        seeds = self._resamples.seeds(len(played.reward))

        def resample(values: Floats) -> Floats:
            return self._resamples.means(np.broadcast_to(values, played.reward.shape), seeds)

        def ratio(above: str, below: str) -> TrialFigure:
            return estimate_figure(
                lambda mean: mean(played.sums[above]) / mean(played.sums[below]), resample
            )

        def simple(values: Floats) -> TrialFigure:
            return estimate_figure(lambda mean: mean(values), resample)

        return PolicyResult(
            name=played.name,
            n_seeds=len(played.reward),
            reward=simple(played.reward),
            pct_of_optimum=estimate_figure(
                lambda mean: 100.0 * mean(played.reward) / mean(self._best), resample
            ),
            revenue=simple(played.sums["revenue"]),
            leakage=simple(played.sums["leakage"]),
            leakage_share=ratio("leakage", "revenue"),
            human_conversion=ratio("human_units", "humans"),
            human_premium=ratio("human_excess", "human_units"),
            agent_conversion=ratio("agent_units", "agents"),
            volatility=simple(played.sums["volatility"]),
            sell_out_h=simple(played.sums["sell_out_h"]),
            vs_fixed=simple(played.reward - self._base),
            vs_best_fixed=simple(played.reward - self._best_fixed),
            paths=played.paths,
        )


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
