"""The evidence of one session's steps, its own left out."""

import numpy as np
import pyarrow as pa
import pytest

from phantom_core.evaluation.kernel import KernelScore
from phantom_core.explain.explanation import Kernels
from phantom_core.explain.steps import step_evidence

HUMAN, AGENT = ["search", "view_item_page"], ["view_item_page", "view_item_page"]


def kernels(*more: tuple[list[str], bool]) -> KernelScore:
    sessions = [(HUMAN, False), (AGENT, True), *more]
    return KernelScore.fit(
        pa.array([names for names, _ in sessions]), np.array([is_agent for _, is_agent in sessions])
    )


def test_steps_go_from_start_to_end_and_carry_their_counts() -> None:
    found = step_evidence(kernels(), AGENT)
    assert list(zip(found.source, found.target, strict=True)) == [
        ("start", "view_item_page"),
        ("view_item_page", "view_item_page"),
        ("view_item_page", "end"),
    ]
    assert found.human_count.tolist() == [0, 0, 1]
    assert found.agent_count.tolist() == [1, 1, 1]
    assert found.evidence[0] == pytest.approx(np.log(2))


def test_a_session_is_no_evidence_about_itself() -> None:
    counted = kernels((["click"], True))
    alone = step_evidence(kernels(), ["click"])
    np.testing.assert_allclose(
        step_evidence(counted, ["click"], is_agent=True).evidence, alone.evidence
    )
    assert step_evidence(counted, ["click"]).evidence[0] > alone.evidence[0]


def test_a_step_nobody_ever_took_is_no_evidence() -> None:
    found = step_evidence(kernels(), ["hover_over_moon"])
    assert found.evidence.tolist() == [0.0, 0.0]
    assert found.agent_count.tolist() == [0, 0]


def test_a_session_without_events_is_one_step() -> None:
    assert step_evidence(kernels(), []).target == ("end",)


def test_kernels_are_the_same_after_a_file() -> None:
    counted = kernels()
    back = Kernels.of(counted).score()
    assert back.names == counted.names
    np.testing.assert_array_equal(back.evidence, counted.evidence)
