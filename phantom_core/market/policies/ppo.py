"""Policies trained with PPO, run without torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.core.arrays import Floats32
from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.market.observation import Observation
from phantom_core.market.policies.kind import POLICIES, PolicyKind, PolicyRequest
from phantom_core.market.policy import Policy
from phantom_core.market.ppo.features import policy_features
from phantom_core.market.ppo.saved_policy import (
    CARD,
    WEIGHTS,
    PolicyCard,
    Tensors,
    read_card,
    read_tensors,
)
from phantom_core.market.scenario import parse_scenario
from phantom_core.market.shops import State
from phantom_core.market.team import Team
from phantom_core.market.traffic import SampledScorer

_SEED_RUNS: Final = "seed-*"


@dataclass(frozen=True, slots=True, eq=False)
class PpoPolicy:
    """The mean price of a trained policy; deterministic.

    Attributes:
        card: its metadata.
        observation: what it observes.
        highs: largest value of each number it observes.
        centre, scale: bring these numbers to the order of 1.
        layers: weights, shape (n_out, n_in), and biases, shape (n_out,), from the features to the
            price.
        name: label in results.
    """

    card: PolicyCard
    observation: Observation
    highs: Floats32
    centre: Floats32
    scale: Floats32
    layers: tuple[tuple[Floats32, Floats32], ...]
    name: str = "ppo"

    @property
    def scorer(self) -> SampledScorer | None:
        """Scores the visitors as in its training; None for the detector's flags."""
        return self.card.scores.scorer() if self.card.scores else None

    def ratios(self, state: State) -> NDArray[np.float64]:
        """One price for all products of each shop, within the guard rails of its training."""
        hidden = policy_features(self.observation.of(state, self.highs), self.centre, self.scale)
        *inner, (weight, bias) = self.layers
        for inner_weight, inner_bias in inner:
            hidden = np.tanh(hidden @ inner_weight.T + inner_bias)
        mean = (hidden @ weight.T + bias)[:, 0].astype(np.float64)
        return self.observation.scenario.guard_rails.clamp_all(mean)


def load_policy(folder: Path, name: str | None = None) -> PpoPolicy:
    """Open one training run.

    Args:
        folder: of the run.
        name: label in results; None means "ppo", "ppo_features" where it observes the detector's
            flags, or "ppo_network" where it observes the network's scores.
    Raises:
        NotFoundError: there is no finished policy.
        DataError: its files are damaged, not PHANTOM's, or of a newer PHANTOM.
    """
    card = read_card(folder)
    tensors = read_tensors(folder / WEIGHTS, card.sha256)
    observation = Observation(card.trained_on(), card.env_version)
    try:
        centre, scale = tensors["features_extractor.centre"], tensors["features_extractor.scale"]
        layers = _layers(tensors, len(card.hyperparameters.hidden))
        policy = PpoPolicy(
            card, observation, observation.highs(), centre, scale, layers, name or _name(card)
        )
        _check_shapes(policy)
    except (KeyError, ValueError):
        raise DataError(
            f"The weights in {folder} are not those of a {card.env_version} policy.",
            hint="Train again.",
        ) from None
    return policy


def _market(member: PpoPolicy) -> str:
    """What a policy was trained on, apart from its wording."""
    card = member.card
    scenario = parse_scenario(card.scenario_toml.encode(), card.scenario)
    return scenario.without_wording().to_toml()


def load_policies(folder: Path) -> Policy | Team:
    """Open a training run, or all runs `seed-…` of a folder as one team named by their features.

    Raises:
        NotFoundError: there is no finished policy.
        DataError: files are damaged, not PHANTOM's or of a newer PHANTOM, or the runs do not
            belong together.
    """
    if (folder / CARD).is_file():
        return load_policy(folder)
    runs = sorted(path for path in folder.glob(_SEED_RUNS) if (path / CARD).is_file())
    if not runs:
        raise NotFoundError(
            f"There is no trained policy in {folder}.", hint="Train one: simulate train."
        )
    members = [load_policy(run) for run in runs]
    if len({(member.card.env_version, _market(member)) for member in members}) > 1:
        raise DataError(
            f"The runs in {folder} were trained on different scenarios or environments.",
            hint="Name one of them.",
        )
    return Team(members[0].name, tuple(members))


def _name(card: PolicyCard) -> str:
    if card.env_version == "v0":
        return "ppo"
    return "ppo_network" if card.scores else "ppo_features"


def _layers(tensors: Tensors, n_hidden: int) -> tuple[tuple[Floats32, Floats32], ...]:
    # In the network's list every layer is followed by its activation.
    names = [f"mlp_extractor.policy_net.{2 * n}" for n in range(n_hidden)]
    return tuple(
        (tensors[f"{name}.weight"], tensors[f"{name}.bias"]) for name in (*names, "action_net")
    )


def _check_shapes(policy: PpoPolicy) -> None:
    """Reject weights that do not fit together, by one try with an observation of zeros.

    Raises:
        ValueError: they do not fit.
    """
    hidden = policy_features(
        np.zeros((1, policy.highs.size), np.float32), policy.centre, policy.scale
    )
    for weight, bias in policy.layers:
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise ValueError("a weight is not a number")
        hidden = hidden @ weight.T + bias
    if hidden.shape != (1, 1):
        raise ValueError("not one price")


def _make(request: PolicyRequest) -> Policy | Team:
    detail, runs = request.detail, request.runs
    folder = runs / detail if (runs / detail).is_dir() else Path(detail)
    if not folder.is_dir():
        saved = (
            ", ".join(sorted(path.name for path in runs.glob("[!.]*") if path.is_dir())) or "none"
        )
        raise NotFoundError(
            f"There is no trained policy '{detail}'.",
            hint=f"Trained in this workspace: {saved}. Train one: simulate train.",
        )
    return load_policies(folder)


POLICIES.register(
    PolicyKind(
        name="ppo",
        title="PPO",
        description="A policy trained with PPO: the name of a run of the workspace, or its folder.",
        order=80,
        make=_make,
        detail="required",
        placeholder="RUN",
        result_titles={
            "ppo_features": "PPO with the detector's flags",
            "ppo_network": "PPO with the network's scores",
        },
    )
)
