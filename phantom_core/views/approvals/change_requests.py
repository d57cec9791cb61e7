"""Change requests as tables and figures for pages."""

import pandas as pd
from pydantic import JsonValue

from phantom_core.approvals.change_request import Request, ReviewDecision
from phantom_core.approvals.evidence import Evidence
from phantom_core.approvals.gates import human_premium

Figure = tuple[str, float | None, float | None, float | None]


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


def waiting_for(
    requests: list[Request],
    decisions: dict[int, list[ReviewDecision]],
    login: str,
    *,
    is_approver: bool,
) -> list[Request]:
    """What somebody can move on: to decide, to publish, or their own to mend."""
    found = []
    for one in requests:
        said = {(said.revision, said.who) for said in decisions.get(one.request_id, [])}
        decides = (
            one.state == "submitted" and one.author != login and (one.revision, login) not in said
        )
        if (is_approver and (decides or one.state == "approved")) or (
            one.author == login and one.state in ("draft", "rejected")
        ):
            found.append(one)
    return found


def request_effects(evidence: Evidence) -> list[Figure]:
    """What the change is expected to do: name, value, low, high; shares as fractions, money in
    currency.
    """
    found: list[Figure] = []
    premium = human_premium(evidence)
    if premium:
        found.append(("Humans pay more, mean", *premium))
    replay = evidence.replay.found
    human = _at(replay, "rules", "human", "marked_up")
    if isinstance(human, dict):
        found.append(("Humans marked up", *_estimate(human)))
    recovered = _at(replay, "rules", "recovered")
    if isinstance(recovered, list):
        for one in recovered:
            if (
                isinstance(one, dict)
                and not one.get("problem")
                and isinstance(one["recovered"], dict)
            ):
                found.append(
                    (
                        f"Leakage taken back, {str(one['reference']).replace('_', ' ')}",
                        *_estimate(one["recovered"]),
                    )
                )
    difference = _at(evidence.trial.found, "difference")
    if isinstance(difference, dict):
        for name in ("revenue", "leakage", "reward"):
            found.append((f"Simulated {name} against live", *_with_interval(difference, name)))
    return found


def effects_table(evidence: Evidence) -> pd.DataFrame:
    """The same as a table: figure, value, low, high."""
    return pd.DataFrame(request_effects(evidence), columns=["figure", "value", "low", "high"])


def trial_table(evidence: Evidence) -> pd.DataFrame:
    """Simulated prices side by side: prices, reward, low, high, share_of_optimum, revenue, leakage,
    human_conversion.
    """
    rows = []
    for name in ("optimum", "live", "proposed"):
        arm = _at(evidence.trial.found, name)
        if isinstance(arm, dict):
            value, low, high = _with_interval(arm, "reward")
            share = (
                _number(evidence.trial.found.get(f"{name}_of_optimum"))
                if name != "optimum"
                else 1.0
            )
            figures = {
                one: _number(arm[one])
                for one in ("revenue", "leakage", "human_conversion", "agent_conversion")
            }
            rows.append(
                {
                    "prices": name,
                    "reward": value,
                    "low": low,
                    "high": high,
                    "share_of_optimum": share,
                    **figures,
                }
            )
    return pd.DataFrame(rows)


def _at(document: dict[str, JsonValue], *path: str) -> JsonValue:
    found: JsonValue = document
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _estimate(one: dict[str, JsonValue]) -> tuple[float | None, float | None, float | None]:
    return _number(one["value"]), _number(one["low"]), _number(one["high"])


def _with_interval(
    one: dict[str, JsonValue], name: str
) -> tuple[float | None, float | None, float | None]:
    ends = one[f"{name}_ci"]
    assert isinstance(ends, list)
    return _number(one[name]), _number(ends[0]), _number(ends[1])


def _number(value: JsonValue) -> float | None:
    return float(value) if isinstance(value, int | float) else None
