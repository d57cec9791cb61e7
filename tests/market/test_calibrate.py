"""Calibration: known parameters come back from generated events, and what the data cannot tell is
rejected.
"""

import json
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from phantom_core.cli import app
from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.resampling import share_of
from phantom_core.core.settings import Settings
from phantom_core.events import schema
from phantom_core.market.calibration.add_to_cart_quotes import (
    AddToCartQuotes,
    SessionIndex,
    check_variation,
    read_add_to_cart_quotes,
)
from phantom_core.market.calibration.arrivals import DAY_MS, HOUR_MS, count_hours, measure_arrivals
from phantom_core.market.calibration.calibration import (
    Calibration,
    read_calibration,
    write_calibration,
)
from phantom_core.market.calibration.replay_check import replay_check
from phantom_core.market.calibration.sensitivity import Choices, fit_curves, measure_sensitivities
from phantom_core.market.scenario import parse_scenario
from phantom_core.shoppers.actors import START_MS
from phantom_core.shoppers.generate import Generated, generate_sessions
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.use_cases.markets.calibrate import calibrate_market, latest_calibration

pytestmark = pytest.mark.slow

NOW_MS = START_MS + 60 * DAY_MS
N_SESSIONS = 8_000
MULTIPLIERS, PROPENSITIES = (
    np.array([0.70, 0.85, 1.00, 1.20, 1.40]),
    np.array([0.20, 0.20, 0.30, 0.15, 0.15]),
)


def load(workspace: Path, generated: Generated, *, with_quotes: bool = True) -> Settings:
    sent = workspace.parent / "sent"
    sent.mkdir(parents=True)
    pq.write_table(generated.events, sent / "events.parquet")
    pq.write_table(generated.quotes, sent / "quotes.parquet")
    pa_csv.write_csv(generated.experiments, sent / "experiments.csv")
    settings = Settings(workspace=workspace)
    files = [sent / "events.parquet", *([sent / "quotes.parquet"] if with_quotes else [])]
    ingest_files(settings, files, now_ms=NOW_MS, experiments=str(sent / "experiments.csv"))
    return settings


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return load(
        tmp_path_factory.mktemp("calibrated") / "workspace", generate_sessions(N_SESSIONS, 5)
    )


@pytest.fixture(scope="module")
def measured(settings: Settings) -> Calibration:
    return calibrate_market(settings, now_ms=NOW_MS)


def choices(
    n: int, rng: np.random.Generator, *, intercept: float = 0.0
) -> tuple[Choices, np.ndarray]:
    """Choices of as many humans (s = 2) as agents (s = 5), one per actor, with the probability a
    calibrated model would give.
    """
    score = rng.random(n)
    is_agent = rng.random(n) < score
    log_ratio = np.log(rng.choice(MULTIPLIERS, n, p=PROPENSITIES))
    bought = rng.random(n) < 1 / (1 + np.exp(-intercept + np.where(is_agent, 5.0, 2.0) * log_ratio))
    return Choices(log_ratio, bought, score, np.arange(n)), is_agent


def test_known_sensitivities_lie_within_their_intervals(measured: Calibration) -> None:
    assert measured.sensitivity is not None
    for found, true_s in ((measured.sensitivity.human, 2.0), (measured.sensitivity.agent, 5.0)):
        assert found.value.low < true_s < found.value.high
        assert found.value.high - found.value.low < 2.0
        assert found.intercept.low < 0.0 < found.intercept.high
    assert measured.sensitivity.human.value.high < measured.sensitivity.agent.value.low
    assert measured.sensitivity.randomised == 1.0


def test_arrivals_add_up_to_the_sessions_and_carts_that_were_logged(measured: Calibration) -> None:
    days = measured.visits.days
    assert measured.visits.per_day * days == pytest.approx(N_SESSIONS, rel=0.03)
    assert measured.sensitivity is not None
    considered = measured.sensitivity.human.quotes + measured.sensitivity.agent.quotes
    assert measured.shoppers.per_day * days == pytest.approx(considered, rel=0.03)


def test_without_a_model_the_share_of_agents_is_that_of_the_labels(measured: Calibration) -> None:
    share = measured.agent_share.visits
    assert share is not None
    assert share.value == pytest.approx(0.485, abs=0.001)
    assert share.low < share.value < share.high
    assert (
        "labels, without a trained classifier, 8,000 of 8,000 sessions"
        in measured.agent_share.source
    )


def test_the_calibrated_market_sells_what_was_logged_by_hour_and_price(
    measured: Calibration,
) -> None:
    assert measured.replay is not None
    assert [row.label for row in measured.replay.rows if row.kind == "price"] == [
        "×0.70",
        "×0.85",
        "×1.00",
        "×1.20",
        "×1.40",
    ]
    assert (
        sum(row.logged for row in measured.replay.rows if row.kind == "hour")
        == measured.replay.rows[0].logged
    )
    assert measured.replay.inside >= 0.85


def test_a_calibration_becomes_a_scenario_that_survives_its_file(measured: Calibration) -> None:
    scenario = measured.scenario()
    assert parse_scenario(scenario.to_toml().encode(), "again") == scenario
    assert scenario.products[0].stock == np.ceil(0.5 * scenario.rates().sum())
    assert measured.scenario(horizon_h=24, stock=7).products[0].stock == 7
    assert measured.agent_share.shoppers is not None
    assert scenario.agent_share == pytest.approx(measured.agent_share.shoppers.value, abs=1e-4)


def test_the_latest_calibration_is_saved(
    settings: Settings, measured: Calibration, tmp_path: Path
) -> None:
    assert latest_calibration(settings) == measured
    assert read_calibration(write_calibration(measured), "here") == measured
    with pytest.raises(DataError, match="cannot be read as a calibration"):
        read_calibration(b"{}", "here")
    with pytest.raises(NotFoundError, match="No market has been calibrated"):
        latest_calibration(Settings(workspace=tmp_path))


def test_events_without_a_price_experiment_are_rejected_but_for_arrivals_and_share(
    tmp_path: Path,
) -> None:
    settings = load(tmp_path / "workspace", generate_sessions(300, 3), with_quotes=False)
    answer = CliRunner().invoke(
        app, ["simulate", "calibrate", "--json", "--workspace", str(settings.workspace)]
    )
    assert answer.exit_code == 0
    found = json.loads(answer.stdout)
    assert found["identified"] is False and found["sensitivity"] is None
    assert found["refusal"].startswith(
        "No price variation: sensitivity is not identified; no quotes are loaded"
    )
    assert found["visits"]["by_hour"][12]["value"] > 0
    assert found["agent_share"]["visits"]["value"] > 0
    with pytest.raises(DataError, match="No price variation: sensitivity is not identified"):
        latest_calibration(settings).scenario()


def lake(
    quotes: list[tuple[int, str, float, float | None, int]],
    events: list[tuple[int, str, str | None, int]],
) -> duckdb.DuckDBPyConnection:
    """A lake with quotes (session, product, price, base price, ms) and events (session, name,
    product, ms).
    """
    connection = duckdb.connect()
    plain = {"session_id": "s", "store_mode": "shop", "load_seq": 1, "event_seq": 0}
    rows = [
        {
            **plain,
            "session_key": s,
            "product_id": p,
            "price": x,
            "base_price": b,
            "event_ms": t,
            "event_id": t,
        }
        for s, p, x, b, t in quotes
    ]
    connection.register("quotes", pa.Table.from_pylist(rows, schema=schema.QUOTES))
    rows = [
        {**plain, "session_key": s, "event_name": n, "product_id": p, "event_ms": t, "event_id": t}
        for s, n, p, t in events
    ]
    connection.register("events", pa.Table.from_pylist(rows, schema=schema.EVENTS))
    return connection


def visits(*keys: int) -> SessionIndex:
    n = len(keys)
    return SessionIndex(
        np.array(keys),
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
        np.arange(n),
        np.zeros(n),
        np.full(n, np.nan),
    )


def test_the_last_quote_before_the_cart_counts_and_only_for_products_in_the_cart() -> None:
    quotes = [
        (1, "a", 8.0, 10.0, 1),
        (1, "a", 9.0, 10.0, 3),
        (1, "a", 12.0, 10.0, 9),
        (1, "b", 7.0, 10.0, 2),
        (2, "a", 14.0, 10.0, 1),
    ]
    events = [
        (1, "add_item_to_cart", "a", 5),
        (1, "purchase_complete", "a", 8),
        (2, "add_item_to_cart", "a", 4),
    ]
    found = read_add_to_cart_quotes(lake(quotes, events), visits(1, 2))
    assert found.ratio.tolist() == pytest.approx([0.9, 1.4])
    assert found.bought.tolist() == [True, False]
    assert found.quote_ms.tolist() == [3, 1]


def test_a_purchase_without_a_product_bought_what_was_in_the_cart_before() -> None:
    quotes = [(1, "a", 8.0, 10.0, 1), (1, "b", 9.0, 10.0, 1), (1, "c", 9.0, 10.0, 1)]
    events = [
        (1, "add_item_to_cart", "a", 2),
        (1, "add_item_to_cart", "b", 2),
        (1, "purchase_complete", None, 3),
    ]
    found = read_add_to_cart_quotes(
        lake(quotes, [*events, (1, "add_item_to_cart", "c", 4)]), visits(1)
    )
    assert found.bought.tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("quotes", "said"),
    [
        ([(1, "a", 10.0, None, 1)], "none of 1 quotes has a base price"),
        (
            [(1, "a", 10.0, 10.0, 1), (2, "a", 10.0, 10.0, 1)],
            "2 quotes of 1 products lie between 1.00 and 1.00",
        ),
        (
            [(1, "a", 10.0, 10.0, 1), (2, "b", 12.0, 10.0, 1)],
            "2 quotes of 2 products lie between 1.00 and 1.20",
        ),
    ],
)
def test_prices_that_never_varied_within_a_product_are_rejected(
    quotes: list[tuple[int, str, float, float | None, int]], said: str
) -> None:
    with pytest.raises(
        DataError, match=f"No price variation: sensitivity is not identified; {said}"
    ):
        check_variation(lake(quotes, []))


def test_too_few_purchases_of_a_class_are_rejected() -> None:
    known, is_agent = choices(400, np.random.default_rng(1))
    humans = Choices(
        known.log_ratio[~is_agent],
        known.bought[~is_agent],
        np.zeros((~is_agent).sum()),
        known.actor[~is_agent],
    )
    with pytest.raises(
        DataError,
        match="Too few purchases: sensitivity is not identified; of the quotes that agents added "
        "to the cart about 0",
    ):
        measure_sensitivities(humans, 1.0)


def test_probabilities_in_place_of_labels_recover_the_sensitivities_that_weighing_would_blur() -> (
    None
):
    guessed, _ = choices(40_000, np.random.default_rng(3))
    found = measure_sensitivities(guessed, 1.0)
    assert found.human.value.low < 2.0 < found.human.value.high
    assert found.agent.value.low < 5.0 < found.agent.value.high
    weighed = [_weighed(guessed, weight) for weight in (1 - guessed.p_agent, guessed.p_agent)]
    assert weighed[0] > found.human.value.high and weighed[1] < found.agent.value.low


def _weighed(given: Choices, weight: np.ndarray) -> float:
    """S by logistic regression with weights, by Newton's method."""
    s = 1.0
    for _ in range(30):
        p = 1 / (1 + np.exp(s * given.log_ratio))
        s += (weight * -given.log_ratio * (given.bought - p)).sum() / (
            weight * given.log_ratio**2 * p * (1 - p)
        ).sum()
    return s


def test_labels_make_two_separate_logistic_regressions() -> None:
    given, is_agent = choices(3_000, np.random.default_rng(4))
    labelled = Choices(given.log_ratio, given.bought, is_agent.astype(float), given.actor)
    apart = [_weighed(given, weight) for weight in (~is_agent, is_agent)]
    assert fit_curves(labelled, intercept=False).values[:, 0] == pytest.approx(apart, rel=1e-6)


def test_choices_of_one_actor_repeated_do_not_narrow_the_interval() -> None:
    given, is_agent = choices(2_000, np.random.default_rng(5))
    once = Choices(given.log_ratio, given.bought, is_agent.astype(float), given.actor)
    thrice = Choices(
        *(np.tile(column, 3) for column in (once.log_ratio, once.bought, once.p_agent, once.actor))
    )
    assert fit_curves(thrice, intercept=False).covariance == pytest.approx(
        fit_curves(once, intercept=False).covariance, rel=1e-4
    )


def test_a_curve_with_an_intercept_is_detected_by_test_and_replay() -> None:
    rng = np.random.default_rng(6)
    given, _ = choices(6_000, rng, intercept=-1.0)
    assert measure_sensitivities(given, 1.0).p_no_intercept < 0.001
    at = START_MS + (rng.random(6_000) * 10 * DAY_MS).astype(np.int64)
    n = given.bought.size
    quotes = AddToCartQuotes(
        given.actor, at, np.exp(given.log_ratio), np.ones(n), given.bought, np.ones(n, np.bool_)
    )
    check = replay_check(quotes, given, START_MS, START_MS + 10 * DAY_MS - 1, rng)
    assert not check.rows[0].is_inside
    assert check.rows[0].logged < check.rows[0].low


def test_hours_without_observations_have_no_arrivals_rather_than_none() -> None:
    at = START_MS + np.array([9, 9, 10]) * HOUR_MS
    found = measure_arrivals(
        count_hours(at, START_MS + 9 * HOUR_MS, START_MS + 11 * HOUR_MS), np.random.default_rng(0)
    )
    assert [hour.value if hour else None for hour in found.by_hour[8:13]] == [
        None,
        2.0,
        1.0,
        0.0,
        None,
    ]
    assert found.interval == "poisson"
    empty, pair = found.by_hour[11], found.by_hour[9]
    assert empty and pair
    assert (empty.low, empty.high) == (0.0, pytest.approx(3.689, abs=1e-3))
    assert (pair.low, pair.high) == (
        pytest.approx(0.2422, abs=1e-3),
        pytest.approx(7.225, abs=1e-3),
    )


def test_days_that_differ_widen_the_interval() -> None:
    days = np.repeat(np.arange(20), np.where(np.arange(20) % 2, 20, 0))
    uneven = measure_arrivals(
        count_hours(START_MS + days * DAY_MS, START_MS, START_MS + 20 * DAY_MS - 1),
        np.random.default_rng(0),
    )
    first = uneven.by_hour[0]
    assert uneven.interval == "days" and first
    assert first.value == 10.0
    assert first.high - first.low > 6  # a Poisson mean of 20 days would be known to ± 1.4


def test_a_share_is_as_uncertain_as_its_actors_are_few() -> None:
    values = np.repeat([1.0, 0.0], 500)
    by_row = share_of(values, np.arange(1_000), np.random.default_rng(0))
    by_actor = share_of(values, np.arange(1_000) // 100, np.random.default_rng(0))
    assert by_row.value == by_actor.value == 0.5
    assert by_actor.high - by_actor.low > 5 * (by_row.high - by_row.low)
