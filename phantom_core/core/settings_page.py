"""Settings page: docs/settings.md, generated from the docstrings of the settings.

Run: python -m phantom_core.core.settings_page   writes it; a test fails while it is not current.
"""

import inspect
from pathlib import Path
from typing import Final

from pydantic_settings import BaseSettings

from phantom_core.core.settings import setting_groups, variable_name

PAGE: Final = Path(__file__).parents[2] / "docs" / "settings.md"
_HEAD: Final = """# Settings

Every setting is an environment variable, read once when a process starts. Code reaches it as
`settings.<name>`, or `settings.<group>.<name>`.
"""


def settings_page() -> str:
    """The page as Markdown: a table for each group."""
    groups = setting_groups()
    parts = [_HEAD]
    for name, group in groups.items():
        title = f"`{name}`: {inspect.getdoc(group)}" if name else "Installation"
        rows = [
            f"| `{variable_name(group, field)}` | {_default(group, field)} "
            f"| {_meaning(group, field)} |"
            for field in group.model_fields
            if field not in groups
        ]
        parts.append(
            "\n".join(
                [f"## {title}", "", "| variable | default | meaning |", "|---|---|---|", *rows, ""]
            )
        )
    return "\n".join(parts)


def _default(group: type[BaseSettings], name: str) -> str:
    value = group.model_fields[name].get_default(call_default_factory=True)
    if isinstance(value, tuple):
        value = ",".join(value)
    return "none" if value in ("", {}) else f"`{value}`"


def _meaning(group: type[BaseSettings], name: str) -> str:
    text = group.model_fields[name].description or ""
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(settings_page(), encoding="utf-8")
