"""Planted wrong labels are counted and found; labels that are right are left alone."""

import numpy as np
import pytest

from phantom_core.core.errors import DataError
from phantom_core.labelling.agreement import cohen_kappa
from phantom_core.labelling.label_audit import LabelAudit, audit_labels

N = 3_000


def planted(noise_of_human: float, noise_of_agent: float) -> tuple[LabelAudit, float, float]:
    """An audit of actors of two sessions, and share found and precision of its suspects."""
    rng = np.random.default_rng(8)
    is_agent = rng.random(N) < 0.4
    wrong = rng.random(N) < np.where(is_agent, noise_of_agent, noise_of_human)
    margin = rng.normal(np.where(is_agent, 2.2, -2.2), 1.5)
    groups = np.arange(2 * N) % N
    audit = audit_labels(
        np.tile(is_agent ^ wrong, 2), np.tile(margin, 2), groups, np.random.default_rng(1)
    )
    suspect = audit.is_suspect[:N]
    hit = (suspect & wrong).sum()
    return audit, float(hit / max(wrong.sum(), 1)), float(hit / max(suspect.sum(), 1))


@pytest.mark.parametrize("noise", [0.05, 0.15])
def test_the_share_of_wrong_labels_is_in_its_interval(noise: float) -> None:
    audit, found, precise = planted(noise, noise)
    assert audit.wrong.low <= noise <= audit.wrong.high + 0.01
    assert audit.wrong.value == pytest.approx(noise, abs=0.03)
    assert found > 0.7
    assert precise > 0.7


def test_right_labels_give_an_interval_that_begins_near_nothing() -> None:
    audit, _, _ = planted(0.0, 0.0)
    assert audit.wrong.value < 0.01


def test_agents_among_labelled_humans_are_told_from_humans_among_labelled_agents() -> None:
    audit, _, _ = planted(0.0, 0.2)
    # 8 of 100 actors are agents with the label human, beside 60 humans.
    assert audit.wrong_of_human.value == pytest.approx(0.08 / 0.68, abs=0.03)
    assert audit.wrong_of_agent.value < 0.02


def test_all_sessions_of_a_suspected_actor_are_suspected() -> None:
    audit, _, _ = planted(0.1, 0.1)
    np.testing.assert_array_equal(audit.suspect[:N], audit.suspect[N:])
    assert sorted(set(audit.suspect[:N]))[:3] == [-1, 0, 1]


def test_few_actors_are_refused() -> None:
    label, score = np.arange(50) < 10, np.arange(50.0)
    with pytest.raises(DataError, match="An audit needs 40 actors of each label"):
        audit_labels(label, score, np.arange(50), np.random.default_rng(0))


def test_kappa_is_one_for_agreement_and_none_for_chance() -> None:
    one = np.tile([True, True, False, False], 50)
    other = np.tile([True, False, True, False], 50)
    assert cohen_kappa(one, one, np.random.default_rng(0)).value == 1.0
    found = cohen_kappa(one, other, np.random.default_rng(0))
    assert found.value == 0.0
    assert found.low < 0 < found.high
