"""Names that scripts, links and servers rely on, as `names.txt` lists them, one a line."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("names.txt")


def listed(kind: str) -> list[str]:
    """Lines of one kind, without it: `listed("cli")` has `audit list --newest`."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return [line.removeprefix(f"{kind} ") for line in lines if line.startswith(f"{kind} ")]


def json_fields(verb: str) -> set[str]:
    """Fields that a verb prints with --json; `[]` is a list element, `*` a name that is data."""
    lines = [line.split(": ", 1) for line in listed("json")]
    return {field for name, field in lines if name == verb}


def fields(document: object, at: str = "", free: Iterable[str] = ()) -> set[str]:
    """Paths of all figures of a JSON document.

    Args:
        document: as parsed.
        at: path of it.
        free: paths of objects whose names are data.

    >>> sorted(fields({"a": 1, "b": [{"c": None}, {"d": []}]}))
    ['a', 'b[].c', 'b[].d']
    >>> fields({"a": {"v1": 1, "v2": 1}}, free=["a"])
    {'a.*'}
    """
    if isinstance(document, dict) and document:
        names = {name: "*" if at in free else name for name in document}
        inside = (
            (document[name], f"{at}.{shown}" if at else shown) for name, shown in names.items()
        )
        return {path for value, place in inside for path in fields(value, place, free)}
    if isinstance(document, list) and any(isinstance(one, dict | list) for one in document):
        return {path for one in document for path in fields(one, f"{at}[]", free)}
    return {at}
