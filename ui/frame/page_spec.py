"""Pages: the specification of each file in pages/, read without running it.

A page declares `PAGE = PageSpec(...)` with plain values, for the menu, links and documents. To add
a page, add a file.
"""

import ast
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[2] / "pages"
_NAME: Final = "PAGE"


@dataclass(frozen=True, slots=True)
class PageSpec:
    """A page in the menu.

    Attributes:
        title: of the page and its entry.
        icon: ":material/NAME:".
        section: of the menu; empty for the entry beside the sections.
        order: position in the menu, ascending; a section has the position of its first page.
    """

    title: str
    icon: str
    section: str
    order: int


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page that was found.

    Attributes:
        name: as in the URL.
        spec: its specification.
        about: first line of its docstring.
    """

    name: str
    spec: PageSpec
    about: str

    @property
    def file(self) -> str:
        """Path for links, relative to the app."""
        return f"pages/{self.name}.py"


def all_pages(folder: Path | None = None) -> tuple[FoundPage, ...]:
    """All pages in the order of the menu.

    Args:
        folder: of their files; None means the app's own.
    Raises:
        ValueError: a file does not declare its page: a mistake in the code.
    """
    found = [_read(path, path.stat().st_mtime_ns) for path in (folder or FOLDER).glob("[!_.]*.py")]
    return tuple(sorted(found, key=lambda page: (page.spec.order, page.name)))


def find_page(name: str) -> FoundPage:
    """A page by its name.

    Raises:
        KeyError: it does not exist: a mistake in the code.
    """
    return {page.name: page for page in all_pages()}[name]


@lru_cache(maxsize=256)
def _read(path: Path, changed_ns: int) -> FoundPage:
    """Read one file, up to the blank line below the declaration; again when it changed."""
    text = path.read_text(encoding="utf-8")
    end = text.find("\n\n", max(text.find(f"\n{_NAME} = "), 0) + 1)
    tree = ast.parse(text[:end] if end >= 0 else text, str(path))
    for node in tree.body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Call)
            and ast.unparse(node.targets[0]) == _NAME
        ):
            values = {item.arg or "": ast.literal_eval(item.value) for item in node.value.keywords}
            about = (ast.get_docstring(tree) or "").partition("\n")[0]
            return FoundPage(path.stem, PageSpec(**values), about)
    raise ValueError(
        f"{path} does not declare its page: add {_NAME} = PageSpec(title=…, icon=…, "
        "section=…, order=…)."
    )
