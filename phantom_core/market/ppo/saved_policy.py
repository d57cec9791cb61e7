"""A trained policy on disk: weights as safetensors, the rest as JSON; neither can run code."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from phantom_core.core.errors import DataError, InputError, NotFoundError
from phantom_core.market.model_scores import ModelScores
from phantom_core.market.observation import EnvVersion
from phantom_core.market.ppo.hyperparameters import PpoHyperparameters
from phantom_core.market.scenario import Scenario, parse_scenario
from phantom_core.model_store.store import file_digest, replace_file

Tensors = Mapping[str, NDArray[np.float32]]
CARD: Final = "policy.json"
WEIGHTS: Final = "policy.safetensors"
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class PolicyCard:
    """Metadata of a trained policy.

    Attributes:
        kind: "ppo".
        created_ms: when training finished, UTC milliseconds.
        env_version: version of the observations.
        scenario: name of the scenario it was trained on.
        scenario_toml: the same in full.
        steps: shop hours trained on.
        seed: source of all randomness in its training.
        seconds: wall time of the training.
        training_reward: mean of the episodes that ended last, with prices still explored; None
            before one ended.
        hyperparameters: of the training.
        libraries: version of each library used in training.
        sha256: of the weights.
        scores: of the model whose scores it observes; None for the detector's flags.
        format: of these two files; a newer one is rejected.
    """

    kind: str
    created_ms: int
    env_version: EnvVersion
    scenario: str
    scenario_toml: str
    steps: int
    seed: int
    seconds: float
    training_reward: float | None
    hyperparameters: PpoHyperparameters
    libraries: dict[str, str]
    sha256: str = ""
    scores: ModelScores | None = None
    format: int = _FORMAT

    def trained_on(self) -> Scenario:
        """The scenario it was trained on.

        Raises:
            DataError: it can no longer be read.
        """
        return scenario_of(self.scenario_toml, self.scenario)


_ADAPTER: Final = TypeAdapter(PolicyCard)


def save_policy(folder: Path, card: PolicyCard, tensors: Tensors) -> None:
    """Write a policy; its card comes last, so a folder with a card is complete."""
    content = save(dict(tensors))
    replace_file(folder / WEIGHTS, content)
    replace_file(
        folder / CARD, _ADAPTER.dump_json(replace(card, sha256=file_digest(content)), indent=2)
    )


def is_finished(folder: Path) -> bool:
    """Whether a run holds a policy."""
    return (folder / CARD).exists()


def read_card(folder: Path) -> PolicyCard:
    """Read the metadata of a policy.

    Raises:
        NotFoundError: there is no policy.
        DataError: the file is damaged, not PHANTOM's or of a newer PHANTOM.
    """
    try:
        content = (folder / CARD).read_bytes()
    except OSError:
        raise NotFoundError(
            f"There is no trained policy in {folder}.", hint="Train one: simulate train."
        ) from None
    try:
        card = _ADAPTER.validate_json(content)
    except ValidationError:
        raise DataError(
            f"{folder / CARD} is not the card of a policy that this version of PHANTOM can read.",
            hint="Train again.",
        ) from None
    if card.kind != "ppo" or card.format != _FORMAT:
        raise DataError(
            f"{folder} holds a policy of kind '{card.kind}', format {card.format}; expected ppo, "
            f"format {_FORMAT}."
        )
    return card


def read_tensors(path: Path, expected_sha256: str) -> dict[str, NDArray[np.float32]]:
    """Read weights.

    Raises:
        DataError: the file is missing, differs from the one that was saved, or holds no tensors.
    """
    try:
        content = path.read_bytes()
    except OSError:
        raise DataError(
            f"The weights {path} are missing.", hint="Restore the file, or train again."
        ) from None
    if file_digest(content) != expected_sha256:
        raise DataError(
            f"{path} is not the file that was saved: its SHA-256 differs.",
            hint="Restore the file, or train again.",
        )
    try:
        return dict(load(content))
    except (SafetensorError, ValueError):
        raise DataError(f"{path} holds no tensors.", hint="Train again.") from None


def scenario_of(toml: str, name: str) -> Scenario:
    """Parse the scenario saved beside weights.

    Raises:
        DataError: it can no longer be read.
    """
    try:
        return parse_scenario(toml.encode(), name)
    except InputError as error:
        raise DataError(
            f"The scenario saved with this policy cannot be read: {error.message}"
        ) from None
