"""Announcement: a word on the channel that something new is there to be read."""

from dataclasses import asdict, dataclass

from phantom_core.publishing.canonical import canonical_json

# rules, experiments, prices, elasticity, or the name of a kind of model.
Kind = str


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is new.

    Attributes:
        kind: of thing.
        version: of the thing; empty where the base price is live, or where it is gone.
        epoch: of the switch; 0 for things that have none.
    """

    kind: Kind
    version: str
    epoch: int = 0

    def to_bytes(self) -> bytes:
        """The message on the channel."""
        return canonical_json(asdict(self))
