"""Transition kernels and the evidence of a step, by hand."""

import numpy as np
import pyarrow as pa
import pytest

from phantom_core.evaluation.kernel import KernelScore

HUMAN, AGENT = ["search", "view_item_page"], ["view_item_page", "view_item_page"]


def fitted() -> KernelScore:
    return KernelScore.fit(pa.array([HUMAN, AGENT]), np.array([False, True]))


def at(kernels: KernelScore, source: str, target: str) -> tuple[int, int]:
    return kernels.sources.index(source), kernels.targets.index(target)


def test_every_step_is_counted_from_start_to_end() -> None:
    kernels = fitted()
    human, agent = kernels.counts
    assert (human.sum(), agent.sum()) == (3, 3)
    assert (
        human[at(kernels, "start", "search")] == human[at(kernels, "search", "view_item_page")] == 1
    )
    assert (
        agent[at(kernels, "view_item_page", "view_item_page")]
        == agent[at(kernels, "view_item_page", "end")]
        == 1
    )


def test_smoothed_kernels_are_probabilities() -> None:
    kernels = fitted()
    np.testing.assert_allclose(kernels.kernels.sum(axis=2), 1)
    n = len(kernels.targets)
    assert kernels.kernels[1][at(kernels, "view_item_page", "end")] == pytest.approx(2 / (2 + n))
    assert kernels.kernels[0][at(kernels, "click", "end")] == pytest.approx(1 / n)


def test_evidence_is_the_log_likelihood_ratio_of_a_step() -> None:
    kernels = fitted()
    n = len(kernels.targets)
    assert kernels.evidence[at(kernels, "start", "view_item_page")] == pytest.approx(np.log(2))
    assert kernels.evidence[at(kernels, "start", "search")] == pytest.approx(-np.log(2))
    assert kernels.evidence[at(kernels, "view_item_page", "view_item_page")] == pytest.approx(
        np.log((2 / (n + 2)) / (1 / (n + 1)))
    )


def test_a_score_is_the_mean_evidence_of_the_steps() -> None:
    kernels = fitted()
    n = len(kernels.targets)
    to_view, to_end = np.log(2 * (n + 1) / (n + 2)), np.log((2 / (n + 2)) / (2 / (n + 1)))
    assert kernels.score(pa.array([AGENT])) == pytest.approx([(np.log(2) + to_view + to_end) / 3])
    ratios, session = kernels.steps(pa.array([AGENT, HUMAN]))
    assert session.tolist() == [0, 0, 0, 1, 1, 1]
    assert kernels.score(pa.array([AGENT, HUMAN])) == pytest.approx(
        [ratios[:3].mean(), ratios[3:].mean()]
    )


def test_a_step_with_a_name_not_seen_in_training_is_no_evidence() -> None:
    ratios, _ = fitted().steps(pa.array([["search", "hover_over_moon"]]))
    assert ratios.tolist() == [pytest.approx(-np.log(2)), 0, 0]


def test_a_name_outside_the_canonical_ones_is_learned_when_seen() -> None:
    kernels = KernelScore.fit(pa.array([["hover_over_moon"], ["search"]]), np.array([False, True]))
    assert kernels.evidence[at(kernels, "start", "hover_over_moon")] < 0


def test_a_session_without_events_goes_from_start_to_end() -> None:
    kernels = fitted()
    empty = pa.array([[]], pa.list_(pa.string()))
    assert kernels.score(empty) == pytest.approx([kernels.evidence[at(kernels, "start", "end")]])


def test_a_slice_of_sequences_scores_like_the_sequences_alone() -> None:
    kernels, sequences = fitted(), pa.array([HUMAN, AGENT, HUMAN])
    assert kernels.score(sequences.slice(1)) == pytest.approx(
        kernels.score(pa.array([AGENT, HUMAN]))
    )
