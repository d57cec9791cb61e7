"""The session market: rule sets meet shoppers, see of them what the SQL sees, and are compared on
the same sessions.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from phantom_core.cli import app
from phantom_core.core.errors import InputError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.features.aggregate import features_at_moments
from phantom_core.features.catalogue import CATEGORIES, feature_names
from phantom_core.lake.lake import open_lake
from phantom_core.models.classifier import LabelledRows, fit_classifier
from phantom_core.models.curves import Platt
from phantom_core.models.encoding import encode_features
from phantom_core.models.event_curves import EventCurves
from phantom_core.models.inference_classifier import QuoteDecision
from phantom_core.models.quote_classifier import QuoteClassifier
from phantom_core.rules.evaluate import Column
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.text import parse_rules
from phantom_core.session_market.market import (
    BANDS,
    NO_MARKUP,
    ClassifierScorer,
    RuleQuote,
    SessionTrial,
    session_trial,
)
from phantom_core.shoppers.actors import START_MS
from phantom_core.shoppers.catalogue import demo_catalogue
from phantom_core.shoppers.families import FAMILIES
from phantom_core.shoppers.generate import draw_shoppers, generate_sessions, walk_shoppers
from phantom_core.shoppers.quotes import Shop
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.use_cases.markets.simulate_sessions import read_rules, simulate_sessions

pytestmark = pytest.mark.slow

N_SESSIONS, SEED = 400, 9
FAST = parse_rules(
    "IF interaction_velocity > 8 AND browser_family != 'Safari' OR UNDEFINED THEN markup "
    "1.3\nELSE markup 0.9",
    "fast",
)


def by_speed(columns: Mapping[str, Column]) -> np.ndarray:
    """A score that rises with velocity: 0.5 at seven events a minute, and where it is undefined."""
    velocity = columns["interaction_velocity"].astype(float)
    return np.where(np.isnan(velocity), 0.5, velocity / (velocity + 7.0))


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> tuple[pa.Table, dict[str, np.ndarray]]:
    """Features by the SQL files just before every quote, and what the rules saw."""
    watched: list[tuple[np.ndarray, np.ndarray, Mapping[str, Column]]] = []
    shoppers = draw_shoppers(N_SESSIONS, FAMILIES, np.random.default_rng(SEED))
    quote = RuleQuote(
        FAST,
        by_speed,
        shoppers,
        demo_catalogue(),
        lambda session, ms, columns, _: watched.append((session, ms, columns)),
    )
    generated = generate_sessions(N_SESSIONS, SEED, quote=quote)
    settings = Settings(workspace=tmp_path_factory.mktemp("sessions") / "workspace")
    sent = settings.workspace.parent / "events.parquet"
    pq.write_table(generated.events, sent)
    ingest_files(settings, [sent], now_ms=START_MS + 90 * 86_400_000)
    online = {
        name: np.concatenate([columns[name] for _, _, columns in watched])
        for name in feature_names()
    }
    session = generated.labels["session"].take(
        pa.array(np.concatenate([rows for rows, _, _ in watched]))
    )
    moments = pa.table(
        {
            "session_id": session,
            "as_of_ms": np.concatenate([ms for _, ms, _ in watched]) - 1,
            "scope_key": np.arange(len(session)),
        }
    )
    with open_lake(settings).connect(("events",)) as connection:
        connection.register("moments", moments)
        keys = "SELECT DISTINCT session_id, session_key FROM events"
        scope = connection.sql(
            f"SELECT * FROM moments JOIN ({keys}) USING (session_id)"
        ).to_arrow_table()
        return features_at_moments(connection, scope), online


@pytest.mark.parametrize("name", feature_names())
def test_features_at_a_quote_are_those_of_the_sql_files_at_the_moment_before(
    seen: tuple[pa.Table, dict[str, np.ndarray]], name: str
) -> None:
    by_sql, online = seen
    assert by_sql.num_rows == online[name].size > 1_500
    if name in CATEGORIES:
        assert by_sql[name].to_pylist() == online[name].tolist()
    else:
        expected = np.array(
            [np.nan if value is None else float(value) for value in by_sql[name].to_pylist()]
        )
        np.testing.assert_allclose(online[name], expected, rtol=1e-9, atol=1e-7)


def test_every_feature_that_can_be_undefined_is_somewhere(
    seen: tuple[pa.Table, dict[str, np.ndarray]],
) -> None:
    _, online = seen
    for name in (
        "std_time_between_events",
        "conversion_rate",
        "avg_price_seen",
        "std_price_seen",
        "is_automation_tool",
    ):
        assert 0 < np.isnan(online[name]).sum() < online[name].size


def test_a_classifier_scores_columns_as_it_scores_the_feature_matrix(
    seen: tuple[pa.Table, dict[str, np.ndarray]],
) -> None:
    by_sql, online = seen
    label = np.random.default_rng(0).random(by_sql.num_rows) < 0.5
    rows = LabelledRows(
        encode_features(by_sql, feature_names()), feature_names(), label, np.arange(label.size)
    )
    curves = EventCurves((0, 5), (Platt(0.5, 0.0), Platt(1.0, 0.0)))
    classifier = QuoteClassifier(
        fit_classifier(rows, 20, seed=1), feature_names(), QuoteDecision(curves, 0.5)
    )
    np.testing.assert_allclose(
        ClassifierScorer(classifier)(online), classifier.agent_probability(by_sql), atol=1e-6
    )


@pytest.fixture(scope="module")
def trial() -> SessionTrial:
    cheap, dear = RuleSet("cheap", (), 0.8), RuleSet("dear", (), 1.2)
    return session_trial([NO_MARKUP, cheap, dear, BANDS], by_speed, n_sessions=2_000, seed=3)


def test_no_mark_up_differs_from_itself_by_nothing(trial: SessionTrial) -> None:
    none = trial.results[0]
    assert (none.vs_none.revenue.low, none.vs_none.revenue.high) == (0.0, 0.0)
    assert none.figures.human_premium.value == none.figures.humans_marked_up.value == 0.0
    # Every considered product is bought with probability one half at 1.0; an agent then leaks 0.2
    # of the base price.
    assert 0.05 < none.figures.leakage_share.value < 0.2


def test_one_price_for_all_moves_conversion_as_the_demand_curves_say(trial: SessionTrial) -> None:
    none, cheap, dear, _ = (result.figures for result in trial.results)
    for other, ratio in ((cheap, 0.8), (dear, 1.2)):
        # Prices are rounded to cents, and what agents come back for depends on nothing but the
        # order of prices.
        assert other.human_conversion.value / none.human_conversion.value == pytest.approx(
            2 / (1 + ratio**2), rel=1e-3
        )
        assert other.agent_conversion.value / none.agent_conversion.value == pytest.approx(
            2 / (1 + ratio**5), rel=0.05
        )
        assert other.human_premium.value == pytest.approx(ratio - 1, abs=1e-3)
    assert dear.leakage.value == pytest.approx(0.0, abs=5.0)
    assert dear.humans_marked_up.value == dear.agents_marked_up.value == 1.0
    assert cheap.humans_marked_up.value == 0.0


def test_bands_cut_leakage_and_cost_agents_purchases(trial: SessionTrial) -> None:
    bands = trial.results[3]
    assert bands.vs_none.leakage.high < 0 and bands.vs_none.agent_conversion.high < 0
    assert bands.figures.agents_marked_up.low > bands.figures.humans_marked_up.high


def test_pairing_narrows_the_difference(trial: SessionTrial) -> None:
    none, dear = trial.results[0].figures.revenue, trial.results[2]
    assert dear.vs_none.revenue.high - dear.vs_none.revenue.low < 0.4 * (none.high - none.low)


def test_blind_shoppers_move_alike_whatever_they_are_quoted_but_for_recon_buyers_last_visits() -> (
    None
):
    walks = []
    for rules in (NO_MARKUP, RuleSet("dear", (), 1.5), FAST):
        rng, catalogue = np.random.default_rng(SEED), demo_catalogue()
        shoppers = draw_shoppers(600, FAMILIES, rng)
        quote = RuleQuote(rules, by_speed, shoppers, catalogue)
        events, decisions = walk_shoppers(shoppers, Shop(catalogue, quote), rng, price_blind=True)
        recon = np.array([family.name == "recon_buyer" for family in FAMILIES])[
            shoppers.population.family
        ][shoppers.population.actor]
        free = ~(recon & shoppers.population.is_last)
        kept, chosen = free[events.visit], free[decisions.visit]
        order = np.lexsort((decisions.product, decisions.event_ms, decisions.visit))
        order = order[chosen[order]]
        walks.append(
            (
                events.visit[kept],
                events.event_ms[kept],
                events.move[kept],
                decisions.product[order],
                decisions.considered[order],
            )
        )
    for other in walks[1:]:
        assert all(np.array_equal(one, two) for one, two in zip(walks[0], other, strict=True))


def test_expected_purchases_are_those_that_shoppers_who_see_prices_make() -> None:
    rules = RuleSet("cheap", (), 0.8)
    shoppers = draw_shoppers(6_000, FAMILIES, np.random.default_rng(4))
    truth = generate_sessions(
        6_000, 4, quote=RuleQuote(rules, by_speed, shoppers, demo_catalogue())
    ).truth
    figures = session_trial([rules], by_speed, n_sessions=6_000, seed=4).results[0].figures
    bought, is_agent = truth["bought"].to_numpy(), truth["is_agent"].to_numpy()
    n_agents = shoppers.is_agent[shoppers.population.actor].sum()
    for expected, realised, n in (
        (figures.human_conversion.value, (bought & ~is_agent).sum(), 6_000 - n_agents),
        (figures.agent_conversion.value, (bought & is_agent).sum(), n_agents),
    ):
        assert abs(realised / n - expected) < 3 * np.sqrt(2 * expected * (1 - expected) / n)


def test_the_same_seed_gives_the_same_trial(trial: SessionTrial) -> None:
    again = session_trial([BANDS], by_speed, n_sessions=2_000, seed=3)
    assert again.results[0].figures.revenue.value == trial.results[3].figures.revenue.value


@pytest.mark.parametrize(
    ("rules", "n_sessions", "said"),
    [
        ([], 10, "no rules to try"),
        ([BANDS], 0, "0 sessions cannot be simulated"),
        ([BANDS, BANDS], 10, "Two rule sets are called 'bands'"),
        (
            [parse_rules("IF speed > 1 THEN markup 2\nELSE markup 1", "x")],
            10,
            "read 'speed', which is unknown here",
        ),
        ([RuleSet("none", (), 1.1)], 10, "name of prices without a mark-up"),
    ],
)
def test_trials_that_cannot_be_run_are_rejected_in_one_sentence(
    rules: list[RuleSet], n_sessions: int, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        session_trial(rules, by_speed, n_sessions=n_sessions, seed=1)


def test_rules_come_by_name_or_from_a_file_named_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "scouts.rules").write_text(
        "IF cart_adds = 0 THEN markup 1.2\nELSE markup 1.0\n", encoding="utf-8"
    )
    assert read_rules("bands") is BANDS
    assert read_rules(str(tmp_path / "scouts.rules")).name == "scouts"
    with pytest.raises(NotFoundError, match="There are no rules 'elsewhere'"):
        read_rules("elsewhere")
    (tmp_path / "binary.rules").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a text file"):
        read_rules(str(tmp_path / "binary.rules"))


def test_without_a_classifier_the_command_line_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="No classifier has been trained"):
        simulate_sessions(Settings(workspace=tmp_path), ["bands"], n_sessions=10)
    answer = CliRunner().invoke(
        app, ["simulate", "sessions", "--rules", "bands", "--json", "--workspace", str(tmp_path)]
    )
    assert answer.exit_code == 1
    assert "No classifier has been trained" in json.loads(answer.stdout)["error"]
