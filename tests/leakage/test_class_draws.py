"""Sums by class add up, in the sample and in every resample."""

import numpy as np

from phantom_core.leakage.class_draws import ClassDraws
from phantom_core.replay.resampler import Resampler

P_AGENT = np.array([1.0, 0.0, 0.25, np.nan])
ROWS = np.arange(4)
VALUES = np.array([[10.0], [20.0], [40.0], [80.0]])


def draws() -> ClassDraws:
    weights = np.random.default_rng(1).multinomial(4, [0.25] * 4, size=1_000).astype(float)
    return ClassDraws(P_AGENT, ROWS, Resampler(ROWS, weights), seed=2)


def test_probabilities_weigh_and_unknown_classes_count_in_none() -> None:
    assert draws().agents(ROWS, VALUES).value.tolist() == [20.0]
    assert draws().humans(ROWS, VALUES).value.tolist() == [50.0]
    assert draws().everybody(ROWS, VALUES).value.tolist() == [150.0]


def test_every_resample_splits_the_same_shoppers() -> None:
    known = ROWS[:3]
    one = draws()
    agents, humans = one.agents(known, VALUES[:3]), one.humans(known, VALUES[:3])
    assert np.allclose(agents.drawn + humans.drawn, one.everybody(known, VALUES[:3]).drawn)


def test_an_actor_is_of_one_class_in_all_sums_of_a_resample() -> None:
    one = draws()
    alone, among = one.agents(ROWS[2:3], VALUES[2:3]), one.agents(ROWS, np.eye(4)[:, [2]] * 40.0)
    assert np.array_equal(alone.drawn, among.drawn)


def test_the_class_of_uncertain_shoppers_widens_the_interval() -> None:
    weights = np.ones((1_000, 1))  # the same actor in every resample
    sure = ClassDraws(np.array([1.0]), ROWS[:1], Resampler(ROWS[:1], weights), 2)
    unsure = ClassDraws(np.array([0.5]), ROWS[:1], Resampler(ROWS[:1], weights), 2)
    rows, values = ROWS[:1], VALUES[:1]
    assert (sure.agents(rows, values).estimate(0).low, unsure.agents(rows, values).estimate(0)) == (
        10.0,
        type(unsure.agents(rows, values).estimate(0))(5.0, 0.0, 10.0),
    )
