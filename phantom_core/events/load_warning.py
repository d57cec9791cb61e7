"""Load warning: something about a loaded file that deserves a look, typed and counted."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class LoadWarning:
    """Something that deserves a look.

    Attributes:
        kind: a name that scripts can rely on, such as "empty_column"; docs/events.md lists them.
        n: how many rows, sessions, columns or files it is about.
        text: one sentence or two.
    """

    kind: str
    n: int
    text: str


def write_warnings(warnings: Sequence[LoadWarning]) -> str:
    """Warnings as the ledger stores them."""
    return json.dumps([asdict(one) for one in warnings], ensure_ascii=False)


def parse_warnings(text: str) -> tuple[LoadWarning, ...]:
    """Warnings of the ledger; earlier releases stored sentences alone.

    >>> parse_warnings('["The file has no row."]')
    (LoadWarning(kind='note', n=0, text='The file has no row.'),)
    """
    return tuple(
        LoadWarning("note", 0, one) if isinstance(one, str) else LoadWarning(**one)
        for one in json.loads(text)
    )
