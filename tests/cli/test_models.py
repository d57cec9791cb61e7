"""Verbs about models in use: what there is, and which one is used."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from phantom_core.core.settings import Settings
from phantom_core.publishing.models import published_version
from phantom_core.valkey.server import connect_server
from tests.cli.conftest import opened
from tests.cli.verbs import Phantom


@pytest.fixture(scope="module")
def retrained(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two classifiers, the newer in use; tests copy it, and never write."""
    workspace = shutil.copytree(trained, tmp_path_factory.mktemp("retrained") / "shop")
    Phantom(workspace).json("train", "classifier", "--folds", "3", "--seed", "5")
    return workspace


@pytest.fixture
def shop(retrained: Path, tmp_path: Path) -> Iterator[Phantom]:
    yield from opened(shutil.copytree(retrained, tmp_path / "shop"))


def published(phantom: Phantom) -> str:
    with connect_server(Settings(workspace=phantom.workspace, redis_url="")) as client:
        return published_version(client, "classifier")


def test_the_model_in_use_comes_first(shop: Phantom) -> None:
    found = shop.json("models")
    newer, older = found
    assert newer > older
    assert str(found[newer]).startswith("in use")
    assert str(found[older]).startswith("saved")
    assert shop.json("models", "multitask") == {}


def test_a_promotion_goes_back_and_is_handed_to_services(shop: Phantom) -> None:
    newer, older = shop.json("models")
    found = shop.json("promote", "classifier", older, "--why", "It was better.")
    assert (found["in_use"], found["before"], found["why"]) == (older, newer, "It was better.")
    assert published(shop) == older
    assert str(found["published"])
    assert shop.json("models") == {
        older: "in use: It was better.",
        newer: "saved: Trained by hand.",
    }


def test_a_promotion_can_be_kept_from_services(shop: Phantom) -> None:
    newer, older = shop.json("models")
    assert shop.json("promote", "classifier", older, "--no-publish")["published"] == ""
    assert published(shop) == ""
    assert next(iter(shop.json("models"))) == older
    assert shop.json("promote", "classifier", newer, "--no-publish")["why"] == "Chosen by hand."


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["promote", "forest", "v1"], "There is no kind of model 'forest'."),
        (["promote", "classifier", "v1"], "There is no classifier 'v1'."),
        (["promote", "multitask", "v1"], "There is no multitask 'v1'."),
        (["promote", "classifier", "../classifier"], "There is no classifier '../classifier'."),
    ],
)
def test_wrong_usage_is_one_sentence_and_changes_nothing(
    shop: Phantom, arguments: list[str], sentence: str
) -> None:
    before = shop.state()
    assert shop.refusal(*arguments) == sentence
    assert (shop.state(), published(shop)) == (before, "")
