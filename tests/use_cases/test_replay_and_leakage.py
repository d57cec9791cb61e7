"""Replay and ledger on generated shoppers with known truth: labels hidden, others trained on."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from phantom_core.cli import app
from phantom_core.core.errors import DataError, InputError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.lake.lake import open_lake
from phantom_core.replay import replay_store as replay_store_module
from phantom_core.replay.period import period_of
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.text import parse_rules
from phantom_core.session_market.market import BANDS, NO_MARKUP
from phantom_core.shoppers.actors import START_MS
from phantom_core.shoppers.generate import Generated, generate_sessions
from phantom_core.use_cases.data.demo import load_demo
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.use_cases.models.train_classifier import train_classifier
from phantom_core.use_cases.rules.measure_leakage import (
    latest_leakage,
    measure_leakage,
    purchases_file,
)
from phantom_core.use_cases.rules.replay_rules import (
    changed_sessions_file,
    latest_replay,
    replay_rules,
    replay_store,
)
from phantom_core.views.workspace.saved_runs import saved_replays
from tests.views.workspaces import load_events, load_labels

pytestmark = pytest.mark.slow

NOW_MS = START_MS + 90 * 86_400_000
TRIED = parse_rules(
    "IF p_agent > 0.6 THEN markup 1.4 AS sure\nELIF p_agent > 0.3 THEN markup 1.2\nELSE markup 1.0",
    "tried",
)


@dataclass(frozen=True, slots=True)
class Shop:
    """Unlabelled sessions, and their true classes."""

    settings: Settings
    generated: Generated

    def true_leakage(self, ratio: float = 1.2) -> float:
        truth = self.generated.truth
        units = {
            row["sessionId"]: json.loads(row["metadata"])["itemCount"]
            for row in self.generated.events.to_pylist()
            if row["eventName"] in ("purchase_complete", "purchase", "checkout_complete")
        }
        base = self.generated.quotes["base_price"].to_numpy()
        bought = truth["bought"].to_numpy() & truth["is_agent"].to_numpy()
        sold = np.array([units.get(session, 0) for session in truth["sessionId"].to_pylist()])
        return float(
            (bought * sold * base * np.maximum(0, ratio - truth["price_ratio"].to_numpy())).sum()
        )


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of 1,500 other sessions."""
    settings = Settings(workspace=tmp_path_factory.mktemp("learned"), demo_sessions=1_500, seed=5)
    load_demo(settings, now_ms=NOW_MS)
    train_classifier(settings, open_lake(settings), now_ms=NOW_MS, n_folds=3)
    return settings.workspace / "models"


@pytest.fixture(scope="module")
def shop(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """2,500 sessions without labels."""
    settings = Settings(workspace=tmp_path_factory.mktemp("shop") / "workspace")
    settings.workspace.mkdir()
    shutil.copytree(models, settings.workspace / "models")
    generated = generate_sessions(2_500, 77)
    paths = [settings.workspace / "events.parquet", settings.workspace / "quotes.parquet"]
    for table, path in zip((generated.events, generated.quotes), paths, strict=True):
        pq.write_table(table, path)
    ingest_files(settings, paths, now_ms=NOW_MS)
    return Shop(settings, generated)


@pytest.fixture
def own(shop: Shop, tmp_path: Path) -> Settings:
    return Settings(workspace=shutil.copytree(shop.settings.workspace, tmp_path / "own"))


def test_the_true_leakage_lies_in_the_interval_though_every_label_is_hidden(shop: Shop) -> None:
    found = measure_leakage(shop.settings, BANDS, now_ms=NOW_MS)
    constant = found.accounts[0]
    assert found.labelled == 0.0
    assert constant.leakage.low < shop.true_leakage() < constant.leakage.high
    for parts in constant.parts.values():
        assert sum(part.leakage.value for part in parts) == pytest.approx(constant.leakage.value)
    assert {len(parts) > 1 for name, parts in constant.parts.items() if name != "family"} == {True}
    assert [one.problem for one in found.accounts] == ["", "", ""]
    assert latest_leakage(shop.settings) == found


def test_with_labels_the_ledger_is_the_truth(own: Settings, shop: Shop) -> None:
    pa_csv.write_csv(shop.generated.experiments, own.workspace / "experiments.csv")
    ingest_files(own, [], now_ms=NOW_MS, experiments=str(own.workspace / "experiments.csv"))
    assert measure_leakage(own, BANDS, now_ms=NOW_MS).accounts[0].leakage.value == pytest.approx(
        shop.true_leakage()
    )


def test_purchases_behind_the_ledger_add_up_to_it(shop: Shop) -> None:
    found = measure_leakage(shop.settings, BANDS, now_ms=NOW_MS)
    rows = pq.read_table(purchases_file(shop.settings)).to_pandas()
    assert len(rows) == found.purchases
    assert rows["leakage_constant"].sum() == pytest.approx(found.accounts[0].leakage.value)
    assert rows.groupby("channel")["leakage_constant"].sum().max() == pytest.approx(
        found.accounts[0].parts["channel"][0].leakage.value
    )


def test_a_replay_separates_agents_from_humans_and_is_saved(shop: Shop) -> None:
    found = replay_rules(shop.settings, BANDS, NO_MARKUP, now_ms=NOW_MS)
    assert found.quotes == shop.generated.quotes.num_rows
    assert found.rules.agent is not None and found.rules.human is not None
    assert found.rules.agent.marked_up.low > found.rules.human.marked_up.high
    assert sum(use.quotes for use in found.rules.rules) == found.quotes
    assert found.against.human is not None and found.against.human.premium.value == 0.0
    assert found.rules.recovered[0].recovered.value > found.against.recovered[0].recovered.value
    changed = pq.read_table(changed_sessions_file(shop.settings))
    assert changed.num_rows == found.changed
    assert set(changed["rule_after"].to_pylist()) <= {"rule 1", "rule 2"}
    again = latest_replay(shop.settings)
    assert again.to_json() == found.to_json()


def test_the_newest_replays_are_stored_and_the_oldest_make_room(
    own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_store_module, "MAX_REPLAYS", 2)
    store = replay_store(own)
    for n, (rules, against) in enumerate([(BANDS, NO_MARKUP), (NO_MARKUP, BANDS), (BANDS, BANDS)]):
        replay_rules(own, rules, against, now_ms=NOW_MS + n)
    assert [(run.rules, run.against) for run in saved_replays(own)] == [
        ("bands", "bands"),
        ("none", "bands"),
    ]
    newest, earlier = store.runs.names()
    assert store.open() == store.open(newest)
    assert pq.read_table(store.changed_file(newest)).num_rows == 0
    assert pq.read_table(store.changed_file(earlier)).num_rows == store.open(earlier).changed > 0
    with pytest.raises(NotFoundError, match="There is no result 'gone'"):
        store.open("gone")


def test_a_set_replayed_against_itself_changes_no_session(shop: Shop) -> None:
    found = replay_rules(shop.settings, BANDS, BANDS, now_ms=NOW_MS + 1)
    assert (found.changed, found.moved) == (0, ())
    assert pq.read_table(changed_sessions_file(shop.settings)).num_rows == 0


def test_off_policy_revenue_holds_the_true_value_of_logged_prices(shop: Shop) -> None:
    dear = RuleSet("dear", (), 1.2)
    value = replay_rules(shop.settings, dear, NO_MARKUP, now_ms=NOW_MS).rules.value
    truth = shop.generated.truth
    s = np.where(truth["is_agent"].to_numpy(), 5.0, 2.0)
    units = 1.0 + 6 * np.array(
        [
            {"hotel": 0.25, "airline": 0.12, "shop": 0.06}[store]
            for store in shop.generated.quotes["storeMode"].to_pylist()
        ]
    )
    expected = (
        truth["interest"].to_numpy()
        * 1.2
        * shop.generated.quotes["base_price"].to_numpy()
        * units
        / (1 + 1.2**s)
    )
    true = expected.sum() / len(set(truth["sessionId"].to_pylist()))
    assert value.problem == "" and value.overlap == 1.0
    for estimate in (value.inverse_propensity, value.self_normalised, value.doubly_robust):
        assert estimate is not None and estimate.low < true < estimate.high


def test_rules_that_quote_logged_prices_are_identified_and_others_are_not(shop: Shop) -> None:
    assert (
        replay_rules(shop.settings, TRIED, NO_MARKUP, now_ms=NOW_MS).rules.value.inverse_propensity
        is not None
    )
    bands = replay_rules(shop.settings, BANDS, NO_MARKUP, now_ms=NOW_MS).rules.value
    assert bands.inverse_propensity is None and "×1.10, ×1.30" in bands.problem


def test_at_the_end_of_a_session_rules_know_more(shop: Shop) -> None:
    carted = parse_rules("IF cart_adds > 0 THEN markup 1.2\nELSE markup 1.0", "carted")
    at_quote, at_end = (
        replay_rules(shop.settings, carted, NO_MARKUP, now_ms=NOW_MS, as_of=when).changed
        for when in ("quote", "session end")
    )
    assert at_quote < at_end


def test_days_without_sessions_and_rules_about_unknown_features_are_rejected(shop: Shop) -> None:
    with pytest.raises(DataError, match="no sessions in this period"):
        replay_rules(
            shop.settings, BANDS, NO_MARKUP, now_ms=NOW_MS, period=period_of("2027-01-01", "")
        )
    with pytest.raises(InputError, match="read 'mood'"):
        replay_rules(
            shop.settings,
            parse_rules("IF mood > 1 THEN markup 1.1\nELSE markup 1", "x"),
            NO_MARKUP,
            now_ms=NOW_MS,
        )


def test_without_a_quote_log_the_constant_reference_is_all_there_is(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path / "workspace")
    load_events(
        settings,
        [("a", "view_item", 0), ("a", "purchase", 9), ("b", "purchase", 9)],
        price=100,
        base_price=100,
        total=100,
    )
    load_labels(settings, {"a": "agent", "b": "human"})
    found = measure_leakage(settings, BANDS, now_ms=NOW_MS)
    constant, clean, optimal = found.accounts
    assert constant.leakage.value == pytest.approx(20.0)
    assert [part.key for part in constant.parts["rule"]] == ["never quoted"]
    assert "Too few humans" in clean.problem
    assert "no quotes are loaded" in optimal.problem
    assert found.humans is None
    with pytest.raises(DataError, match="No prices were logged"):
        replay_rules(settings, BANDS, NO_MARKUP, now_ms=NOW_MS)


def test_without_labels_and_model_leakage_is_unknown(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path / "workspace")
    load_events(settings, [("a", "purchase", 9)], price=100, base_price=100)
    with pytest.raises(DataError, match="It is unknown which purchases agents made"):
        measure_leakage(settings, BANDS, now_ms=NOW_MS)


def test_a_missing_measurement_is_reported(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path)
    with pytest.raises(NotFoundError, match="not been measured"):
        latest_leakage(settings)
    with pytest.raises(NotFoundError, match="No rules have been replayed"):
        latest_replay(settings)


def test_the_command_line_checks_converts_replays_and_adds_up(shop: Shop, tmp_path: Path) -> None:
    run, at = CliRunner(), ["--workspace", str(shop.settings.workspace)]
    (tmp_path / "mine.rules").write_text("IF p_agent > 0.7 THEN markup 1.6\nELSE markup 1.00\n")
    checked = run.invoke(app, ["rules", "check", str(tmp_path / "mine.rules"), "--json", *at])
    assert (checked.exit_code, json.loads(checked.stdout)["counts"]["error"]) == (1, 1)
    run.invoke(
        app,
        [
            "rules",
            "convert",
            str(tmp_path / "mine.rules"),
            "--to",
            "jdm",
            "--out",
            str(tmp_path / "mine.json"),
            *at,
        ],
    )
    back = run.invoke(app, ["rules", "convert", str(tmp_path / "mine.json"), *at])
    assert back.stdout == (tmp_path / "mine.rules").read_text().replace("1.6", "1.60")
    replayed = run.invoke(
        app, ["rules", "replay", "bands", "--changed", str(tmp_path / "changed.csv"), "--json", *at]
    )
    assert (
        json.loads(replayed.stdout)["changed"]
        == len((tmp_path / "changed.csv").read_text().splitlines()) - 1
    )
    added = json.loads(
        run.invoke(
            app, ["leakage", "--by", "store mode", "--reference", "optimal", "--json", *at]
        ).stdout
    )
    assert (added["reference"], added["by"]) == ("optimal", "store mode")
    assert sum(part["leakage"]["value"] for part in added["parts"]) == pytest.approx(
        added["leakage"]["value"]
    )


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        (["rules", "check", "/nowhere"], "There are no rules '/nowhere'"),
        (["rules", "convert", "bands", "--to", "prose"], "'prose' is not a form of rules"),
        (["rules", "replay", "bands", "--from", "soon"], "'soon' is no date"),
        (["leakage", "--by", "moon"], "no breakdown by 'moon'"),
        (["leakage", "--reference", "fair"], "no reference price 'fair'"),
    ],
)
def test_errors_are_one_sentence(verb: list[str], said: str, shop: Shop) -> None:
    answer = CliRunner().invoke(app, [*verb, "--workspace", str(shop.settings.workspace)])
    assert answer.exit_code == 1
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr
