"""Simulate: run policies in a market, and save the results."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.progress import Progress, no_progress
from phantom_core.core.settings import Settings
from phantom_core.market.policies.choose import policies_named
from phantom_core.market.scenario import Scenario
from phantom_core.market.trial import USUAL_EPISODES, MarketTrial, parse_trial, run_trial
from phantom_core.model_store.result_store import ResultStore
from phantom_core.model_store.store import file_digest
from phantom_core.use_cases.data.allowed_sources import require_named_files


@dataclass(frozen=True, slots=True)
class SavedTrial:
    """A trial under the name it was saved by.

    Attributes:
        trial_id: sorts by time.
        trial: the results.
    """

    trial_id: str
    trial: MarketTrial


@requires(Permission.WORK)
def simulate_policies(
    settings: Settings,
    scenario: Scenario,
    policies: Sequence[str] | str,
    *,
    n_episodes: int = USUAL_EPISODES,
    seed: int | None = None,
    now_ms: int,
    progress: Progress = no_progress,
) -> SavedTrial:
    """Simulate policies against the same shoppers, and save the trial in the workspace.

    Args:
        settings: workspace and default seed.
        scenario: the market.
        policies: names as in `policies.choose`, or one text with commas.
        n_episodes: simulated per policy.
        seed: of the shoppers; None means the settings' one.
        now_ms: UTC milliseconds.
        progress: called throughout; nothing is saved after it cancels.
    Raises:
        InputError: no policy, an unknown one, or one that does not fit.
        NotFoundError: no such rules file or trained policy.
    """
    named = policies.split(",") if isinstance(policies, str) else policies
    require_named_files(one.strip().partition(":")[2] for one in named)
    chosen_seed = settings.seed if seed is None else seed
    chosen = policies_named(
        policies if isinstance(policies, str) else tuple(policies),
        scenario,
        seed=chosen_seed,
        runs=policy_runs(settings),
    )
    trial = run_trial(scenario, chosen, n_episodes=n_episodes, seed=chosen_seed, progress=progress)
    content = trial.to_json()
    trial_id = (
        f"{datetime.fromtimestamp(now_ms / 1_000, UTC):%Y%m%d-%H%M%S}-{file_digest(content)[:8]}"
    )
    _trials(settings).save(content, trial_id)
    return SavedTrial(trial_id, trial)


@requires(Permission.READ)
def policy_runs(settings: Settings) -> Path:
    """Folder of the workspace's trained policies, a folder each."""
    return settings.paths.policies


@requires(Permission.READ)
def saved_trials(settings: Settings) -> tuple[str, ...]:
    """Names of the saved trials, newest first."""
    return _trials(settings).names()


@requires(Permission.READ)
def open_trial(settings: Settings, trial_id: str | None = None) -> SavedTrial:
    """Read a saved trial.

    Args:
        settings: names the workspace.
        trial_id: its name; None means the newest.
    Raises:
        NotFoundError: there is none of this name, or none at all.
        DataError: the file is not a trial.
    """
    known = saved_trials(settings)
    wanted = trial_id or (known[0] if known else "")
    # The name may come from a page address: only a listed one may lead to a file.
    if not re.fullmatch(r"[\w-]+", wanted) or wanted not in known:
        raise NotFoundError(
            f"There is no trial '{wanted}'."
            if wanted
            else "No trial has been run in this workspace yet.",
            hint="Run one: simulate run.",
        )
    try:
        content = _trials(settings).path(wanted).read_bytes()
    except OSError as error:
        raise DataError(f"Trial {wanted} cannot be read: {error.strerror}.") from error
    return SavedTrial(wanted, parse_trial(content, f"Trial {wanted}"))


def _trials(settings: Settings) -> ResultStore:
    return ResultStore(settings.paths.simulations)
