"""Known agents among unlabelled sessions: the planted share is found, in its interval."""

import numpy as np
import pytest

from phantom_core.core.errors import DataError
from phantom_core.labelling.positive_unlabelled import learn_from_known_agents
from phantom_core.models.classifier import LabelledRows

SHARE = 0.4


def plant(known_share: float) -> tuple[LabelledRows, np.typing.NDArray[np.bool_]]:
    """Agents have clearly higher values; a random part of them is known."""
    rng = np.random.default_rng(11)
    n = 3_000
    is_agent = rng.random(n) < SHARE
    values = rng.normal(np.where(is_agent, 2.5, -2.5)[:, None], 1.0, (n, 2)).astype(np.float32)
    known = is_agent & (rng.random(n) < known_share)
    names = ("interaction_velocity", "avg_price_seen")
    return LabelledRows(values, names, known, np.arange(n)), is_agent


def test_the_share_of_agents_is_found_from_known_agents_alone() -> None:
    rows, is_agent = plant(0.25)
    found = learn_from_known_agents(rows, seed=3)
    naive = rows.is_agent.mean()
    assert naive < 0.12
    assert found.prior.value == pytest.approx(is_agent.mean(), abs=0.06)
    assert found.prior.low < found.prior.value < found.prior.high
    assert found.found.value == pytest.approx(0.25, abs=0.05)


def test_unlabelled_agents_get_a_high_probability_and_humans_a_low_one() -> None:
    rows, is_agent = plant(0.25)
    probability = learn_from_known_agents(rows, seed=3).probability
    hidden = is_agent & ~rows.is_agent
    assert probability[hidden].mean() > 0.75
    assert probability[~is_agent].mean() < 0.1
    assert np.all(probability[rows.is_agent] == 1.0)


def test_few_known_agents_are_refused() -> None:
    rows, _ = plant(0.005)
    with pytest.raises(DataError, match="are known to be agents', and 20 are needed"):
        learn_from_known_agents(rows, seed=3)
