"""Extensions: registered models, policies, scenarios, checks and formats, as lists."""

from dataclasses import dataclass

from phantom_core.accounts.permissions import needs_no_permission
from phantom_core.events.formats.source_format import FORMATS
from phantom_core.market.policies.kind import POLICIES
from phantom_core.market.scenario import load_scenario, shipped_names
from phantom_core.model_kinds.model_kind import MODEL_KINDS
from phantom_core.rules.checks.rule_check import CHECKS


@dataclass(frozen=True, slots=True)
class ExtensionList:
    """Extensions of one kind.

    Attributes:
        name: of the list.
        headings: of the columns.
        rows: a text for each column, in the order pages list them.
    """

    name: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def to_markdown(self) -> str:
        """The list as a Markdown table."""
        lines = [self.headings, tuple("---" for _ in self.headings), *self.rows]
        return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    """A text with escaped cell separators."""
    return text.replace("|", "\\|")


@needs_no_permission
def extension_lists() -> tuple[ExtensionList, ...]:
    """Kinds of models, simulator policies and scenarios, rule checks, file formats."""
    scenarios = [load_scenario(name) for name in shipped_names()]
    return (
        ExtensionList(
            "models",
            ("kind", "title", "what it says"),
            tuple((one.name, one.title, one.description) for one in MODEL_KINDS.all()),
        ),
        ExtensionList(
            "policies",
            ("name", "title", "what it does"),
            tuple((f"`{one.written}`", one.title, one.description) for one in POLICIES.all()),
        ),
        ExtensionList(
            "scenarios",
            ("name", "title", "note"),
            tuple((one.name, one.title, one.note) for one in scenarios),
        ),
        ExtensionList(
            "rule checks",
            ("finding", "severity", "when"),
            tuple((one.name, one.severity, one.description) for one in CHECKS.all()),
        ),
        ExtensionList(
            "file formats",
            ("format", "endings", "what it holds"),
            tuple((one.title, " ".join(one.suffixes), one.description) for one in FORMATS.all()),
        ),
    )
