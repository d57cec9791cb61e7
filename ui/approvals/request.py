"""A change request with its evidence, gates, checks and history."""

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from phantom_core.approvals.change_request import Request
from phantom_core.approvals.emergencies import Emergency
from phantom_core.approvals.ramp import describe_ramp
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.evidence.evidence import Evidence
from phantom_core.rules.text import format_rules
from phantom_core.use_cases.approvals import change_requests
from phantom_core.use_cases.approvals.change_requests import Reviewed, control_database
from phantom_core.views.approvals.change_requests import effects_table, request_effects, trial_table
from ui.approvals.act import draw_actions
from ui.approvals.inbox import state_badge
from ui.approvals.verdict import draw_verdict
from ui.charts.approvals import effects_chart, trial_chart
from ui.charts.frame import show_chart
from ui.frame.tables import csv_button
from ui.frame.wording import escape, format_moment, format_percent

TABS: Final = ["Effect", "Rules and diff", "Checks", "Decisions and history"]


def request_detail(settings: Settings, seen: Reviewed) -> None:
    """Draw a request."""
    request = seen.request
    with st.container(border=True, key="request_detail"):
        _head(seen)
        draw_verdict(seen)
        draw_actions(settings, seen)
    effect, rules, checks, history = st.tabs(TABS, key="request_tab", bind="query-params")
    if effect.open:
        with effect:
            _effect(seen)
    if rules.open:
        with rules:
            _rules(seen)
    if checks.open:
        with checks:
            _checks(seen)
    if history.open:
        with history:
            _history(settings, request)


def _head(seen: Reviewed) -> None:
    request = seen.request
    st.markdown(f"#### {request.request_id} · {escape(request.name)} {state_badge(request.state)}")
    st.markdown(f"**{escape(request.author)}**: {escape(request.why)}")
    st.caption(" · ".join(_facts(seen)))
    if request.break_glass:
        notice = (
            f"Emergency publish without the required approvals (revision "
            f"{request.break_revision}): {escape(request.break_glass)}"
        )
        st.error(notice, icon=":material/broken_image:")
        if seen.emergency:
            st.markdown(emergency_facts(seen.emergency))
    if seen.competing:
        notice = (
            f"Request {', '.join(f'{n:d}' for n in seen.competing)} changes the same live version. "
            "The request that goes live second must be rebased."
        )
        st.warning(notice, icon=":material/call_split:")
    for one in seen.decisions:
        if one.revision == request.revision and one.verdict == "decline":
            st.error(
                f"**{escape(one.who)}** rejected: {escape(one.comment)}",
                icon=":material/thumb_down:",
            )


def _facts(seen: Reviewed) -> list[str]:
    request = seen.request
    found = [
        f"revision {request.revision}",
        f"{seen.n_approvals} of {seen.needed} approvals",
        f"based on {escape(request.base_version) or 'base prices'}",
        f"live for {format_percent(request.live_share)}"
        if request.state == "live"
        else f"initial canary {format_percent(request.share)}",
    ]
    if request.ramp:
        found.append(f"ramp {describe_ramp(request.ramp)}")
    if request.policy == "model":
        found.append("priced by the network, with rules as fallback")
    if request.starts_ms and request.state == "scheduled":
        found.append(f"goes live {_local(request.starts_ms, request.time_zone)}")
    if request.expires_ms:
        found.append(f"expires {_local(request.expires_ms, request.time_zone)}")
    return found


def emergency_facts(found: Emergency) -> str:
    """Who published by an emergency, what it overruled, and its review, as Markdown."""
    review = (
        f"Reviewed by {escape(found.reviewed_by)}: {escape(found.comment)}"
        if found.is_reviewed
        else f"Review by another person due {format_moment(found.review_by_ms)} UTC"
    )
    effect = "only lowers prices" if found.prices == "lower" else "may raise prices"
    lines = [f"Published by {escape(found.who)} {format_moment(found.at_ms)} UTC; it {effect}"]
    lines += [f"Gate overruled: {escape(gate)}" for gate in found.gates]
    return "\n".join(f"- {line}" for line in [*lines, review])


def _effect(seen: Reviewed) -> None:
    evidence = seen.evidence
    if evidence is None:
        st.info(
            "Evidence is gathered when the request is submitted.",
            icon=":material/hourglass_empty:",
        )
        return
    left, right = st.columns(2)
    found = request_effects(evidence)
    with left:
        shares = [one for one in found if "humans" in one[0].lower()]
        money = [one for one in found if one not in shares]
        if shares:
            show_chart(
                effects_chart(shares, is_share=True),
                "Impact on humans",
                "Against base prices, with 95 % intervals.",
                key="effects_shares",
            )
        if money:
            show_chart(
                effects_chart(money, is_share=False),
                "Impact on revenue and leakage",
                "Leakage from replayed sessions; differences to the live release from the "
                "simulator.",
                key="effects_money",
            )
        for part, name in (
            (evidence.replay, "Replay"),
            (evidence.trial, "Simulator"),
            (evidence.fidelity, "Fidelity"),
        ):
            if part.problem:
                st.warning(f"{name}: {escape(part.problem)}", icon=":material/info:")
    with right:
        if evidence.trial.found:
            trial = trial_table(evidence)
            within = (
                f", within guard rails {evidence.limits.guard_rails}" if evidence.limits else ""
            )
            sessions = f"Each prices the same {evidence.trial.found.sessions:,} generated sessions"
            reading = (
                f"{sessions}; the optimum prices their add-to-cart quotes with known "
                f"classes{within}."
            )
            show_chart(trial_chart(trial), _trial_finding(trial), reading, key="trial")
            st.dataframe(trial, hide_index=True, column_config=_TRIAL_COLUMNS)
    _sources(evidence)
    csv_button(
        "Download figures as CSV",
        effects_table(evidence),
        f"request-{evidence.request_id}-effects.csv",
        key="effects_csv",
    )


def _sources(evidence: Evidence) -> None:
    data, fidelity = evidence.data, evidence.fidelity.found
    facts = [f"events version {data.lake_version:d}", f"seed {evidence.seed}"]
    if fidelity and fidelity.fidelity_r2 is not None and fidelity.rank_correlation is not None:
        figures = (
            f"R² {fidelity.fidelity_r2:.2f} and rank correlation {fidelity.rank_correlation:.2f}"
        )
        facts.append(f"{figures} with the classifier's own mark-up")
    if data.sessions is not None and data.quotes is not None:
        facts.append(f"replayed {data.sessions:,} sessions with {data.quotes:,} quotes")
    facts += [
        f"{escape(kind)} {escape(version)}" for kind, version in evidence.models.items() if version
    ]
    st.caption(
        " · ".join(
            [
                *facts,
                f"frozen {format_moment(evidence.created_ms)} UTC, "
                f"SHA-256 {escape(evidence.sha256[:16])}…",
            ]
        )
    )


def _rules(seen: Reviewed) -> None:
    left, right = st.columns(2)
    with left:
        st.markdown("**Proposed**")
        st.code(
            format_rules(change_requests.rules_of(seen.request)), language=None, wrap_lines=True
        )
    with right:
        st.markdown(f"**Diff to {escape(seen.request.base_version) or 'base prices'}**")
        if seen.evidence:
            st.code(seen.evidence.diff or "No changes.", language="diff", wrap_lines=True)
        else:
            st.caption("The diff is shown once the request is submitted.")


def _checks(seen: Reviewed) -> None:
    if seen.evidence is None or not seen.evidence.findings:
        st.markdown(
            "No issues found" if seen.evidence else "Checks run when the request is submitted."
        )
    else:
        st.dataframe(
            pd.DataFrame([one.to_json() for one in seen.evidence.findings])[
                ["severity", "kind", "says", "mend"]
            ],
            hide_index=True,
            column_config={
                "severity": "Severity",
                "kind": "Issue",
                "says": "Details",
                "mend": "Fix",
            },
        )
    if seen.request.answers:
        st.markdown(
            f"**Response of {escape(seen.request.author)}**: {escape(seen.request.answers)}"
        )


def _history(settings: Settings, request: Request) -> None:
    with control_database(settings).connect() as connection:
        found = audit.list_entries(connection, request.about)
    for one in found[::-1]:
        action = escape(one.action.replace(".", " ").replace("_", " "))
        st.markdown(
            f":small[{format_moment(one.at_ms)} UTC] · **{escape(one.who)}** · {action} · "
            f":gray[:small[{escape(one.details)}]]"
        )


def _local(at_ms: int, zone: str) -> str:
    local = datetime.fromtimestamp(at_ms / 1_000, UTC).astimezone(ZoneInfo(zone))
    return f"{local:%Y-%m-%d %H:%M} {escape(zone)}"


def _trial_finding(trial: pd.DataFrame) -> str:
    shares = dict(zip(trial["prices"], trial["share_of_optimum"], strict=True))
    return (
        f"Proposed prices reach {format_percent(shares['proposed'], 1)} of the simulated optimum, "
        f"live prices {format_percent(shares['live'], 1)}"
    )


_TRIAL_COLUMNS: Final = {
    "prices": "Prices",
    "reward": st.column_config.NumberColumn("Reward", format="compact"),
    "low": None,
    "high": None,
    "share_of_optimum": st.column_config.NumberColumn("Share of optimum", format="percent"),
    "revenue": st.column_config.NumberColumn("Revenue", format="compact"),
    "leakage": st.column_config.NumberColumn("Leakage", format="compact"),
    "human_conversion": st.column_config.NumberColumn("Human conversion", format="percent"),
    "agent_conversion": st.column_config.NumberColumn("Agent conversion", format="percent"),
}
