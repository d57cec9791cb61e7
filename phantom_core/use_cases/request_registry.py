"""Request registry: every kind of job, found by its name.

A kind is declared in one file, `job_KIND.py`, somewhere below this package; nothing lists it
anywhere else.
"""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Final

from phantom_core import use_cases
from phantom_core.accounts.permissions import needs_no_permission
from phantom_core.core.errors import NotFoundError
from phantom_core.jobs.job_request import JobRequest

_PREFIX: Final = "job_"


@needs_no_permission
def job_kinds() -> tuple[str, ...]:
    """Names of all kinds, in order."""
    return tuple(_modules())


@needs_no_permission
def request_type(kind: str) -> type[JobRequest]:
    """The request of a kind; imports the file of this kind alone.

    Raises:
        NotFoundError: no such kind.
    """
    if kind not in _modules():
        raise NotFoundError(
            f"There is no job called '{kind}'.", hint=f"Known jobs: {', '.join(job_kinds())}."
        )
    declared = vars(import_module(_modules()[kind])).values()
    return next(
        one
        for one in declared
        if isinstance(one, type) and issubclass(one, JobRequest) and vars(one).get("kind") == kind
    )


@needs_no_permission
def parse_request(kind: str, text: str) -> JobRequest:
    """A request as the jobs table stores it.

    Args:
        kind: of the job.
        text: its fields, JSON.
    Raises:
        NotFoundError: no such kind.
        InputError: a field is invalid; the message names it.
        DataError: the text is not a JSON object.
    """
    return request_type(kind).from_json(text)


@cache
def _modules() -> Mapping[str, str]:
    """Kind → module that declares it."""
    found = (
        module.name
        for module in pkgutil.walk_packages(use_cases.__path__, f"{use_cases.__name__}.")
    )
    names = {name.rpartition(".")[2]: name for name in found}
    kinds = {
        stem.removeprefix(_PREFIX): name
        for stem, name in sorted(names.items())
        if stem.startswith(_PREFIX)
    }
    return MappingProxyType(kinds)
