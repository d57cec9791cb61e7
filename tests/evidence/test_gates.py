"""Gates: each closes on what it forbids or on undefined figures, and opens on what it allows."""

from dataclasses import replace

import pytest

from phantom_core.evidence.evidence import Evidence, EvidencePart
from phantom_core.evidence.gates import Gate, evaluate_gates, human_premium
from phantom_core.evidence.stored_evidence import StoredEstimate, StoredFinding
from phantom_core.rules.text import parse_rules
from tests.evidence.samples import (
    LIMITS,
    UNDEFINED,
    evidence,
    replayed,
    with_money,
    with_premium,
    with_trial,
)

WARNING = StoredFinding(
    "gap", "warning", ("rule 1",), "Between the rules lies a gap.", "Widen one."
)
ERROR = replace(WARNING, severity="error")
AGENTS = parse_rules("IF p_agent > 0.7 THEN markup 1.10\nELSE markup 1.00", "agents")
NOTE = replace(WARNING, severity="note")
# Gate → evidence and answers that close it, its message, and those that open it.
CASES: dict[str, list[tuple[Evidence, str, str, Evidence, str]]] = {
    "evidence is fresh": [
        (evidence(revision=2), "", "is about revision 2; the request is at 1", evidence(), ""),
        (
            evidence(base_version="old-1"),
            "",
            "written against old-1, but base prices is live now",
            evidence(),
            "",
        ),
    ],
    "measured prices": [
        (evidence(version=2), "", "gathered by an earlier release", evidence(), ""),
        (
            evidence(rules=AGENTS, models={"classifier": "", "multitask": ""}),
            "",
            "read P(agent), and there is no classifier",
            evidence(rules=AGENTS, models={"classifier": "c-1", "multitask": ""}),
            "",
        ),
        (
            evidence(replay=EvidencePart(None, "No quotes.")),
            "",
            "No recorded session was replayed. No quotes. Then submit again.",
            evidence(),
            "",
        ),
        (replayed(sessions=0), "", "No recorded session was replayed.", replayed(sessions=1), ""),
        (replayed(quotes=0), "", "No recorded session was replayed.", replayed(quotes=1), ""),
        (
            evidence(trial=EvidencePart(None, "No network.")),
            "",
            "No session was simulated. No network.",
            evidence(),
            "",
        ),
    ],
    "guard rails": [
        (
            evidence(highest_markup=1.51),
            "",
            "to ×1.51; allowed are ×0.70 to ×1.50",
            evidence(highest_markup=1.5),
            "",
        ),
        (evidence(lowest_markup=0.69), "", "from ×0.69", evidence(lowest_markup=0.7), ""),
    ],
    "maximum price step": [
        (
            evidence(largest_step=0.31),
            "",
            "up to 0.31 of the base price; allowed is 0.30",
            evidence(largest_step=0.1 + 0.2),
            "",
        ),
    ],
    "human premium": [
        (
            with_premium(StoredEstimate(0.051, 0.04, 0.06)),
            "",
            "pay +5.1 % (+4.0 to +6.0 %) on average; allowed is +5.0 %",
            with_premium(StoredEstimate(0.05, 0.04, 0.06)),
            "",
        ),
        (
            with_premium(UNDEFINED, StoredEstimate(0.06, 0.05, 0.07)),
            "",
            "pay +6.0 %",
            with_premium(UNDEFINED, StoredEstimate(0.01, 0.0, 0.02)),
            "",
        ),
        (
            with_premium(UNDEFINED),
            "",
            "is undefined: train a classifier and load quotes",
            with_premium(StoredEstimate(0.0, 0.0, 0.0)),
            "",
        ),
        (
            evidence(
                replay=EvidencePart(None, "No quotes."), trial=EvidencePart(None, "No classifier.")
            ),
            "",
            "What humans would pay is undefined",
            evidence(trial=EvidencePart(None, "No classifier.")),
            "",
        ),
        (
            with_premium(StoredEstimate(0.01, None, None)),
            "",
            "pay +1.0 % on average, but its confidence interval is undefined",
            with_premium(StoredEstimate(0.01, -0.01, 0.03)),
            "",
        ),
        (
            with_premium(StoredEstimate(0.01, 0.0, None)),
            "",
            "its confidence interval is undefined",
            with_premium(StoredEstimate(-0.2, -0.3, 0.0)),
            "",
        ),
    ],
    "human conversion": [
        (
            with_trial(human_conversion=StoredEstimate(-0.0042, -0.006, -0.002)),
            "",
            "changes by −2.1 % (−3.0 to −1.0 %); allowed is −2.0 %",
            with_trial(human_conversion=StoredEstimate(-0.0038, -0.006, -0.002)),
            "",
        ),
        (
            with_trial(human_conversion=StoredEstimate(0.0, None, None)),
            "",
            "is undefined",
            evidence(),
            "",
        ),
    ],
    "revenue": [
        (
            with_trial(revenue=StoredEstimate(-84.0, -90.0, -78.0)),
            "",
            "changes by −8.4 % (−9.0 to −7.8 %); allowed is −5.0 %",
            with_trial(revenue=StoredEstimate(-49.0, -60.0, -40.0)),
            "",
        ),
        (with_trial(revenue=UNDEFINED), "", "is undefined", evidence(), ""),
    ],
    "expected money": [
        (
            with_money(StoredEstimate(-20.0, -30.0, -10.0), StoredEstimate(-5.0, -9.0, -1.0)),
            "",
            "changes by −20 and leakage by −5 on 60 simulated sessions; together at most −1",
            with_money(StoredEstimate(-20.0, -30.0, -10.0), StoredEstimate(-5.0, -11.0, 1.0)),
            "",
        ),
        (with_money(UNDEFINED, StoredEstimate(0.0, 0.0, 0.0)), "", "undefined", evidence(), ""),
        (with_money(StoredEstimate(0.0, 0.0, 0.0), UNDEFINED), "", "undefined", evidence(), ""),
        (
            evidence(trial=EvidencePart(None, "No network.")),
            "",
            "could not be simulated",
            evidence(),
            "",
        ),
    ],
    "no open finding": [
        (
            evidence(findings=(ERROR,)),
            "An error cannot be answered.",
            "1 to fix: Between",
            evidence(findings=(NOTE,)),
            "",
        ),
        (
            evidence(findings=(WARNING,)),
            " ",
            "1 to answer: Between",
            evidence(findings=(WARNING,)),
            "It is meant.",
        ),
    ],
    "first release": [
        (
            evidence(highest_markup=1.11),
            "",
            "Up to ×1.11 for 10 %",
            evidence(highest_markup=1.1),
            "",
        ),
        (
            evidence(share=0.11),
            "",
            "for 11 % of the sessions; a first release has at most ×1.10 for 10 %",
            evidence(share=0.1),
            "",
        ),
    ],
}
ROWS = [
    pytest.param(name, *case, id=f"{name} {number}")
    for name, cases in CASES.items()
    for number, case in enumerate(cases)
]


def gate(name: str, found: Evidence, answers: str) -> Gate:
    return next(one for one in every_gate(found, answers) if one.name == name)


def every_gate(found: Evidence, answers: str = "", *, is_first: bool = True) -> tuple[Gate, ...]:
    return evaluate_gates(
        found, LIMITS, answers=answers, revision=1, base_version="", is_first=is_first
    )


@pytest.mark.parametrize(("name", "closing", "answer", "says", "opening", "better_answer"), ROWS)
def test_each_gate_closes_and_opens(
    name: str, closing: Evidence, answer: str, says: str, opening: Evidence, better_answer: str
) -> None:
    closed = gate(name, closing, answer)
    assert not closed.is_open
    assert says in closed.says
    assert gate(name, opening, better_answer).is_open


def test_the_table_is_about_every_gate_and_untouched_evidence_passes_them_all() -> None:
    assert [one.name for one in every_gate(evidence())] == list(CASES)
    assert all(one.is_open for one in every_gate(evidence()))
    assert "first release" not in {one.name for one in every_gate(evidence(), is_first=False)}


def test_a_loss_is_accepted_by_name_and_no_other_gate_is() -> None:
    loss = with_money(StoredEstimate(-9.0, -9.0, -9.0), StoredEstimate(1.0, 1.0, 1.0))
    closed = evidence(largest_step=0.5, trial=loss.trial)
    found = evaluate_gates(
        closed,
        LIMITS,
        answers="",
        revision=1,
        base_version="",
        is_first=False,
        accepted={"expected money": "max", "maximum price step": "max"},
    )
    assert [one.name for one in found if not one.is_open] == ["maximum price step"]
    assert [one.says for one in found if "max accepted this risk" in one.says]


def test_a_feature_banned_since_closes_a_gate() -> None:
    (feature,) = AGENTS.features
    found = evaluate_gates(
        evidence(rules=AGENTS, models={"classifier": "c-1"}),
        LIMITS,
        answers="",
        revision=1,
        base_version="",
        is_first=False,
        banned=(feature,),
    )
    assert [one.name for one in found if not one.is_open] == ["no open finding"]


def test_another_network_than_the_judged_one_closes_a_gate() -> None:
    judged = evidence(policy="model", models={"multitask": "n-1"})
    for network, is_open in (("n-1", True), ("n-2", False), ("", False)):
        found = evaluate_gates(
            judged,
            LIMITS,
            answers="",
            revision=1,
            base_version="",
            is_first=False,
            network=network,
        )
        assert found[0].is_open is is_open


def test_recorded_sessions_take_precedence_over_the_simulator() -> None:
    logged, simulated = StoredEstimate(0.01, 0.0, 0.02), StoredEstimate(0.04, 0.03, 0.05)
    assert human_premium(with_premium(logged, simulated)) == logged
    assert human_premium(with_premium(UNDEFINED, simulated)) == simulated
    assert human_premium(with_premium(UNDEFINED)) is None


def test_revenue_that_fell_where_prices_were_drawn_closes_the_gate_too() -> None:
    found = replayed(difference=StoredEstimate(-8.0, -9.0, -6.0))
    replay = found.replay.found
    assert replay
    value = replace(replay.against.value, doubly_robust=StoredEstimate(100.0, 90.0, 110.0))
    replay = replace(replay, against=replace(replay.against, value=value))
    closed = gate("revenue", replace(found, replay=EvidencePart(replay)), "")
    assert not closed.is_open
    assert "On recorded sessions, where prices were drawn at random: −8.0 % (−9.0 to −6.0 %)" in (
        closed.says
    )
    wide = replace(replay, difference=StoredEstimate(-8.0, -20.0, 4.0))
    assert gate("revenue", replace(found, replay=EvidencePart(wide)), "").is_open


def test_the_verdict_says_whose_market_was_simulated() -> None:
    found = evidence()
    trial = found.trial.found
    assert trial
    named = replace(trial, market="An invented market.", is_invented=True)
    assert (
        "An invented market."
        in gate("measured prices", replace(found, trial=EvidencePart(named)), "").says
    )
