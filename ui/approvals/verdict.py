"""Verdict on a change request: what blocks it, what it changes, and every gate."""

from typing import Final, Literal

import streamlit as st

from phantom_core.core.estimate import Estimate, format_relative_change
from phantom_core.evidence.evidence import Evidence
from phantom_core.evidence.gates import (
    Gate,
    human_premium,
    market_of,
    simulated_changes,
)
from phantom_core.use_cases.approvals.change_requests import Reviewed
from ui.frame.wording import NOTHING, escape, format_number_of

_OPEN: Final = ":green[:material/check_circle:]"
_CLOSED: Final = ":red[:material/block:]"


def draw_verdict(seen: Reviewed) -> None:
    """Draw what blocks a request and how to fix it, what it changes, and the gates it passes."""
    if not seen.gates:
        return
    _summary(seen)
    if seen.evidence:
        _changes(seen.evidence)
    _passed([gate for gate in seen.gates if gate.is_open])


def _summary(seen: Reviewed) -> None:
    blocking = [gate for gate in seen.closed_gates if not gate.is_acceptable]
    risks = [gate for gate in seen.closed_gates if gate.is_acceptable]
    if blocking:
        st.error(f"**Blocked by: {_names(blocking)}**\n\n{_listed([*blocking, *risks])}")
    elif risks:
        st.warning(f"**An approver must accept: {_names(risks)}**\n\n{_listed(risks)}")
    else:
        st.success("**All gates passed.**")


def _changes(evidence: Evidence) -> None:
    """The change in four figures, good ones in green, bad ones in red."""
    changes, premium = simulated_changes(evidence), human_premium(evidence)
    with st.grid(4, min_column_width=180, gap="small"):
        _change("Revenue", changes.revenue, is_good=1)
        _change("Leakage", changes.leakage, is_good=-1)
        _change("Human conversion", changes.human_conversion, is_good=1)
        _change(
            "Premium paid by humans",
            Estimate(premium.value, premium.low, premium.high)
            if premium
            and premium.value is not None
            and premium.low is not None
            and premium.high is not None
            else None,
            is_good=-1,
        )
    st.caption(
        "Against what is live now, in the simulator; the premium is against base prices. Green and "
        f"red are changes whose 95 % interval leaves out 0. {escape(market_of(evidence))}"
    )


def _change(label: str, found: Estimate | None, *, is_good: int) -> None:
    """One change; its colour says whether it is good beyond its interval."""
    if found is None:
        st.metric(label, NOTHING)
        return
    value, _, interval = format_relative_change(found).partition(" (")
    sign = 1 if found.low > 0 else -1 if found.high < 0 else 0
    colour: Literal["off", "green", "red"] = (
        "off" if not sign else "green" if sign == is_good else "red"
    )
    st.metric(label, value, f"95 %: {interval.rstrip(')')}", delta_color=colour, delta_arrow="off")


def _passed(gates: list[Gate]) -> None:
    if not gates:
        return
    with st.expander(f"{format_number_of(len(gates), 'gate')} passed", icon=":material/rule:"):
        st.markdown("\n".join(f"- {_OPEN} {_line(gate)}" for gate in gates))


def _listed(gates: list[Gate]) -> str:
    lines = [
        f"- {_CLOSED} {_line(gate)}{f' *Fix:* {escape(gate.fix)}' if gate.fix else ''}"
        for gate in gates
    ]
    return "\n".join(lines)


def _line(gate: Gate) -> str:
    return f"**{escape(gate.name)}**: {escape(gate.says)}"


def _names(gates: list[Gate]) -> str:
    return ", ".join(escape(gate.name) for gate in gates)
