"""Request states: what the audit chain says has become of each change request."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from phantom_core.accounts.permissions import needs_no_permission
from phantom_core.use_cases.audit.chain_step import Step

_STATES: Final = {
    "request.drafted": "draft",
    "request.edited": "draft",
    "request.submitted": "submitted",
    "request.rejected": "rejected",
    "request.withdrawn": "withdrawn",
    "request.scheduled": "scheduled",
    "request.unscheduled": "approved",
    "request.expired": "expired",
}
_LEFT: Final = {"release.roll_back": "rolled back", "release.expire": "expired"}


@needs_no_permission
def states_in_chain(steps: Sequence[Step]) -> dict[int, str]:
    """State of each request by its number, as its entries leave it.

    A request is left out where the entries of an earlier release do not say enough.

    Args:
        steps: the whole chain.
    """
    replay = _Replay()
    for step in steps:
        if step.entry.action.startswith("release."):
            replay.release(step)
        elif step.number:
            replay.request(step)
    return {number: state for number, state in replay.states.items() if state}


@dataclass(slots=True)
class _Replay:
    """States so far; an empty one cannot be known.

    Attributes:
        states: by request.
        versions: of the rules of each live request.
        begun: the entry that began each release, by epoch.
    """

    states: dict[int, str] = field(default_factory=dict)
    versions: dict[int, str] = field(default_factory=dict)
    begun: dict[int, Step] = field(default_factory=dict)

    def request(self, step: Step) -> None:
        if step.entry.action == "request.approved":
            self._approve(step)
        elif step.entry.action in _STATES:
            self.states[step.number] = _STATES[step.entry.action]

    def _approve(self, step: Step) -> None:
        if self.states.get(step.number) != "submitted":
            return
        given, _, needed = str(step.details.get("approvals", "")).partition(" of ")
        if not (given.isdecimal() and needed.isdecimal()):
            self.states[step.number] = ""
        elif int(given) >= int(needed):
            self.states[step.number] = "approved"

    def release(self, step: Step) -> None:
        epoch = step.details.get("epoch")
        if not isinstance(epoch, int):
            return
        if step.entry.action == "release.done":
            if begun := self.begun.get(epoch):
                self._end_others(begun)
                self._make_live(begun)
        elif step.entry.action != "release.failed":
            self.begun[epoch] = step

    def _end_others(self, begun: Step) -> None:
        said: dict[str, Any] = begun.details
        served = {said.get("version")} | (
            {said.get("stable")} if said.get("share", 1) < 1 else set()
        )
        for number, version in list(self.versions.items()):
            if version not in served:
                del self.versions[number]
                self.states[number] = _LEFT.get(begun.entry.action, "superseded")

    def _make_live(self, begun: Step) -> None:
        if begun.details.get("version") and begun.number:
            self.states[begun.number] = "live"
            self.versions[begun.number] = begun.details["version"]
