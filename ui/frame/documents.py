"""Documents: the lists in docs/ that the registries fill; write them with `python -m
ui.frame.documents`.
"""

import re
from pathlib import Path
from typing import Final

from phantom_core.views.workspace.extensions import ExtensionList, extension_lists
from ui.frame.page_spec import all_pages
from ui.frame.permission_lists import permission_lists

FOLDER: Final = Path(__file__).parents[2] / "docs"
_LIST: Final = re.compile(r"(<!-- list: ([a-z ]+) -->\n).*?(\n<!-- end of list -->)", re.DOTALL)


def document_lists() -> dict[str, ExtensionList]:
    """Every list by its name, pages among them."""
    rows = tuple(
        (one.name, one.spec.section, one.spec.title, one.about.partition(": ")[2])
        for one in all_pages()
    )
    pages = ExtensionList("pages", ("page", "section", "title", "what it shows"), rows)
    return {one.name: one for one in (*extension_lists(), pages, *permission_lists())}


def with_lists(text: str) -> str:
    """A document with its lists as they are now.

    Raises:
        KeyError: it names a list that does not exist: a mistake in the document.
    """
    known = document_lists()
    return _LIST.sub(lambda found: f"{found[1]}{known[found[2]].to_markdown()}{found[3]}", text)


if __name__ == "__main__":
    for path in FOLDER.glob("*.md"):
        path.write_text(with_lists(path.read_text(encoding="utf-8")), encoding="utf-8")
