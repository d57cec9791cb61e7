"""Verbs about models in use: what there is, and which one is used."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from phantom_core.core.settings import Settings
from phantom_core.publishing.models import published_version
from phantom_core.valkey.server import connect_server
from tests.cli.conftest import opened
from tests.cli.verbs import ANALYST, MANAGER, Phantom


@pytest.fixture(scope="module")
def retrained(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two classifiers, the older in use; tests copy it, and never write."""
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
    used, candidate = shop.json("models")
    found = shop.json("models")
    assert candidate > used
    assert found[used] == "in use, approved for pricing: Trained by hand."
    assert found[candidate] == "saved"
    assert shop.json("models", "multitask") == {}


def test_a_promotion_needs_a_sign_in(shop: Phantom) -> None:
    _, candidate = shop.json("models")
    before = shop.state()
    assert "needs an account" in shop.refusal("promote", "classifier", candidate)
    assert shop.state() == before


def test_a_manager_promotes_and_goes_back_and_services_follow(shop: Phantom) -> None:
    used, candidate = shop.json("models")
    why = ("--why", "It is newer.", "--despite-doubts")
    found = shop.json("promote", "classifier", candidate, *why, who=MANAGER)
    assert (found["state"], found["version"]) == ("approved", candidate)
    assert used in str(found["comparison"])
    assert published(shop) == candidate
    assert shop.json("models")[candidate] == "in use, approved for pricing: It is newer."
    found = shop.json("promotion", "revert", "classifier", "--why", "It was better.", who=MANAGER)
    assert found["version"] == published(shop) == used
    assert shop.json("promotion", "status")["approved"] == used


def test_an_analyst_proposes_and_a_manager_decides(shop: Phantom) -> None:
    used, candidate = shop.json("models")
    why = ("--why", "It is newer.", "--despite-doubts")
    found = shop.json("promote", "classifier", candidate, *why, who=ANALYST)
    assert (found["state"], found["needed"], found["published"]) == ("waiting", 1, "")
    number = str(found["change"])
    (waiting,) = list(shop.json("promotion", "status")["waiting"])  # type: ignore[call-overload]
    assert waiting["version"] == candidate
    assert "own change" in shop.refusal(
        "promotion", "reject", number, "--comment", "No.", who=ANALYST
    ) or "may not" in shop.refusal("promotion", "approve", number, who=ANALYST)
    rejected = shop.json("promotion", "reject", number, "--comment", "Not now.", who=MANAGER)
    assert rejected["state"] == "rejected"
    assert published(shop) == ""
    found = shop.json("promote", "classifier", candidate, *why, who=ANALYST)
    approved = shop.json("promotion", "approve", str(found["change"]), who=MANAGER)
    assert approved["state"] == "approved"
    assert published(shop) == candidate != used


def test_a_policy_is_proposed_approved_and_ended(shop: Phantom) -> None:
    policy = ("promotion", "policy", "classifier")
    found = shop.json(*policy, "--rule", "not_worse", "--why", "Nightly.", who=ANALYST)
    assert found["state"] == "waiting"
    shop.json("promotion", "approve", str(found["change"]), who=MANAGER)
    assert "not worse" in str(shop.json("promotion", "status")["policy"])
    shop.json(*policy, "--end", "--why", "No longer.", who=MANAGER)
    assert shop.json("promotion", "status")["policy"] == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["promote", "forest", "v1"], "There is no kind of model 'forest'."),
        (["promote", "classifier", "v1"], "There is no classifier 'v1'."),
        (["promote", "multitask", "v1"], "There is no multitask 'v1'."),
        (["promote", "classifier", "../classifier"], "There is no classifier '../classifier'."),
        (["promotion", "revert", "classifier", "--why", "x"], "No classifier was approved before"),
        (["promotion", "approve", "99"], "There is no governed change 99."),
    ],
)
def test_wrong_usage_is_one_sentence_and_changes_nothing(
    shop: Phantom, arguments: list[str], sentence: str
) -> None:
    shop.json("promotion", "status")
    assert shop.refusal(*arguments, who=MANAGER).startswith(sentence)
    assert published(shop) == ""
