"""Job request: the options of a use case that runs as a job, and its report."""

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
    """The result of a job."""

    def to_json(self) -> Mapping[str, object]:
        """The report as one JSON object."""


@dataclass(frozen=True, slots=True)
class PlainReport:
    """A report whose fields are its JSON: derive a dataclass and name them."""

    def to_json(self) -> dict[str, object]:
        """The report as one JSON object."""
        return asdict(self)


class JobRequest(BaseModel, ABC):
    """Base of the requests, one per kind of job; its fields are the options.

    A request is defined beside its use case in `job_KIND.py`, imports nothing heavy, and is found
    by the name of its kind. Its docstring describes the work.

    Attributes:
        kind: name in the jobs table.
        title: name on pages.
        is_personal: whether an account answers for it, so that no other one may start it again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    kind: ClassVar[str]
    title: ClassVar[str]
    is_personal: ClassVar[bool] = False

    def __init__(self, **fields: object) -> None:
        """Validate the fields.

        Raises:
            InputError: a field that cannot be used; names it.
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
        """Do the work; heavy modules are imported here.

        Args:
            settings: of the installation.
            now_ms: the clock, UTC milliseconds.
            progress: called after every step.
        Raises:
            PhantomError: what the use case raises.
        """

    def run_for(
        self, settings: "Settings", who: str, *, now_ms: int, progress: Progress = no_progress
    ) -> JobReport:
        """Do the work for the account that started the job.

        Work that an account answers for overrides this; other work is the same for everybody.

        Args:
            settings: of the installation.
            who: login in the row of the job, which no argument can change; empty for the work of
                this machine.
            now_ms: the clock, UTC milliseconds.
            progress: called after every step.
        Raises:
            PhantomError: what the use case raises.
        """
        return self.run(settings, now_ms=now_ms, progress=progress)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parse a request as the jobs table stores it.

        Raises:
            DataError: it is not a JSON object.
            InputError: a field that cannot be used; names it.
        """
        try:
            fields = json.loads(text)
        except json.JSONDecodeError:
            fields = None
        if not isinstance(fields, dict):
            raise DataError(
                f"The request of a job '{cls.kind}' is not a JSON object.",
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


# As in forms and old rows: an empty text means none, and a single text is a list of one.
OptionalText = Annotated[str | None, BeforeValidator(_none_if_empty)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
