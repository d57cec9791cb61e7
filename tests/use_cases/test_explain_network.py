"""Explaining the saved network: contributions that add up, cached until the data change."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from phantom_core.cli import app
from phantom_core.core.errors import CancelledError, InputError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.evaluation.multitask_report import KIND, MultitaskReport
from phantom_core.explain.network import COLUMNS
from phantom_core.features.offers.offers import RELATIONS, read_offers
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.model_store.store import ModelStore
from phantom_core.models.multitask.cross_fit import log_odds
from phantom_core.models.multitask.inputs import offer_inputs, values_of
from phantom_core.models.multitask.saved import read_fold_networks, read_network
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.use_cases.explanations.explain_network import (
    BACKGROUND,
    explain_network,
    read_network_explanation,
)
from phantom_core.use_cases.explanations.explain_offer import explain_offer
from tests.use_cases.conftest import NOW_MS

pytestmark = pytest.mark.slow

FEW = 60


@pytest.fixture(scope="module")
def lake(demo: Settings, report: MultitaskReport) -> Lake:
    return open_lake(demo)


@pytest.fixture(scope="module")
def offers(lake: Lake) -> pa.Table:
    with lake.connect(RELATIONS) as connection:
        return read_offers(connection, "first_quote")


def test_contributions_of_every_offer_add_up_to_both_log_odds(demo: Settings, lake: Lake) -> None:
    found = explain_network(demo, lake, n_offers=FEW)
    network, _ = read_network(ModelStore(demo.workspace, KIND).open())
    for at, output in enumerate(("agent", "purchase")):
        saved = read_network_explanation(demo, output)
        assert saved.explanation == found[output]
        assert saved.inputs is not None
        total = found[output].base + sum(
            saved.points[name].to_numpy().astype(np.float64) for name in COLUMNS
        )
        np.testing.assert_allclose(
            total, log_odds(network, offer_inputs(saved.inputs))[at], atol=1e-3
        )


def test_explained_and_background_are_real_offers_with_real_products(
    demo: Settings, lake: Lake, offers: pa.Table
) -> None:
    explain_network(demo, lake, n_offers=FEW)
    folder = ModelStore(demo.workspace, KIND).open().folder / "explained"
    drawn = pq.read_table(folder / BACKGROUND)
    real = {row.tobytes() for row in values_of(offer_inputs(offers))}
    background = np.column_stack([drawn[name].to_numpy() for name in COLUMNS])
    assert len(background) == 100
    assert all(row.tobytes() in real for row in background)
    inputs = read_network_explanation(demo, "purchase").inputs
    assert inputs is not None
    assert all(row.tobytes() in real for row in values_of(offer_inputs(inputs)))
    assert (np.nan_to_num(inputs["base_price"].to_numpy()) > 0).all()


def test_intervals_come_from_the_saved_networks_of_the_folds(demo: Settings, lake: Lake) -> None:
    found = explain_network(demo, lake, n_offers=FEW)
    assert {one.folds for one in found.values()} == {3}
    for one in found.values():
        assert all(
            row.low is not None and row.high is not None and row.low <= row.mean_abs <= row.high
            for row in one.features
        )
    assert {row.name for row in found["purchase"].families} == {
        "temporal",
        "behavioural",
        "product",
        "user_agent",
        "offer",
        "price",
    }
    of_agent = {row.name: row.mean_abs for row in found["agent"].families}
    assert (of_agent["offer"], of_agent["price"]) == (0.0, 0.0)


def test_fold_networks_predict_what_is_served(demo: Settings, lake: Lake, offers: pa.Table) -> None:
    from phantom_core.models.multitask.description import open_scorer

    model = ModelStore(demo.workspace, KIND).open()
    rows, ratios = offer_inputs(offers.slice(0, 20)), np.ones((20, 1))
    played = open_scorer(model, with_folds=True).demand_by_fold(rows, ratios)
    _, description = read_network(model)
    for k, network in enumerate(read_fold_networks(model)):
        said = description.purchase.probability(log_odds(network, rows.at_ratios(ratios))[1])
        np.testing.assert_allclose(said, played[k, :, 0], atol=1e-5)


def test_the_same_model_and_data_are_explained_once_and_labels_are_data(
    demo: Settings, lake: Lake, tmp_path: Path
) -> None:
    own = demo.model_copy(update={"workspace": shutil.copytree(demo.workspace, tmp_path / "own")})
    own_lake = open_lake(own)
    first = explain_network(own, own_lake, n_offers=20)
    points = (
        own.workspace
        / "models"
        / KIND
        / first["agent"].model_version
        / "explained"
        / "contributions.parquet"
    )
    written_ns = points.stat().st_mtime_ns
    assert explain_network(own, own_lake, n_offers=20) == first
    assert points.stat().st_mtime_ns == written_ns
    session = str(read_network_explanation(own, "agent").points["session_id"][0])
    (tmp_path / "labels.csv").write_text(f"session,label\n{session},human\n")
    ingest_files(own, [], now_ms=NOW_MS + 9, labels=str(tmp_path / "labels.csv"))
    again = explain_network(own, own_lake, n_offers=20)
    assert again["agent"].tables != first["agent"].tables
    assert points.stat().st_mtime_ns > written_ns


def test_one_offer_is_explained_as_it_is_among_all(demo: Settings, lake: Lake) -> None:
    explain_network(demo, lake, n_offers=FEW)
    saved = read_network_explanation(demo, "purchase")
    points = saved.points.to_pylist()
    session_id, product_id = str(points[7]["session_id"]), str(points[7]["product_id"])
    found = explain_offer(demo, lake, session_id, "purchase", product_id=product_id)
    assert found.base + sum(row.log_odds for row in found.contributions) == pytest.approx(
        found.log_odds, abs=1e-3
    )
    assert found.base == pytest.approx(saved.explanation.base, abs=1e-6)
    assert 0 < found.probability < 1
    # All but the elasticity, which is that of all days here and of the days before there.
    price = next(row for row in found.contributions if row.name == "price_ratio")
    assert price.log_odds == pytest.approx(points[7]["price_ratio"], abs=0.1)


def test_unknown_sessions_and_products_are_reported_in_a_sentence(
    demo: Settings, lake: Lake
) -> None:
    with pytest.raises(NotFoundError, match="Session 'nobody' was shown no product"):
        explain_offer(demo, lake, "nobody", "agent")
    session = str(read_network_explanation(demo, "agent").points["session_id"][0])
    with pytest.raises(NotFoundError, match="was never shown product 'nothing'"):
        explain_offer(demo, lake, session, "agent", product_id="nothing")
    with pytest.raises(InputError, match="0 offers cannot be explained"):
        explain_network(demo, lake, n_offers=0)


def test_stopping_leaves_the_explanation_as_it_was(demo: Settings, lake: Lake) -> None:
    before = explain_network(demo, lake, n_offers=FEW)

    def stop(fraction: float, message: str, values: object = None) -> None:
        if fraction > 0.3:
            raise CancelledError("Enough.")

    with pytest.raises(CancelledError):
        explain_network(demo, lake, n_offers=30, progress=stop)
    assert read_network_explanation(demo, "agent").explanation == before["agent"]


def test_the_command_line_explains_both_outputs(demo: Settings, lake: Lake) -> None:
    command = ["explain", "--workspace", str(demo.workspace), "--model", "multitask", "--json"]
    report = json.loads(
        CliRunner().invoke(app, [*command, "--output", "purchase", "--sessions", str(FEW)]).stdout
    )
    assert (report["unit"], report["output"], len(report["features"])) == (
        "log-odds of a purchase",
        "purchase",
        40,
    )
    session = str(read_network_explanation(demo, "agent").points["session_id"][0])
    one = json.loads(CliRunner().invoke(app, [*command, "--session", session]).stdout)
    assert 0 < one["agent_probability"] < 1
    for wrong, error in (
        (["--output", "money"], "There is no output 'money'."),
        (["--model", "oracle"], "There is no kind of model 'oracle'."),
        (["--interactions", "5"], "The network has no interactions"),
    ):
        assert json.loads(CliRunner().invoke(app, [*command, *wrong]).stdout)["error"].startswith(
            error
        )
