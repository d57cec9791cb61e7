"""Retraining report: the promotion decision of each kind of model, as one value and as a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from pydantic import JsonValue, TypeAdapter, ValidationError

from phantom_core.core.errors import DataError
from phantom_core.monitoring.challenger_evaluation import ComparedFigure, PromotionGate

FOLDER: Final = "retraining"
Outcome = Literal["promoted", "waiting", "kept", "skipped"]


@dataclass(frozen=True, slots=True)
class Window:
    """The period of a retraining, UTC milliseconds.

    Attributes:
        start_ms: the challenger is trained on sessions that began from here …
        split_ms: … to before here; sessions that began from here on are held out.
        end_ms: held-out sessions ended before here.
    """

    start_ms: int
    split_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows held out from both models: rows, positive rows and actors, counts."""

    rows: int
    positive: int
    actors: int


@dataclass(frozen=True, slots=True)
class RetrainOutcome:
    """Result for one kind of model.

    Attributes:
        kind: classifier or multitask.
        outcome: promoted; waiting: it won, and a person decides; kept: the champion stays; skipped:
            there was no evaluation.
        why: one sentence.
        champion: version in use before; empty for none.
        challenger: version trained; empty where none was.
        window: the period; None without a session.
        held_out: by task.
        figures: of both on the held-out rows; the first one decides.
        gates: limits that the challenger had to meet.
        published: whether services use the promoted model, one sentence; empty where nothing was
            published.
    """

    kind: str
    outcome: Outcome
    why: str
    champion: str = ""
    challenger: str = ""
    window: Window | None = None
    held_out: Mapping[str, Counted] = field(default_factory=dict)
    figures: tuple[ComparedFigure, ...] = ()
    gates: tuple[PromotionGate, ...] = ()
    published: str = ""


@dataclass(frozen=True, slots=True)
class RetrainReport:
    """One retraining.

    Attributes:
        created_ms: when it began, UTC milliseconds.
        seconds: wall time.
        rule: of promotion.
        margin: of the rule.
        verdicts: result of each kind.
    """

    created_ms: int
    seconds: float
    rule: str
    margin: float
    verdicts: tuple[RetrainOutcome, ...]

    def to_file(self) -> bytes:
        """As it is stored."""
        return _ADAPTER.dump_json(self, indent=2)

    def to_json(self) -> dict[str, JsonValue]:
        """As a job or a command reports it."""
        return dict(_ADAPTER.dump_python(self, mode="json"))


_ADAPTER: Final = TypeAdapter(RetrainReport)


def parse_retraining(text: bytes) -> RetrainReport:
    """Read a stored report back.

    Raises:
        DataError: it is not a retraining report.
    """
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError:
        raise DataError(
            "The report of a retraining cannot be read.", hint="Delete the file, or retrain."
        ) from None
