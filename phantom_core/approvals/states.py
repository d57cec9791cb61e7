"""Steps: the life of a change request."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

State = Literal[
    "draft",
    "submitted",
    "approved",
    "scheduled",
    "live",
    "superseded",
    "rolled back",
    "rejected",
    "withdrawn",
    "expired",
]
STATES: Final[tuple[State, ...]] = get_args(State)
OPEN: Final[tuple[State, ...]] = ("submitted", "approved", "scheduled")
# Any edit leads back to draft, where approvals are void; what was live once can be live again by a
# roll back.
STEPS: Final[Mapping[State, tuple[State, ...]]] = {
    "draft": ("submitted", "withdrawn"),
    "submitted": ("draft", "approved", "rejected", "withdrawn", "expired", "live"),
    "approved": ("draft", "rejected", "scheduled", "live", "withdrawn", "expired"),
    "scheduled": ("draft", "rejected", "approved", "live", "withdrawn", "expired"),
    "live": ("superseded", "rolled back", "expired"),
    "superseded": ("live",),
    "rolled back": ("live",),
    "rejected": ("draft",),
    "withdrawn": (),
    "expired": ("live",),
}
EDITABLE: Final[tuple[State, ...]] = ("draft", "submitted", "approved", "scheduled", "rejected")
