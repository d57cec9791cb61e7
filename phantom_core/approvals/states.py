"""States: the life cycle of a change request."""

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
# An edit leads back to draft and voids approvals; a version that was live can be live again by a
# rollback.
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
