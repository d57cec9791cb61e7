"""Evidence to review, and the limits it is held to."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from phantom_core.core.limits import PriceLimits
from phantom_core.evidence.evidence import VERSION, Evidence, evidence_digest, parse_evidence
from phantom_core.evidence.stored_evidence import StoredEstimate

# Frozen by a release that wrote neither a version nor limits; its bytes must never change.
V1_TEXT = Path(__file__).with_name("evidence_v1.json").read_text(encoding="utf-8")
LIMITS = PriceLimits(
    0.7,
    1.5,
    largest_step=0.3,
    human_premium_cap=0.05,
    first_markup=1.1,
    first_share=0.1,
    approvals_needed=1,
)
UNDEFINED = StoredEstimate(None, None, None)


def stored() -> Evidence:
    """The evidence of V1_TEXT."""
    return parse_evidence(V1_TEXT, evidence_digest(V1_TEXT))


def evidence(**changes: Any) -> Evidence:
    """The same with other values and no finding, as it is before it is stored."""
    return replace(stored(), **{"findings": (), "stored_text": "", "version": VERSION, **changes})


def with_premium(logged: StoredEstimate, simulated: StoredEstimate = UNDEFINED) -> Evidence:
    """Evidence with these human premiums, on recorded sessions and in the simulator."""
    found = evidence()
    replay, trial = found.replay.found, found.trial.found
    assert replay and replay.rules.human and trial
    human = replace(replay.rules.human, premium=logged)
    return replace(
        found,
        replay=replace(
            found.replay, found=replace(replay, rules=replace(replay.rules, human=human))
        ),
        trial=replace(
            found.trial,
            found=replace(trial, proposed=replace(trial.proposed, human_premium=simulated)),
        ),
    )


def with_trial(**changes: StoredEstimate) -> Evidence:
    """Evidence with other simulated changes against what is live: conversion 0.2, revenue 1,000."""
    found = evidence()
    trial = found.trial.found
    assert trial
    live = replace(
        trial.live,
        human_conversion=StoredEstimate(0.2, 0.19, 0.21),
        revenue=StoredEstimate(1_000.0, 900.0, 1_100.0),
    )
    difference = replace(trial.difference, **changes)
    return replace(
        found, trial=replace(found.trial, found=replace(trial, live=live, difference=difference))
    )


def replayed(**changes: Any) -> Evidence:
    """Evidence whose replay has other values."""
    found = evidence()
    assert found.replay.found
    return replace(
        found, replay=replace(found.replay, found=replace(found.replay.found, **changes))
    )


def with_money(revenue: StoredEstimate, leakage: StoredEstimate) -> Evidence:
    """Evidence with these simulated changes of revenue and of leakage."""
    found = evidence()
    trial = found.trial.found
    assert trial
    difference = replace(trial.difference, revenue=revenue, leakage=leakage)
    return replace(found, trial=replace(found.trial, found=replace(trial, difference=difference)))
