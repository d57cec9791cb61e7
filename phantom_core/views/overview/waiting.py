"""Waiting: what needs a decision of the reader, counted for the menu and the overview."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.alerts.alerts import Alerts
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.approvals.price_experiments import all_experiments
from phantom_core.approvals.releases import PublishedRelease, current_release
from phantom_core.approvals.requests import decisions_of, list_requests
from phantom_core.approvals.states import State
from phantom_core.core.settings import Settings
from phantom_core.use_cases.rules.rule_drafts import read_rule_drafts
from phantom_core.views.approvals.change_requests import waiting_for
from phantom_core.views.workspace.snapshot import Snapshot

_UNDECIDED: Final[tuple[State, ...]] = ("draft", "rejected", "submitted", "approved")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Counts of what waits.

    Attributes:
        reviews: requests that the reader can approve or publish.
        own_requests: drafts of requests, and rejected ones, of the reader.
        alerts: open ones.
        experiments: running ones.
        rule_drafts: unsaved rule sets of the reader.
    """

    reviews: int
    own_requests: int
    alerts: int
    experiments: int
    rule_drafts: int

    @property
    def by_page(self) -> Mapping[str, int]:
        """Counts by the page that deals with them; the menu shows these."""
        return {
            "approvals": self.reviews + self.own_requests,
            "monitoring": self.alerts,
            "rules": self.rule_drafts,
        }


@requires(Permission.READ)
def what_waits(settings: Settings, login: str, *, is_approver: bool) -> Waiting:
    """Count what waits for a person.

    Args:
        settings: control database and workspace.
        login: of the person; empty for a guest.
        is_approver: whether the person may approve.
    """
    with control_engine(settings).connect() as connection:
        requests = list_requests(connection, _UNDECIDED)
        decisions = {one.request_id: decisions_of(connection, one.request_id) for one in requests}
        running = [one for one in all_experiments(connection) if one.state == "running"]
    mine = waiting_for(requests, decisions, login, is_approver=is_approver) if login else []
    own = [one for one in mine if one.state in ("draft", "rejected")]
    return Waiting(
        reviews=len(mine) - len(own),
        own_requests=len(own),
        alerts=sum(one.is_open for one in Alerts(settings).all()),
        experiments=len(running),
        rule_drafts=len(read_rule_drafts(settings)),
    )


@requires(Permission.READ)
def release_now(settings: Settings) -> PublishedRelease | None:
    """What is live according to the database; None before the first release."""
    with control_engine(settings).connect() as connection:
        return current_release(connection)


@requires(Permission.READ)
def uncertain_sessions(snapshot: Snapshot) -> int | None:
    """Sessions without a label whose P(agent) lies between 0.4 and 0.6; None without a model."""
    if snapshot.threshold is None:
        return None
    (found,) = snapshot.row(
        "SELECT COUNT(*) FROM sessions WHERE label = 'unknown' "
        "AND agent_probability BETWEEN 0.4 AND 0.6"
    )
    return int(found)
