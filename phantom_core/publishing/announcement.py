"""Announcement: a message on the channel that new content was published."""

from dataclasses import asdict, dataclass

from phantom_core.publishing.canonical import canonical_json

# rules, experiments, prices, elasticity, statement, or the name of a kind of model.
Kind = str


@dataclass(frozen=True, slots=True)
class Announcement:
    """A change of published content.

    Attributes:
        kind: of content.
        version: of the content; empty where the base price is live or the content is missing.
        epoch: of the switch; 0 for content without one.
    """

    kind: Kind
    version: str
    epoch: int = 0

    def to_bytes(self) -> bytes:
        """The message on the channel."""
        return canonical_json(asdict(self))
