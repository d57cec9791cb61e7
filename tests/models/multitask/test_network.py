"""The network: monotone by construction, finite on missing values, equal in ONNX, repeatable."""

from pathlib import Path

import numpy as np
import pytest
import torch

from phantom_core.core.errors import CancelledError, DataError, InputError
from phantom_core.features.catalogue import feature_names
from phantom_core.model_store.manifest import FORMAT, Manifest
from phantom_core.model_store.store import ModelStore, StoredModel
from phantom_core.models.curves import Beta, Curve, Isotonic, Platt, Temperature
from phantom_core.models.multitask.calibrated import Calibrated
from phantom_core.models.multitask.cross_fit import cross_fit, log_odds
from phantom_core.models.multitask.description import (
    ONNX_FILE,
    Architecture,
    Description,
    open_scorer,
)
from phantom_core.models.multitask.epochs import Epoch, EpochLosses, Losses, in_fold, report_epoch
from phantom_core.models.multitask.fitting import fit_network, fit_network_early
from phantom_core.models.multitask.hyperparameters import Hyperparameters
from phantom_core.models.multitask.inputs import Inputs
from phantom_core.models.multitask.network import Network
from phantom_core.models.multitask.saved import network_files, read_network
from phantom_core.models.multitask.scorer import NetworkScorer, open_session
from tests.models.multitask.worlds import inputs, shoppers

pytestmark = pytest.mark.slow

SMALL = Hyperparameters(width=0.25, most_epochs=6, batch_rows=256)
STEPS = Isotonic((-6.0, -3.0, -1.0, 2.0), (0.01, 0.02, 0.3, 0.9))


def network(seed: int, *, has_price: bool = True) -> Network:
    """Random weights, larger than after training, so that any curve that can rise does."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = Network(Architecture(1.0, 0.25, has_price))
        for parameter in made.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
    sample = inputs(200, np.random.default_rng(seed))
    made.session_values.fit(sample.session)
    made.product_values.fit(sample.product)
    return made.eval()


def saved(folder: Path, files: dict[str, bytes]) -> StoredModel:
    manifest = Manifest(FORMAT, "multitask", "v1", 0, 0, "", "", 0, feature_names(), {}, {}, {})
    return ModelStore(folder, "multitask").save(manifest, files)


@pytest.mark.parametrize("curve", [Platt(0.8, -0.2), Temperature(1.3), STEPS])
def test_purchase_never_rises_with_the_price_in_ten_thousand_random_cases(curve: Curve) -> None:
    rng = np.random.default_rng(3)
    for seed in range(10):
        rows = inputs(1_000, rng)
        ratios = np.sort(rng.uniform(0.2, 4.0, (1_000, 12)), axis=1)
        _, scores = log_odds(network(seed), rows.at_ratios(ratios))
        p_purchase = curve.probability(scores).reshape(ratios.shape)
        assert (np.diff(p_purchase, axis=1) <= 1e-6).all()


def test_without_a_price_path_the_price_changes_nothing() -> None:
    rows = inputs(50, np.random.default_rng(1))
    _, scores = log_odds(
        network(1, has_price=False), rows.at_ratios(np.tile([0.5, 1.0, 2.0], (50, 1)))
    )
    assert np.ptp(scores.reshape(50, 3), axis=1).max() < 1e-4


def test_no_price_is_read_as_the_base_price() -> None:
    rows = inputs(50, np.random.default_rng(1))
    at_base = Inputs(rows.session, rows.product, np.zeros(50, np.float32))
    unknown = Inputs(rows.session, rows.product, np.full(50, np.nan, np.float32))
    for first, second in zip(
        log_odds(network(2), at_base), log_odds(network(2), unknown), strict=True
    ):
        assert np.array_equal(first, second)


def test_rows_where_everything_is_undefined_are_scored() -> None:
    nothing = Inputs(
        np.full((3, len(feature_names())), np.nan, np.float32),
        np.full((3, 10), np.nan, np.float32),
        np.full(3, np.nan, np.float32),
    )
    assert all(np.isfinite(scores).all() for scores in log_odds(network(4), nothing))


@pytest.mark.parametrize(
    ("agent", "purchase"), [(Temperature(0.9), Platt(1.1, -0.3)), (STEPS, STEPS)]
)
def test_onnx_gives_the_scores_of_torch(agent: Curve, purchase: Curve, tmp_path: Path) -> None:
    whole, folds = network(1), (network(2), network(3))
    files = network_files(
        whole, folds, Description(whole.architecture, agent, purchase, knows_agents=True)
    )
    scorer = open_scorer(saved(tmp_path, files), with_folds=True)
    for n in (1, 7, 1_000):
        rows = inputs(n, np.random.default_rng(n))
        tensors = [
            torch.from_numpy(array) for array in (rows.session, rows.product, rows.log_ratio)
        ]
        with torch.no_grad():
            p_agent, p_purchase = (
                values.numpy() for values in Calibrated(whole, agent, purchase).eval()(*tensors)
            )
            by_fold = [
                Calibrated(fold, agent, purchase).eval()(*tensors)[1].numpy() for fold in folds
            ]
        scores = scorer.score(rows)
        assert np.abs(scores.p_agent - p_agent).max() <= 1e-5
        assert np.abs(scores.p_purchase - p_purchase).max() <= 1e-5
        ratios = np.exp(rows.log_ratio.astype(np.float64))[:, None]
        assert (
            np.abs(scorer.demand_by_fold(rows, ratios)[:, :, 0] - np.stack(by_fold)).max() <= 1e-5
        )


def test_weights_come_back_as_they_were(tmp_path: Path) -> None:
    whole = network(5)
    model = saved(
        tmp_path,
        network_files(
            whole, (), Description(whole.architecture, Temperature(1.0), STEPS, knows_agents=False)
        ),
    )
    again, description = read_network(model)
    rows = inputs(20, np.random.default_rng(0))
    assert np.array_equal(log_odds(again, rows)[1], log_odds(whole, rows)[1])
    assert (description.purchase, description.knows_agents) == (STEPS, False)


def test_damaged_and_foreign_files_are_refused_in_one_sentence(tmp_path: Path) -> None:
    whole = network(6)
    files = network_files(
        whole,
        (),
        Description(whole.architecture, Temperature(1.0), Temperature(1.0), knows_agents=True),
    )
    model = saved(tmp_path, files)
    (model.folder / ONNX_FILE).write_bytes(files[ONNX_FILE][:-100])
    with pytest.raises(DataError, match=r"model.onnx of model v1 is not the file that was saved"):
        open_scorer(model)
    for content in (b"", b"no model", files["weights.safetensors"]):
        with pytest.raises(DataError, match=r"is no ONNX model|is not a network"):
            open_session(content, "it")
    foreign = saved(tmp_path / "foreign", {**files, "weights.safetensors": files[ONNX_FILE]})
    with pytest.raises(DataError, match="are not those of its network"):
        read_network(foreign)
    with pytest.raises(DataError, match="cannot be read as a network"):
        open_scorer(saved(tmp_path / "other", {**files, "network.json": b"{}"}))


def test_a_calibration_that_a_network_cannot_hold_is_refused() -> None:
    with pytest.raises(InputError, match="calibration of method beta"):
        Calibrated(network(1), Beta(1.0, 1.0, 0.0), Temperature(1.0))


def test_training_finds_agents_and_their_price_sensitivity() -> None:
    rows = shoppers(6_000, np.random.default_rng(1))
    fitted = fit_network_early(
        rows, Hyperparameters(width=0.5, most_epochs=15, batch_rows=256), has_price=True, seed=1
    )
    agent, _ = log_odds(fitted.network, rows.inputs)
    known = ~np.isnan(rows.is_agent)
    assert (
        agent[known & (rows.is_agent == 1)].mean() - agent[known & (rows.is_agent == 0)].mean() > 2
    )
    ratios = np.tile([0.8, 1.25], (len(rows), 1))
    _, purchase = log_odds(fitted.network, rows.inputs.at_ratios(ratios))
    fall = -np.diff(purchase.reshape(ratios.shape), axis=1)[:, 0]
    assert fall[agent > 2].mean() > 1.3 * fall[agent < -2].mean() > 0


def test_the_same_seed_gives_the_same_network_also_in_parallel() -> None:
    rows, fold = shoppers(600, np.random.default_rng(2)), np.arange(600) % 3
    first, second = (cross_fit(rows, fold, SMALL, has_price=True, seed=4) for _ in range(2))
    assert np.array_equal(first.purchase, second.purchase)
    assert np.array_equal(first.agent, second.agent)
    alone = fit_network_early(rows[fold != 1], SMALL, has_price=True, seed=5)
    assert np.array_equal(
        log_odds(alone.network, rows.inputs[fold == 1])[0], first.agent[fold == 1]
    )


def test_learned_weights_and_single_tasks_train_what_they_should() -> None:
    rows = shoppers(600, np.random.default_rng(3))
    learned = fit_network(
        rows, Hyperparameters(width=0.25, learns_weights=True), 2, has_price=True, seed=1
    )
    plain = fit_network(rows, Hyperparameters(width=0.25), 2, has_price=True, seed=1)
    assert not np.array_equal(
        log_odds(learned.network, rows.inputs)[0], log_odds(plain.network, rows.inputs)[0]
    )
    agent_only = fit_network(rows, SMALL.for_agent_only(), 2, has_price=True, seed=1)
    fresh = fit_network(rows, SMALL.for_agent_only(), 1, has_price=True, seed=1)
    assert np.array_equal(
        agent_only.network.appeal.bias.detach(), fresh.network.appeal.bias.detach()
    )


def test_a_cancelled_fold_stops_the_others() -> None:
    rows, fold = shoppers(600, np.random.default_rng(2)), np.arange(600) % 3

    def stop(fraction: float, message: str, values: object = None) -> None:
        raise CancelledError("Enough.")

    with pytest.raises(CancelledError):
        cross_fit(rows, fold, SMALL, has_price=True, seed=4, progress=stop)


def test_an_epoch_is_reported_as_a_sentence_and_as_values() -> None:
    reported: list[tuple[object, ...]] = []
    progress = in_fold(lambda *report: reported.append(report), 2)
    report_epoch(progress, 0.5, 3, Epoch(Losses(0.5, 0.2), Losses(None, 0.125)))
    assert reported == [(0.5, "epoch 3, loss purchase 0.1250", EpochLosses(3, None, 0.125, fold=2))]


def test_losses_of_every_fold_come_as_values() -> None:
    rows, fold = shoppers(600, np.random.default_rng(2)), np.arange(600) % 3
    reported: list[EpochLosses] = []
    cross_fit(
        rows,
        fold,
        SMALL,
        has_price=True,
        seed=4,
        progress=lambda done, message, values=None: reported.append(values),
    )
    assert {losses.fold for losses in reported} == {1, 2, 3}
    assert all(losses.agent > 0 and losses.purchase > 0 for losses in reported)


@pytest.mark.parametrize(
    "wrong",
    [
        {"dropout": 1.0},
        {"width": 0.0},
        {"agent_weight": 0.0, "purchase_weight": 0.0},
        {"patience": 0},
    ],
)
def test_hyperparameters_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        Hyperparameters(**wrong)


def test_a_scorer_needs_no_torch() -> None:
    import subprocess
    import sys

    code = "import sys, phantom_core.models.multitask.description; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert NetworkScorer.__module__ == "phantom_core.models.multitask.scorer"
