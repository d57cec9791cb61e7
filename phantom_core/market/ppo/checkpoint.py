"""Checkpoints: the state of a training, written so that a crash leaves the old or the new one."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from safetensors.numpy import save

from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.market.model_scores import ModelScores
from phantom_core.market.observation import EnvVersion
from phantom_core.market.ppo.hyperparameters import PpoHyperparameters
from phantom_core.market.ppo.saved_policy import Tensors, read_tensors
from phantom_core.model_store.store import file_digest, replace_file

FOLDER: Final = "checkpoint"
_CARD: Final = "checkpoint.json"
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a training.

    Attributes:
        steps: shop hours trained on.
        total_steps: shop hours requested.
        seed: of the training.
        env_version: version of the observations.
        scenario, scenario_toml: what it is trained on, by name and in full.
        hyperparameters: of the training.
        seconds: wall time so far.
        training_reward: mean of the episodes that ended last; None before one ended.
        sha256: of the tensors; empty before they are written.
        scores: of the model whose scores are observed; None for the detector's flags.
        format: of these files; any other one is rejected.
    """

    steps: int
    total_steps: int
    seed: int
    env_version: EnvVersion
    scenario: str
    scenario_toml: str
    hyperparameters: PpoHyperparameters
    seconds: float
    training_reward: float | None
    sha256: str = ""
    scores: ModelScores | None = None
    format: int = _FORMAT


_ADAPTER: Final = TypeAdapter(Checkpoint)


def write_checkpoint(run_dir: Path, checkpoint: Checkpoint, tensors: Tensors) -> None:
    """Replace the checkpoint of a run: write new tensors, then the card that names them, then
    delete the old tensors.
    """
    folder = run_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    content = save(dict(tensors))
    name = _tensors_of(checkpoint.steps)
    replace_file(folder / name, content)
    replace_file(
        folder / _CARD,
        _ADAPTER.dump_json(replace(checkpoint, sha256=file_digest(content)), indent=2),
    )
    for old in folder.glob("*.safetensors"):
        if old.name != name:
            old.unlink()


def has_checkpoint(run_dir: Path) -> bool:
    """Whether there is something to resume."""
    return (run_dir / FOLDER / _CARD).is_file()


def read_checkpoint(run_dir: Path) -> tuple[Checkpoint, dict[str, NDArray[np.float32]]]:
    """Read the state of a training.

    Raises:
        NotFoundError: there is no checkpoint.
        DataError: it is damaged, not PHANTOM's or of a newer PHANTOM.
    """
    path = run_dir / FOLDER / _CARD
    try:
        checkpoint = _ADAPTER.validate_json(path.read_bytes())
    except OSError:
        raise NotFoundError(
            f"There is nothing to resume in {run_dir}.", hint="Start the training without resume."
        ) from None
    except ValidationError:
        raise DataError(
            f"{path} is not a checkpoint that this version of PHANTOM can read.",
            hint="Start the training again.",
        ) from None
    if checkpoint.format != _FORMAT:
        raise DataError(
            f"{path} is of format {checkpoint.format}; expected {_FORMAT}.",
            hint="Start the training again.",
        )
    return checkpoint, read_tensors(
        path.with_name(_tensors_of(checkpoint.steps)), checkpoint.sha256
    )


def _tensors_of(steps: int) -> str:
    return f"steps-{steps}.safetensors"
