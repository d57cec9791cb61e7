"""Training the network: its figures, errors in one sentence, prices by the saved network."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from phantom_core.cli import app
from phantom_core.core.errors import CancelledError, DataError, NotFoundError
from phantom_core.core.progress import no_progress
from phantom_core.core.settings import Settings, TrainingSettings
from phantom_core.distil.grow import Recipe
from phantom_core.evaluation.learning import read_learning
from phantom_core.evaluation.multitask_report import FILE, KIND, MultitaskReport, parse_report
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.model_store.store import ModelStore
from phantom_core.models.multitask.hyperparameters import Hyperparameters
from phantom_core.use_cases.data.demo import load_demo
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.use_cases.explanations.distil import distil_rules, teacher_named
from phantom_core.use_cases.models.job_train_multitask import TrainMultitaskRequest
from phantom_core.use_cases.models.price import default_objective, price_offer
from phantom_core.use_cases.models.train_multitask import leak_suspects, train_multitask
from phantom_core.use_cases.models.tune_multitask import (
    tune_multitask,
    tuned_hyperparameters,
    tuning_history,
)
from phantom_core.views.demand.multitask import recorded_losses
from tests.use_cases.conftest import NOW_MS, QUICK

pytestmark = pytest.mark.slow


def quoted(settings: Settings) -> tuple[str, str]:
    with open_lake(settings).connect() as connection:
        return connection.sql(
            "SELECT session_id, product_id FROM quotes ORDER BY event_ms LIMIT 1"
        ).fetchall()[0]


def test_every_figure_has_its_baseline_and_interval(report: MultitaskReport) -> None:
    report_json = report.to_json()
    for figure, low_high in (("agent_auc", "agent_auc_ci"), ("purchase_auc", "purchase_auc_ci")):
        low, high = report_json[low_high]
        assert 0.5 < low < report_json[figure] < high < 1
    assert report_json["purchase_base_rate"] < report_json["purchase_pr_auc"]
    assert report_json["ece_purchase"] < 0.05
    assert set(report_json["single_task"]) == set(report_json["xgboost"]) == {"agent", "purchase"}
    assert 0.5 < report_json["price_alone_auc"] < 0.7
    assert (report_json["monotone"], report_json["identified"], report_json["leak_suspects"]) == (
        True,
        True,
        [],
    )
    for who in ("human", "agent"):
        low, high = report_json["price_elasticity"][who]["ci"]
        assert low < report_json["price_elasticity"][who]["value"] < high
    assert {(band.who, band.low_ratio) for band in report.demand.bands} == {
        (who, low) for who in ("human", "agent") for low in (None, 0.9, 1.1)
    }


def test_the_report_comes_back_as_it_was_saved(report: MultitaskReport, demo: Settings) -> None:
    model = ModelStore(demo.workspace, KIND).open(report.model_version)
    assert parse_report(model.read(FILE)) == replace(report)
    assert model.read("card.md").decode().startswith(f"# Multi-task network {report.model_version}")
    with pytest.raises(DataError, match="is not a report"):
        parse_report(b"{}")


def test_no_actor_is_in_two_folds_and_offers_follow_their_session(demo: Settings) -> None:
    rng = np.random.default_rng(1)
    learning = read_learning(
        open_lake(demo), moments=None, n_folds=4, most_offers=10_000, rng=rng, progress=no_progress
    )
    for actor in np.unique(learning.rows.actor):
        assert len(np.unique(learning.fold[learning.rows.actor == actor])) == 1
    assert set(learning.fold) == {0, 1, 2, 3}


def test_a_feature_that_leaks_the_purchase_is_found(demo: Settings) -> None:
    rng = np.random.default_rng(1)
    learning = read_learning(
        open_lake(demo), moments=None, n_folds=3, most_offers=10_000, rng=rng, progress=no_progress
    )
    assert leak_suspects(learning) == ()
    planted = learning.rows.inputs.session.copy()
    planted[:, 11] = (
        np.nan_to_num(learning.rows.bought) * 2.0
    )  # the session's purchases, as known when it was over
    leaking = replace(
        learning, rows=replace(learning.rows, inputs=replace(learning.rows.inputs, session=planted))
    )
    assert leak_suspects(leaking) == ("purchases",)


def test_nothing_is_saved_once_cancelled(demo: Settings) -> None:
    before = ModelStore(demo.workspace, KIND).versions()

    def stop(fraction: float, message: str, values: object = None) -> None:
        if fraction > 0.3:
            raise CancelledError("Enough.")

    with pytest.raises(CancelledError):
        train_multitask(
            demo, open_lake(demo), now_ms=NOW_MS + 1, n_folds=3, chosen=QUICK, progress=stop
        )
    assert ModelStore(demo.workspace, KIND).versions() == before
    losses = recorded_losses(demo)
    assert set(losses["fold"]) <= {1, 2, 3} and losses["epoch"].min() == 1
    assert (losses["purchase"] > 0).all()


def test_a_price_is_within_guard_rails_and_better_than_the_base_price(
    report: MultitaskReport, demo: Settings
) -> None:
    offer = price_offer(demo, open_lake(demo), *quoted(demo))
    curve = offer.curve
    assert 0.7 <= curve.best_low <= curve.best_ratio <= curve.best_high <= 1.5
    assert (np.diff(curve.p_purchase) <= 1e-7).all()
    assert ((curve.p_low <= curve.p_purchase) & (curve.p_purchase <= curve.p_high)).all()
    assert (
        curve.value[np.abs(curve.ratios - curve.best_ratio).argmin()]
        >= curve.value[np.abs(curve.ratios - 1.0).argmin()] - 1e-9
    )
    assert offer.price == round(curve.best_ratio * offer.base_price, 2)
    report_json = json.loads(json.dumps(offer.to_json()))
    assert report_json["model_version"] == report.model_version


def test_the_networks_optimal_markups_can_be_distilled(
    report: MultitaskReport, demo: Settings
) -> None:
    lake = open_lake(demo)
    matrix = FeatureStore(lake).matrix()
    teacher, version = teacher_named(demo, lake, "optimal", default_objective(demo), no_progress)
    markup = teacher.markup_ratio(matrix)
    priced = markup[~np.isnan(markup)]
    assert version == report.model_version
    assert len(priced) > 0.9 * matrix.num_rows
    assert 0.7 <= priced.min() < priced.max() <= 1.5
    made = distil_rules(
        demo, lake, now_ms=NOW_MS, teacher="optimal", recipe=Recipe(depth=2, leaf_sessions=20)
    )
    assert (made.teacher, made.sessions) == ("optimal", len(priced))
    assert made.fidelity.r2 is not None


def test_unknown_sessions_and_products_are_distinguished(
    report: MultitaskReport, demo: Settings
) -> None:
    lake, (session, product) = open_lake(demo), quoted(demo)
    with pytest.raises(NotFoundError, match="There is no session 'nobody'"):
        price_offer(demo, lake, "nobody", product)
    with pytest.raises(NotFoundError, match="There is no product 'nothing'"):
        price_offer(demo, lake, session, "nothing")
    with pytest.raises(NotFoundError, match="There is no multitask 'gone'"):
        price_offer(demo, lake, session, product, version="gone")


def test_the_command_line_trains_and_prices(demo: Settings, report: MultitaskReport) -> None:
    session, product = quoted(demo)
    arguments = [
        "price",
        "--session",
        session,
        "--product",
        product,
        "--workspace",
        str(demo.workspace),
        "--json",
    ]
    priced = CliRunner().invoke(app, arguments)
    assert priced.exit_code == 0, priced.output
    assert json.loads(priced.stdout)["product"] == product
    card = CliRunner().invoke(
        app, ["card", "--model", "multitask", "--workspace", str(demo.workspace)]
    )
    assert card.stdout.startswith("# ") and "network" in card.stdout
    rejected = CliRunner().invoke(app, [*arguments, "--objective", "profit"])
    assert json.loads(rejected.stdout)["error"] == "There is no objective 'profit'."
    wrong = CliRunner().invoke(
        app,
        ["train", "multitask", "--moments", "noon", "--workspace", str(demo.workspace), "--json"],
    )
    assert json.loads(wrong.stdout)["error"] == "There is no choice of moments 'noon'."


def test_tuning_starts_with_the_defaults_and_continues_the_last_search(demo: Settings) -> None:
    settings = demo.model_copy(update={"training": TrainingSettings(most_offers=1_000)})
    with pytest.raises(NotFoundError, match="Nothing was tuned"):
        tuned_hyperparameters(settings)
    lake = open_lake(demo)
    first = tune_multitask(settings, lake, seconds=1.0)
    assert first.trials[0].hyperparameters.dropout == Hyperparameters().dropout
    second = tune_multitask(settings, lake, seconds=1.0)
    assert second.trials[: len(first.trials)] == first.trials
    assert second.added >= 1
    assert tuning_history(settings) == second.trials
    assert tuned_hyperparameters(settings) == second.best.hyperparameters
    assert second.best.loss == min(second.to_json()["history"])


def test_prices_that_never_varied_give_no_demand_curve(tmp_path: Path) -> None:
    settings, rng, rows = Settings(workspace=tmp_path / "w"), np.random.default_rng(1), []
    for session in range(150):
        keen, at = rng.random() < 0.3, int(rng.integers(0, 10**6))
        names = ["view_item_page"] * int(rng.integers(2, 6) if keen else rng.integers(1, 3)) + [
            "purchase_complete"
        ] * int(keen)
        rows += [
            {
                "sessionId": f"s{session}",
                "ts": f"{1_772_366_400 + at + 7 * place}",
                "eventName": name,
                "productId": "p1",
                "page": "/",
                "metadata": {"price": 10},
            }
            for place, name in enumerate(names)
        ]
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    ingest_files(settings, [path], now_ms=1_772_366_400_000 + 10**10)
    report_json = TrainMultitaskRequest(folds=3, seed=1).run(settings, now_ms=NOW_MS).to_json()
    assert (report_json["moments"], report_json["identified"], report_json["agent_auc"]) == (
        "before_cart",
        False,
        None,
    )
    assert str(report_json["refusal"]).startswith(
        "No price variation: sensitivity is not identified"
    )
    assert report_json["purchase_auc"] > 0.7
    with pytest.raises(DataError, match=r"There is no demand curve\. No price variation"):
        price_offer(settings, open_lake(settings), "s1", "p1")


def test_too_few_purchases_are_rejected(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path, demo_sessions=100)
    load_demo(settings, now_ms=NOW_MS)
    with pytest.raises(DataError, match="learning who buys needs at least 20"):
        train_multitask(settings, Lake(tmp_path / "lake"), now_ms=NOW_MS)
