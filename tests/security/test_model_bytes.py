"""Bytes of a model that are right by their hash end no process, and read no other file."""

import random
import subprocess
import sys
from pathlib import Path

import onnx
import onnx.helper
import pytest

from phantom_core.core.errors import DataError
from phantom_core.core.settings import Settings
from phantom_core.model_store.store import StoredModel, file_digest
from phantom_core.models.inference_classifier import QUOTE_TREES
from phantom_core.models.multitask.network_bytes import check_network
from phantom_core.models.saved_classifier import read_classifier
from phantom_core.models.tree_bytes import check_trees
from phantom_core.models.trial_opening import check_opens
from phantom_core.models.ubjson import UbjsonReader
from phantom_core.publishing.models import publish_model, read_model
from phantom_core.services.pricing.models import open_published_network
from phantom_core.valkey.server import connect_server, stop_embedded
from tests.publishing.samples import KEY, KEYS, install_key
from tests.security.pricing_shop import health, price, settings_of, shop, start_afresh
from tests.services.conftest import wait_until
from tests.services.samples import saved_classifier, saved_network

N_MUTATIONS = 400


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, StoredModel, StoredModel]:
    settings = settings_of(tmp_path_factory.mktemp("models"))
    install_key(settings)
    return settings, saved_classifier(settings), saved_network(settings)


@pytest.fixture(scope="module")
def trees(models: tuple[Settings, StoredModel, StoredModel]) -> bytes:
    return models[1].read("model.ubj")


@pytest.fixture(scope="module")
def network(models: tuple[Settings, StoredModel, StoredModel]) -> bytes:
    return models[2].read("model.onnx")


def replaced(model: StoredModel, name: str, content: bytes) -> StoredModel:
    """The model with other bytes under a hash that fits, as an insider would save it."""
    (model.folder / name).write_bytes(content)
    model.manifest.files[name] = file_digest(content)  # type: ignore[index]
    return model


def mutated(content: bytes, rng: random.Random) -> bytes:
    wrong = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        wrong[rng.randrange(len(wrong))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    return bytes(wrong[: rng.randrange(len(wrong))] if rng.random() < 0.1 else wrong)


OPENING = """
import sys
from phantom_core.core.errors import DataError
from phantom_core.models.inference_trees import InferenceTrees
import numpy as np
read = sys.stdin.buffer.read
opened = 0
while length := int.from_bytes(read(8)):
    content = read(length)
    try:
        trees = InferenceTrees(content, "trees")
        trees.margin(np.full(len(trees.names), 1.0, np.float32))
        trees.margin(np.full(len(trees.names), np.nan, np.float32))
        opened += 1
    except (DataError, UnicodeDecodeError):
        pass
print(opened)
"""


def test_no_mutation_of_trees_ends_the_process_that_opens_it(trees: bytes) -> None:
    rng = random.Random(20_261)
    contents = [trees, *(mutated(trees, rng) for _ in range(N_MUTATIONS))]
    stream = b"".join(len(one).to_bytes(8) + one for one in contents) + bytes(8)
    done = subprocess.run(
        [sys.executable, "-c", OPENING], input=stream, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    assert int(done.stdout) >= 1  # the true one, and those whose change does no harm


CHANGES = {
    "a child outside": ("left_children", 1 << 20),
    "a split over no feature": ("split_indices", 1 << 20),
    "a parent of itself": ("parents", 1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_index_that_points_outside_is_refused(trees: bytes, change: str) -> None:
    name, value = CHANGES[change]
    at = trees.index(name.encode()) + len(name)
    typed = trees.index(b"[$l#L", at) + 5 + 8
    wrong = trees[:typed] + value.to_bytes(4) + trees[typed + 4 :]
    assert len(wrong) == len(trees)
    with pytest.raises(DataError, match="whose nodes are no tree over its features"):
        check_trees(wrong, "model.ubj")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b"{L" + (1 << 62).to_bytes(8),
        b"[$L#L" + (1 << 60).to_bytes(8),
        b"[#L" + (1 << 60).to_bytes(8),
        b"S" + b"i" + (255).to_bytes(1),
        b"x" * 64,
    ],
)
def test_hostile_ubjson_is_refused_at_once(content: bytes) -> None:
    with pytest.raises(DataError, match="is damaged at byte"):
        UbjsonReader(content, "model.ubj").read()


def test_trees_of_a_training_are_accepted(trees: bytes) -> None:
    check_trees(trees, "model.ubj")


def with_external_weights(network: bytes) -> bytes:
    model = onnx.load_model_from_string(network)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", "secret.bin"), ("offset", "0"), ("length", "64")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return model.SerializeToString()


def with_constant_outside(network: bytes) -> bytes:
    model = onnx.load_model_from_string(network)
    tensor = next(node for node in model.graph.node if node.op_type == "Constant").attribute[0].t
    tensor.external_data.add().key = "location"
    return model.SerializeToString()


def with_node(network: bytes, operator: str, domain: str = "") -> bytes:
    model = onnx.load_model_from_string(network)
    model.graph.node.append(onnx.helper.make_node(operator, [], ["odd"], domain=domain))
    if domain:
        model.opset_import.append(onnx.helper.make_opsetid(domain, 1))
    return model.SerializeToString()


def with_subgraph(network: bytes) -> bytes:
    model = onnx.load_model_from_string(network)
    inner = onnx.helper.make_node("LoadFile", [], ["x"], domain="evil")
    graph = onnx.helper.make_graph([inner], "inner", [], [])
    model.graph.node[0].attribute.append(onnx.helper.make_attribute("body", graph))
    return model.SerializeToString()


def with_function(network: bytes) -> bytes:
    model = onnx.load_model_from_string(network)
    model.functions.add().name = "odd"
    return model.SerializeToString()


HOSTILE = {
    "weights in a file beside it": (with_external_weights, "weights in another file"),
    "a constant in a file beside it": (with_constant_outside, "weights in another file"),
    "an operator of its own": (
        lambda content: with_node(content, "Evil", "evil.test"),
        "not standard",
    ),
    "a loop": (lambda content: with_node(content, "Loop"), "the operator 'Loop'"),
    "an operator inside a graph inside": (with_subgraph, "not standard"),
    "a function": (with_function, "functions of its own"),
    "nothing": (lambda _: b"", "no graph"),
    "half of it": (lambda content: content[: len(content) // 2], "PHANTOM saved"),
    "text": (lambda _: b"not a network at all", "PHANTOM saved"),
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_network_with_more_than_weights_and_standard_operators_is_refused(
    network: bytes, hostile: str
) -> None:
    make, why = HOSTILE[hostile]
    check_network(network, "model.onnx")
    with pytest.raises(DataError, match=why):
        check_network(make(network), "model.onnx")


def test_the_app_opens_no_trees_that_it_did_not_check(
    models: tuple[Settings, StoredModel, StoredModel], trees: bytes, tmp_path: Path
) -> None:
    own = saved_classifier(Settings(workspace=tmp_path))
    wrong = trees.replace(b"num_nodes", b"num_nodeX", 1)
    with pytest.raises(DataError, match="is not a file of boosted trees"):
        read_classifier(replaced(own, "model.ubj", wrong))


def test_external_weights_are_refused_on_the_way_to_prices(
    models: tuple[Settings, StoredModel, StoredModel], network: bytes, tmp_path: Path
) -> None:
    settings = models[0]
    hostile = replaced(
        saved_network(Settings(workspace=tmp_path)), "model.onnx", with_external_weights(network)
    )
    try:
        with connect_server(settings) as client:
            publish_model(client, KEY, "multitask", hostile, now_ms=1)
            published = read_model(client, KEYS, "multitask")
        assert published
        with pytest.raises(DataError, match="weights in another file"):
            open_published_network(published)
        with pytest.raises(DataError, match="weights in another file"):
            check_opens(published, tmp_path / "known")
        assert not (tmp_path / "known").exists()
    finally:
        stop_embedded(settings)


def test_a_process_that_dies_while_it_opens_a_model_is_a_reason_in_words(
    models: tuple[Settings, StoredModel, StoredModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The child has a limit of time; whatever ends it, the parent goes on with a sentence."""
    settings, classifier, _ = models
    try:
        with connect_server(settings) as client:
            publish_model(client, KEY, "classifier", classifier, now_ms=1)
            published = read_model(client, KEYS, "classifier")
        assert published
        check_opens(published, tmp_path / "known")
        assert len(list((tmp_path / "known").iterdir())) == 1
        # A module of this name in the child's path dies in the way of the C library.
        (tmp_path / "onnxruntime.py").write_text("import os; os.abort()")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        with pytest.raises(
            DataError, match=r"ended the process that tried to open it \(signal 6\)"
        ):
            check_opens(published, tmp_path / "fresh")
    finally:
        stop_embedded(settings)


def test_the_service_starts_and_prices_in_spite_of_signed_but_bad_bytes(
    models: tuple[Settings, StoredModel, StoredModel], trees: bytes, tmp_path: Path
) -> None:
    settings, classifier, _ = models
    bad = replaced(
        saved_classifier(Settings(workspace=tmp_path), "trees-9"), QUOTE_TREES, trees[:-400]
    )
    try:
        with connect_server(settings) as client:
            start_afresh(settings, client)
            publish_model(client, KEY, "classifier", classifier, now_ms=1)
            with shop(settings) as prices:
                assert prices.get("/models").json()["models"][0]["version"] == "trees-1"
                publish_model(client, KEY, "classifier", bad, now_ms=2)
                wait_until(lambda: "classifier" in health(prices)["problems"], 20.0)
                assert prices.get("/models").json()["models"][0]["version"] == "trees-1"
                assert price(prices) == 120.0
            with shop(settings) as prices:
                assert "classifier" in health(prices)["problems"]
                assert prices.get("/models").json()["models"][0]["version"] == "trees-1"
                assert price(prices) == 120.0
    finally:
        stop_embedded(settings)
