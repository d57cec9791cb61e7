"""The share of agents is found in another mix, and what is no mix is told from one."""

import numpy as np
import pytest

from phantom_core.models.label_shift import MixCorrection, estimate_mix, odds, shift_odds

LABELLED = 0.5


def scores(
    n: int, share: float, rng: np.random.Generator, *, apart: float = 5.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """P(agent) for a mix of halves, actors of one session each, and classes."""
    actor = np.arange(n)
    is_agent = rng.random(n) < share
    log_ratio = rng.normal(np.where(is_agent, 1, -1) * apart / 2, np.sqrt(apart), n)
    return 1 / (1 + np.exp(-log_ratio)), actor, is_agent


def mix_of(share: float, seed: int, *, apart: float = 5.0) -> MixCorrection:
    rng = np.random.default_rng(seed)
    labelled, actor, is_agent = scores(3_000, LABELLED, rng)
    found, other, _ = scores(3_000, share, rng, apart=apart)
    correction = estimate_mix(found, other, labelled, is_agent, actor, rng)
    assert correction is not None
    return correction


@pytest.mark.parametrize("share", [0.02, 0.1, 0.2])
def test_the_share_is_found_where_only_the_mix_differs(share: float) -> None:
    mixes = [mix_of(share, seed).mix for seed in range(4)]
    assert all(abs(one.share.value - share) < 0.03 for one in mixes)
    assert sum(one.share.low <= share <= one.share.high for one in mixes) >= 3
    assert all(one.has_shifted and one.is_known and "another mix" in one.warning for one in mixes)
    # The probabilities as they are would count too many, or too few.
    assert all(abs(one.counted.value - share) > abs(one.share.value - share) for one in mixes)


def test_the_mix_of_the_labels_is_left_alone() -> None:
    mixes = [mix_of(LABELLED, seed).mix for seed in range(4)]
    assert sum(one.warning == "" for one in mixes) >= 3


def test_other_kinds_of_shoppers_are_no_mix_of_the_labelled_ones() -> None:
    found = mix_of(0.3, 1, apart=0.5).mix
    assert not found.is_known
    assert "cannot be known" in found.warning


def test_corrected_probabilities_have_the_corrected_share() -> None:
    rng = np.random.default_rng(5)
    labelled, actor, is_agent = scores(6_000, LABELLED, rng)
    found, other, truth = scores(6_000, 0.1, rng)
    correction = estimate_mix(found, other, labelled, is_agent, actor, rng)
    assert correction is not None
    p = correction.corrected(found)
    assert p.mean() == pytest.approx(correction.mix.share.value, abs=0.01)
    likely = p > 0.5
    assert p[likely].mean() == pytest.approx(truth[likely].mean(), abs=0.06)


def test_odds_shift_as_bayes_says_and_labels_stay() -> None:
    p = np.array([0.0, 0.5, 0.9, 1.0])
    shifted = shift_odds(p, odds(0.1) / odds(0.5))
    assert shifted.tolist() == pytest.approx([0.0, 0.1, 0.5, 1.0])


def test_few_sessions_say_nothing() -> None:
    rng = np.random.default_rng(0)
    labelled, actor, is_agent = scores(300, LABELLED, rng)
    found, other, _ = scores(30, 0.1, rng)
    assert estimate_mix(found, other, labelled, is_agent, actor, rng) is None
