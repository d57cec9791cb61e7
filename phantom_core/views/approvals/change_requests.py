"""Change requests as tables and figures for pages."""

import pandas as pd

from phantom_core.accounts.permissions import needs_no_permission
from phantom_core.approvals.change_request import Request, ReviewDecision
from phantom_core.evidence.evidence import Evidence
from phantom_core.evidence.gates import human_premium
from phantom_core.evidence.stored_evidence import StoredEstimate

Figure = tuple[str, float | None, float | None, float | None]


@needs_no_permission
def inbox_table(requests: list[Request]) -> pd.DataFrame:
    """One row per request: request, state, name, author, why, share, changed."""
    return pd.DataFrame(
        {
            "request": [one.request_id for one in requests],
            "state": [one.state for one in requests],
            "name": [one.name for one in requests],
            "author": [one.author for one in requests],
            "why": [one.why.splitlines()[0] if one.why else "" for one in requests],
            "share": [one.live_share if one.state == "live" else one.share for one in requests],
            "changed": pd.to_datetime([one.changed_ms for one in requests], unit="ms", utc=True),
        }
    )


@needs_no_permission
def waiting_for(
    requests: list[Request],
    decisions: dict[int, list[ReviewDecision]],
    login: str,
    *,
    is_approver: bool,
) -> list[Request]:
    """Requests that a person can act on: to review, to publish, or their own to edit."""
    found = []
    for one in requests:
        reviewed = {(each.revision, each.who) for each in decisions.get(one.request_id, [])}
        decides = (
            one.state == "submitted"
            and one.author != login
            and (one.revision, login) not in reviewed
        )
        if (is_approver and (decides or one.state == "approved")) or (
            one.author == login and one.state in ("draft", "rejected")
        ):
            found.append(one)
    return found


@needs_no_permission
def request_effects(evidence: Evidence) -> list[Figure]:
    """Expected effects of a change: name, value, low, high; shares as fractions, else currency."""
    found: list[Figure] = []
    premium = human_premium(evidence)
    if premium:
        found.append(_figure("Average premium paid by humans", premium))
    replay, trial = evidence.replay.found, evidence.trial.found
    if replay and replay.rules.human:
        found.append(_figure("Humans marked up", replay.rules.human.marked_up))
    for one in replay.rules.recovered if replay else ():
        if not one.problem:
            found.append(
                _figure(f"Leakage recovered, {one.reference.replace('_', ' ')}", one.recovered)
            )
    if trial:
        found.append(_figure("Simulated revenue against live", trial.difference.revenue))
        found.append(_figure("Simulated leakage against live", trial.difference.leakage))
        found.append(_figure("Simulated reward against live", trial.difference.reward))
    return found


@needs_no_permission
def effects_table(evidence: Evidence) -> pd.DataFrame:
    """Expected effects of a change as a table: figure, value, low, high."""
    return pd.DataFrame(request_effects(evidence), columns=["figure", "value", "low", "high"])


@needs_no_permission
def trial_table(evidence: Evidence) -> pd.DataFrame:
    """Simulated rule sets side by side.

    Returns:
        Columns prices, reward, low, high, share_of_optimum, revenue, leakage, human_conversion,
        agent_conversion.
    """
    trial = evidence.trial.found
    if trial is None:
        return pd.DataFrame()
    arms = (
        ("optimum", trial.optimum, 1.0),
        ("live", trial.live, trial.live_of_optimum.value),
        ("proposed", trial.proposed, trial.proposed_of_optimum.value),
    )
    return pd.DataFrame(
        [
            {
                "prices": name,
                "reward": arm.reward.value,
                "low": arm.reward.low,
                "high": arm.reward.high,
                "share_of_optimum": share,
                "revenue": arm.revenue.value,
                "leakage": arm.leakage.value,
                "human_conversion": arm.human_conversion.value,
                "agent_conversion": arm.agent_conversion.value,
            }
            for name, arm, share in arms
        ]
    )


def _figure(name: str, estimate: StoredEstimate) -> Figure:
    return name, estimate.value, estimate.low, estimate.high
