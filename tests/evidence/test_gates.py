"""Gates: each closes on what it forbids or on undefined figures, and opens on what it allows."""

from dataclasses import replace

import pytest

from phantom_core.evidence.evidence import Evidence, EvidencePart
from phantom_core.evidence.gates import Gate, evaluate_gates, human_premium
from phantom_core.evidence.stored_evidence import StoredEstimate, StoredFinding
from tests.evidence.samples import LIMITS, UNDEFINED, evidence, with_premium

WARNING = StoredFinding(
    "gap", "warning", ("rule 1",), "Between the rules lies a gap.", "Widen one."
)
ERROR = replace(WARNING, severity="error")
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
            "pay +5.1% [+4.0%, +6.0%] on average; allowed is +5.0%",
            with_premium(StoredEstimate(0.05, 0.04, 0.06)),
            "",
        ),
        (
            with_premium(UNDEFINED, StoredEstimate(0.06, 0.05, 0.07)),
            "",
            "pay +6.0%",
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
            "pay +1.0% on average, but its confidence interval is undefined",
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
            "Up to ×1.11 for 10%",
            evidence(highest_markup=1.1),
            "",
        ),
        (
            evidence(share=0.11),
            "",
            "for 11% of the sessions; a first release has at most ×1.10 for 10%",
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


def test_recorded_sessions_take_precedence_over_the_simulator() -> None:
    logged, simulated = StoredEstimate(0.01, 0.0, 0.02), StoredEstimate(0.04, 0.03, 0.05)
    assert human_premium(with_premium(logged, simulated)) == logged
    assert human_premium(with_premium(UNDEFINED, simulated)) == simulated
    assert human_premium(with_premium(UNDEFINED)) is None
