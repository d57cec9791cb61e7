"""Job request: what a use case that runs as a job is asked for, and what it reports."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Protocol, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from phantom_core.core.errors import DataError, InputError
from phantom_core.core.progress import Progress, no_progress

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings


class JobReport(Protocol):
    """What came out of a job."""

    def to_json(self) -> Mapping[str, object]:
        """The report as one JSON object."""


@dataclass(frozen=True, slots=True)
class PlainReport:
    """A report whose fields are its JSON: derive a dataclass and name them."""

    def to_json(self) -> dict[str, object]:
        """The report as one JSON object."""
        return asdict(self)


class JobRequest(BaseModel, ABC):
    """Base of the requests, one per kind of job: fields are its options, their defaults the usual
    ones.

    A request lives beside its use case in `job_KIND.py`, imports nothing heavy, and is found there
    by the name of its kind. Its docstring describes the work.

    Attributes:
        kind: name in the jobs table.
        title: name on pages.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    kind: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, **fields: object) -> None:
        """Check the fields.

        Raises:
            InputError: one that cannot be used, by its name.
        """
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise InputError(
                _sentence(self.kind, error), hint="Correct it and start the job again."
            ) from None

    @abstractmethod
    def run(
        self, settings: "Settings", *, now_ms: int, progress: Progress = no_progress
    ) -> JobReport:
        """Do the work; imports what it needs only now.

        Args:
            settings: of the installation.
            now_ms: the clock, UTC milliseconds.
            progress: called all along.
        Raises:
            PhantomError: what the use case raises.
        """

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a request as the jobs table stores it.

        Raises:
            DataError: it is no JSON object.
            InputError: a field that cannot be used, by its name.
        """
        try:
            fields = json.loads(text)
        except json.JSONDecodeError:
            fields = None
        if not isinstance(fields, dict):
            raise DataError(
                f"The request of a job '{cls.kind}' is no JSON object.",
                hint="Start it again from its page.",
            )
        return cls(**fields)

    def to_json(self) -> str:
        """The request as the jobs table stores it."""
        return self.model_dump_json(by_alias=True, exclude_none=True)


def _sentence(kind: str, error: ValidationError) -> str:
    first = error.errors()[0]
    name = ".".join(map(str, first["loc"])) or "its fields"
    given = "" if first["type"] == "missing" else f" {json.dumps(first['input'], default=str)[:80]}"
    return (
        f"The job '{kind}' cannot use {name}{given}: {first['msg'][0].lower()}{first['msg'][1:]}."
    )


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


def _as_tuple(value: object) -> object:
    if isinstance(value, str):
        return (value,) if value else ()
    return () if value is None else value


# As forms and old rows give them: an empty text means none, and one text stands for a list of one.
OptionalText = Annotated[str | None, BeforeValidator(_none_if_empty)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
