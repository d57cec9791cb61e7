"""Model kind: its names, its files, and references to the code that trains, explains and opens it.

The record is light: heavy functions are named and imported by their callers, which know their
types.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from phantom_core.core.registry import Reference, Registry


@dataclass(frozen=True, slots=True)
class Teaching:
    """Mark-ups of a kind of model that a small tree can learn.

    Attributes:
        name: in the command line and in saved trees.
        title: as shown on pages.
        read: a `use_cases.explanations.distil.ReadTeacher`.
    """

    name: str
    title: str
    read: Reference


@dataclass(frozen=True, slots=True)
class AddressKeys:
    """Query keys of the page Explain, which links rely on.

    Attributes:
        version: key of the model shown.
        against: key of the model it is compared with.
        feature: key of the feature shown.
    """

    version: str
    against: str
    feature: str


@dataclass(frozen=True, slots=True)
class ModelKind:
    """A kind of model.

    Attributes:
        name: of its folder, its verbs and its announcements.
        order: position in lists, lowest first; the first is the default of verbs.
        title: as shown on pages.
        noun: a model of this kind, inside a sentence.
        choice_title: label of the choice of a saved model.
        description: one sentence.
        figures: headline figures of the manifest, in order, with their titles.
        page: name of the page that trains and shows it.
        train_job: kind of the job that trains one.
        published_as: key of the published model on the Redis server.
        is_always_retrained: whether it is retrained even where none is in use yet.
        grain: the unit of an explanation.
        answers: what it predicts, with the titles on the page Explain.
        has_interactions: whether interactions of features can be measured.
        address: query keys.
        parse_report: bytes of the report file → the report, with `created_ms`.
        train_verb: verb of the command line that trains one.
        report_file: in a saved model: the report of its training.
        card_file: in a saved model: its model card, Markdown.
        tune_verb: verb that searches for better hyperparameters; None without.
        read_saved: saved model → report and card, where results are added after the training.
        retraining: a `use_cases.models.retrain.StartRetraining`.
        explain: a `use_cases.explanations.explain.Explain`.
        available_answers: a `use_cases.explanations.explain.AvailableAnswers`, where a saved model
            may lack answers; None where each has all.
        open_published: a `services.pricing.models.OpenPublished`.
        teachings: mark-ups that a small tree can learn.
    """

    name: str
    order: int
    title: str
    noun: str
    choice_title: str
    description: str
    figures: Mapping[str, str]
    page: str
    train_job: str
    published_as: str
    is_always_retrained: bool
    grain: Literal["sessions", "offers"]
    answers: Mapping[str, str]
    has_interactions: bool
    address: AddressKeys
    parse_report: Reference
    train_verb: Reference
    retraining: Reference
    explain: Reference
    open_published: Reference
    report_file: str = "report.json"
    card_file: str = "card.md"
    tune_verb: Reference | None = None
    read_saved: Reference | None = None
    available_answers: Reference | None = None
    teachings: tuple[Teaching, ...] = field(default=())


MODEL_KINDS: Final[Registry[ModelKind]] = Registry("kind of model", "phantom_core.model_kinds")


def default_kind() -> str:
    """Name of the default kind."""
    return MODEL_KINDS.names()[0]
