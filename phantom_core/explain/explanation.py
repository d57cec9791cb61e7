"""Explanation: what a saved model relies on, as one typed value that is also a file."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from pydantic import JsonValue, TypeAdapter, ValidationError

from phantom_core.core.errors import DataError
from phantom_core.core.registry import choose_named
from phantom_core.evaluation.kernel import KernelScore
from phantom_core.explain.importance import Importance

Output = Literal["agent", "purchase"]
OUTPUTS: Final[tuple[Output, ...]] = get_args(Output)
Grain = Literal["sessions", "offers"]


def output_named(name: str) -> Output:
    """An answer of a model by its name.

    Raises:
        InputError: there is no such answer.
    """
    return choose_named("output", name, OUTPUTS)


@dataclass(frozen=True, slots=True)
class Interaction:
    """What two features add together.

    Attributes:
        first: a feature.
        second: another one.
        mean_abs: mean size of what they add beyond what each adds alone, in the unit of the output.
    """

    first: str
    second: str
    mean_abs: float


@dataclass(frozen=True, slots=True)
class Kernels:
    """Steps of humans and agents as numbers.

    Attributes:
        names: event names in order.
        human: steps seen, one row per source; see KernelScore.
        agent: the same of agents.
        smoothing: added to every count.
    """

    names: tuple[str, ...]
    human: tuple[tuple[int, ...], ...]
    agent: tuple[tuple[int, ...], ...]
    smoothing: float

    @classmethod
    def of(cls, score: KernelScore) -> "Kernels":
        """The counts of a fitted score."""
        human, agent = (
            tuple(tuple(row) for row in counts.astype(np.int64).tolist()) for counts in score.counts
        )
        return cls(score.names, human, agent, score.smoothing)

    def score(self) -> KernelScore:
        """The score they came from."""
        return KernelScore(
            self.names, np.array([self.human, self.agent], np.float64), self.smoothing
        )


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a saved model relies on.

    Attributes:
        model_version: name of the model.
        output: which of its answers: whether the session is an agent's, or whether the offer is
            bought.
        grain: "sessions" of the classifier; "offers" of the network, each as known just before the
            product was quoted.
        tables: versions of the lake's tables it was read from, labels among them.
        sessions: all sessions or offers there were, count.
        explained: those drawn from them and explained, count.
        folds: models trained on other actors, for the intervals; count.
        fold_sessions: sessions or offers each of them explained, count.
        seed: of the drawing.
        background: offers that stand for "not known", count; 0 where the trees themselves tell.
        base: log-odds before anything is known.
        features: most important first.
        families: most important first.
        interactions: pairs, strongest first; empty when nobody asked.
        interaction_sessions: sessions they were measured on, count.
        kernels: steps of labelled humans and agents; None where they were not counted.
    """

    model_version: str
    output: Output
    grain: Grain
    tables: tuple[int, ...]
    sessions: int
    explained: int
    folds: int
    fold_sessions: int
    seed: int
    background: int
    base: float
    features: tuple[Importance, ...]
    families: tuple[Importance, ...]
    interactions: tuple[Interaction, ...]
    interaction_sessions: int
    kernels: Kernels | None

    @property
    def lake_version(self) -> int:
        """Version of the events."""
        return self.tables[0]

    def to_file(self) -> bytes:
        """Everything, as explanation.json holds it."""
        return _ADAPTER.dump_json(self)

    def to_json(self) -> dict[str, JsonValue]:
        """What a caller on the command line wants, flat; contributions are log-odds."""
        return {
            "model_version": self.model_version,
            "output": self.output,
            "lake_version": self.lake_version,
            self.grain: self.sessions,
            "explained": self.explained,
            "folds": self.folds,
            "seed": self.seed,
            "background": self.background,
            "base": self.base,
            "unit": f"log-odds of {'an agent' if self.output == 'agent' else 'a purchase'}",
            "features": [_importance_json(row) for row in self.features],
            "families": [_importance_json(row) for row in self.families],
            "interactions": [
                {"features": [pair.first, pair.second], "mean_abs": pair.mean_abs}
                for pair in self.interactions
            ],
            "interaction_sessions": self.interaction_sessions,
        }


_ADAPTER: Final = TypeAdapter(Explanation)


def parse_explanation(text: bytes) -> Explanation:
    """Read explanation.json back.

    Raises:
        DataError: it is not an explanation this version can read.
    """
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        raise DataError(
            "explanation.json cannot be read by this version of PHANTOM.",
            hint="Explain the model again.",
        ) from error


def _importance_json(row: Importance) -> dict[str, JsonValue]:
    return {
        "name": row.name,
        "family": row.family,
        "mean_abs": row.mean_abs,
        "ci": [row.low, row.high],
    }
