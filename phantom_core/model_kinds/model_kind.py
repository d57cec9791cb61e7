"""A kind of model: what it is called, where its files are, and where the code stands that trains,
explains, retrains and opens it.

The record is light: heavy functions are named, and imported by whoever calls them, which also knows
their types.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from phantom_core.core.registry import Reference, Registry


@dataclass(frozen=True, slots=True)
class Teaching:
    """Mark-ups of a kind of model that a small tree can learn.

    Attributes:
        name: as the command line and saved trees have it.
        title: as people read it.
        read: a `use_cases.explanations.distil.ReadTeacher`.
    """

    name: str
    title: str
    read: Reference


@dataclass(frozen=True, slots=True)
class AddressKeys:
    """Names in the address of the page Explain, which links rely on.

    Attributes:
        version: of the model that is shown.
        against: of the model it is compared with.
        feature: that is looked at.
    """

    version: str
    against: str
    feature: str


@dataclass(frozen=True, slots=True)
class ModelKind:
    """A kind of model.

    Attributes:
        name: of its folder, its verbs and its announcements.
        order: where it stands in lists, lowest first; the first is what verbs mean where none is
            named.
        title: as people read it.
        noun: one of them, inside a sentence.
        choice_title: one of the saved ones, as its pages call it.
        description: one sentence.
        figures: headline figures of the manifest, in order, with their titles.
        page: name of the page that trains and shows it.
        train_job: kind of the job that trains one.
        published_as: key of the published one, on the server that prices are read from.
        is_always_retrained: also where none is in use yet.
        grain: what is explained one by one.
        answers: what it can be asked, with the title of each question on the page Explain.
        has_interactions: whether interactions of features can be measured.
        address: names in addresses.
        parse_report: bytes of the report file → the report, with `created_ms`.
        train_verb: verb of the command line that trains one.
        report_file: in a saved model: everything its training found out.
        card_file: in a saved model: its model card, Markdown.
        tune_verb: verb that searches for better hyperparameters; None without.
        retraining: a `use_cases.models.retrain.StartRetraining`.
        explain: a `use_cases.explanations.explain.Explain`.
        available_answers: a `use_cases.explanations.explain.AvailableAnswers`, where a saved one may lack
            answers; None where it has all.
        open_published: a `serving.pricing_models.OpenPublished`.
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
    available_answers: Reference | None = None
    teachings: tuple[Teaching, ...] = field(default=())


MODEL_KINDS: Final[Registry[ModelKind]] = Registry("kind of model", "phantom_core.model_kinds")


def default_kind() -> str:
    """Name of the kind that is meant where none is named."""
    return MODEL_KINDS.names()[0]
