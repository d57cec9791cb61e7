"""The label joiner: what is known about a session besides its events."""

import duckdb
import pytest

from phantom_core.features.aggregate import feature_sql
from tests.features.events import event, table


@pytest.mark.parametrize(
    ("experiment_id", "by_hand", "is_agent"),
    [
        ("humans", None, False),
        ("agents", None, True),
        ("undecided", None, None),
        ("unknown", None, None),
        (None, None, None),
        (None, True, True),
        ("humans", True, True),  # a person goes before the experiment
        ("agents", False, False),
    ],
)
def test_labels_come_from_a_person_or_else_the_experiment(
    experiment_id: str | None, by_hand: bool | None, is_agent: bool | None
) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE sessions (session_key BIGINT, session_id VARCHAR, experiment_id VARCHAR)"
        )
        connection.execute("INSERT INTO sessions VALUES (1, 'a', ?)", [experiment_id])
        connection.execute(
            "CREATE TABLE experiments (experiment_id VARCHAR, xp_human_only BOOLEAN)"
        )
        connection.execute(
            "INSERT INTO experiments VALUES ('humans', TRUE), ('agents', FALSE), ('undecided', "
            "NULL)"
        )
        connection.execute(
            "CREATE TABLE session_labels (session_id VARCHAR, is_agent BOOLEAN, family VARCHAR)"
        )
        connection.execute(
            "INSERT INTO session_labels VALUES ('a', ?, 'scraper'), ('b', TRUE, NULL)", [by_hand]
        )
        assert connection.sql(feature_sql("labels")).fetchall() == [(1, is_agent, "scraper")]


def test_a_session_belongs_to_the_experiment_it_named_first() -> None:
    events = [
        event(5, experiment_id="late"),
        event(0),
        event(1, experiment_id="early"),
        event(2, store_mode="hotel"),
    ]
    with duckdb.connect() as connection:
        connection.register("events", table(events))
        [row] = connection.sql(feature_sql("sessions")).to_arrow_table().to_pylist()
    assert row == {
        "session_key": 1,
        "session_id": "s1",
        "experiment_id": "early",
        "store_mode": "shop",
        "start_ms": 0,
        "end_ms": 5,
    }
