"""User agent signs: the pieces of text by which user agents name themselves, from a data file."""

import tomllib
from functools import cache
from importlib.resources import files


@cache
def said_by(kind: str) -> tuple[str, ...]:
    """The pieces of a kind, in the order of the file.

    Args:
        kind: "tools" or "headless".
    """
    text = files("phantom_core.features").joinpath("user_agents.toml").read_text(encoding="utf-8")
    groups = tomllib.loads(text)[kind]
    return tuple(dict.fromkeys(piece for pieces in groups.values() for piece in pieces))
