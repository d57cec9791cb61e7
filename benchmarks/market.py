"""Speed of the simulated market, and of PPO in it: one environment against batched shops.

Run: python -m benchmarks.market [--steps 100000] [--seeds 5] [--slow-seeds 1] [--episodes 2000]
[--json]
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv

import phantom_core.market.env  # noqa: F401 - registers the environments
from benchmarks.machine import machine
from phantom_core.market.figures import TrialFigure
from phantom_core.market.observation import Observation
from phantom_core.market.policies.ppo import load_policy
from phantom_core.market.ppo.training import Training, train_ppo
from phantom_core.market.scenario import Scenario, load_scenario
from phantom_core.market.shops import Shops, State
from phantom_core.market.team import Team
from phantom_core.market.trial import PolicyResult, run_trial
from phantom_core.market.vec_env import ShopVecEnv

SCENARIO = "tight"
N_SHOPS = 1_024
N_DUMMY = 8
RATIO = 1.1
MEASURE_S = 3.0
FAST, SLOW = "PPO, batched", "PPO, one environment"
LIBRARIES = ("numpy", "gymnasium", "stable-baselines3", "torch")


@dataclass(frozen=True, slots=True)
class Speed:
    """Steps per second of one way to step shops: the fastest of the runs."""

    way: str
    steps_per_s: float


@dataclass(frozen=True, slots=True)
class Learned:
    """Result of one way to train; wall time is the mean over training seeds."""

    way: str
    steps: int
    n_seeds: int
    seconds: float
    reward: TrialFigure
    pct_of_optimum: TrialFigure


@dataclass(frozen=True, slots=True)
class SlowPolicy:
    """A model of SB3 as a policy of a trial."""

    model: PPO
    observation: Observation
    name: str

    def ratios(self, state: State) -> np.typing.NDArray[np.float64]:
        prices, _ = self.model.predict(
            self.observation.of(state, self.observation.highs()), deterministic=True
        )
        return prices[:, 0].astype(np.float64)


def main() -> None:
    """Measure speeds, train both ways, run the trained policies, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--seeds", type=int, default=5, help="trainings in batches")
    parser.add_argument(
        "--slow-seeds", type=int, default=1, help="trainings with one environment, minutes each"
    )
    parser.add_argument("--episodes", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=20_261)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object instead of Markdown"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    scenario = load_scenario(SCENARIO)
    speeds = _speeds(scenario, options.seed, options.runs)
    learned, optimum, others = _trained(scenario, options)
    result = {
        "machine": machine(LIBRARIES),
        "seed": options.seed,
        "scenario": SCENARIO,
        "episodes": options.episodes,
        "optimum": optimum,
        "speeds": [asdict(speed) for speed in speeds],
        "learned": [asdict(one) for one in learned],
        "beside": {one.name: asdict(one.pct_of_optimum) for one in others},
    }
    print(
        json.dumps(result) if options.json else _markdown(speeds, learned, others, optimum, options)
    )


def _speeds(scenario: Scenario, seed: int, runs: int) -> list[Speed]:
    ways: dict[str, Callable[[], tuple[int, float]]] = {
        "one Gymnasium environment": lambda: _one(scenario, seed),
        f"DummyVecEnv over {N_DUMMY}": lambda: _vec(
            DummyVecEnv([lambda: _made(scenario)] * N_DUMMY)
        ),
        f"batched core, {N_SHOPS:,} shops": lambda: _core(scenario, seed),
        f"VecEnv, {N_SHOPS:,} shops": lambda: _vec(ShopVecEnv(scenario, N_SHOPS, seed)),
        f"VecEnv with model features, {N_SHOPS:,} shops": lambda: _vec(
            ShopVecEnv(scenario, N_SHOPS, seed, version="v1")
        ),
    }
    found: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(runs):
        for way, measure in ways.items():
            print(way, file=sys.stderr)
            steps, seconds = measure()
            found[way].append(steps / seconds)
    return [Speed(way, max(speeds)) for way, speeds in found.items()]


def _made(scenario: Scenario) -> gym.Env:
    # By its specification: by name, Gymnasium warns that v0 has a successor.
    return gym.make(gym.spec("DynamicPricingEnv-v0"), scenario=scenario)


def _one(scenario: Scenario, seed: int) -> tuple[int, float]:
    env, price = _made(scenario), np.array([RATIO], np.float32)
    env.reset(seed=seed)
    steps, started = 0, time.perf_counter()
    while time.perf_counter() - started < MEASURE_S:
        _, _, terminated, truncated, _ = env.step(price)
        steps += 1
        if terminated or truncated:
            env.reset()
    return steps, time.perf_counter() - started


def _vec(env: DummyVecEnv | ShopVecEnv) -> tuple[int, float]:
    prices = np.full((env.num_envs, 1), RATIO, np.float32)
    env.reset()
    steps, started = 0, time.perf_counter()
    while time.perf_counter() - started < MEASURE_S:
        env.step(prices)
        steps += env.num_envs
    return steps, time.perf_counter() - started


def _core(scenario: Scenario, seed: int) -> tuple[int, float]:
    shops, prices = Shops(scenario, N_SHOPS, seed), np.full(N_SHOPS, RATIO)
    steps, started = 0, time.perf_counter()
    while time.perf_counter() - started < MEASURE_S:
        hour = shops.step(prices)
        shops.reset(np.flatnonzero(hour.sold_out | hour.closed))
        steps += N_SHOPS
    return steps, time.perf_counter() - started


def _trained(
    scenario: Scenario, options: argparse.Namespace
) -> tuple[list[Learned], float | None, list[PolicyResult]]:
    """Train both ways, and run all policies against the same shoppers."""
    seconds: dict[str, list[float]] = {FAST: [], SLOW: []}
    members: dict[str, list] = {FAST: [], SLOW: []}
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(options.seed, options.seed + options.seeds):
            print(FAST, seed, file=sys.stderr)
            started = time.perf_counter()
            train_ppo(
                Training(scenario, steps=options.steps, seed=seed),
                Path(scratch) / str(seed),
                resume=False,
                now_ms=0,
            )
            seconds[FAST].append(time.perf_counter() - started)
            members[FAST].append(load_policy(Path(scratch) / str(seed)))
    for seed in range(options.seed, options.seed + options.slow_seeds):
        print(SLOW, seed, file=sys.stderr)
        started = time.perf_counter()
        # The defaults of SB3, 2,048 steps a rollout and 64 a batch among them.
        model = PPO("MlpPolicy", _made(scenario), seed=seed, device="cpu").learn(options.steps)
        seconds[SLOW].append(time.perf_counter() - started)
        members[SLOW].append(SlowPolicy(model, Observation(scenario, "v0"), SLOW))
    teams = [Team(way, tuple(policies)) for way, policies in members.items() if policies]
    trial = run_trial(scenario, teams, n_episodes=options.episodes, seed=options.seed)
    learned = [
        Learned(
            one.name,
            options.steps,
            one.n_seeds,
            float(np.mean(seconds[one.name])),
            one.reward,
            one.pct_of_optimum,
        )
        for one in trial.results
    ]
    return learned, trial.optimum, [trial.base, trial.best_fixed]


def _markdown(
    speeds: list[Speed],
    learned: list[Learned],
    others: list[PolicyResult],
    optimum: float | None,
    options: argparse.Namespace,
) -> str:
    rows = [f"| {speed.way} | {speed.steps_per_s:,.0f} |" for speed in speeds]
    trained = [
        f"| {one.way} | {one.steps:,} | {one.n_seeds} | {one.seconds:.1f} | {_shown(one.reward)} "
        f"| {_shown(one.pct_of_optimum)} % |"
        for one in learned
    ]
    beside = [
        f"| {one.name} | | | | {_shown(one.reward)} | {_shown(one.pct_of_optimum)} % |"
        for one in others
    ]
    about = (
        f"Scenario {SCENARIO}, optimum {optimum:.3f}; {options.episodes:,} episodes, the same "
        "shoppers for all, no price being tried; "
        "intervals of 95 % over episodes and training seeds. One thread. "
        f"{'; '.join(machine(LIBRARIES).values())}. Seed {options.seed}."
    )
    head = ["| way to step | steps per s |", "|---|---|", *rows, ""]
    head += [
        "| way to train | steps | seeds | wall s | reward | % of optimum |",
        "|---|---|---|---|---|---|",
        *trained,
        *beside,
        "",
        about,
    ]
    by_way = {one.way: one for one in learned}
    if FAST in by_way and SLOW in by_way:
        head += [
            "",
            f"- With one environment PPO takes {by_way[SLOW].seconds / by_way[FAST].seconds:.0f} "
            "times as long.",
        ]
    return "\n".join(head)


def _shown(figure: TrialFigure) -> str:
    if figure.value is None or figure.low is None or figure.high is None:
        return "unknown"
    return f"{figure.value:.2f} ({figure.low:.2f} to {figure.high:.2f})"


if __name__ == "__main__":
    main()
