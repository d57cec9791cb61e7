"""A saved model is whole, or refused in one plain sentence."""

import json
from pathlib import Path

import pytest

from phantom_core.core.errors import ConflictError, DataError, NotFoundError
from phantom_core.model_store.manifest import FORMAT, Manifest
from phantom_core.model_store.store import ModelStore, StoredModel


def manifest(version: str) -> Manifest:
    return Manifest(
        FORMAT,
        "classifier",
        version,
        1,
        2,
        "abc",
        "def",
        3,
        ("item_views",),
        {"roc_auc": 0.9},
        {"xgboost": "3"},
        {},
    )


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path, "classifier")


@pytest.fixture
def saved(store: ModelStore) -> StoredModel:
    model = store.save(manifest("v1"), {"model.ubj": b"trees", "card.md": b"# Card"})
    store.promote("v1", now_ms=1, why="The first.")
    return model


def edit_manifest(saved: StoredModel, **changes: object) -> None:
    path = saved.folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_what_is_saved_comes_back_under_its_name_and_is_used_once_it_is_promoted(
    store: ModelStore, saved: StoredModel
) -> None:
    store.save(manifest("v2"), {"model.ubj": b"more trees"})
    assert store.versions() == ("v1", "v2")
    assert store.open() == saved
    store.promote("v2", now_ms=2, why="Better.")
    assert store.open().manifest.version == "v2"
    assert store.open("v1").read("model.ubj") == b"trees"


def test_what_is_used_moves_back_too_and_every_move_is_written_down(
    store: ModelStore, saved: StoredModel
) -> None:
    store.save(manifest("v2"), {"model.ubj": b"more trees"})
    store.promote("v2", now_ms=2, why="Better.")
    store.promote("v1", now_ms=3, why="It was not.")
    assert store.in_use() == "v1"
    assert store.choices() == ("v1", "v2")
    assert [
        (move.before, move.version, move.promoted_ms, move.why) for move in store.promotions()
    ] == [
        ("", "v1", 1, "The first."),
        ("v1", "v2", 2, "Better."),
        ("v2", "v1", 3, "It was not."),
    ]


def test_what_does_not_exist_is_not_promoted(store: ModelStore, saved: StoredModel) -> None:
    with pytest.raises(NotFoundError, match="no classifier 'v9'"):
        store.promote("v9", now_ms=2, why="A slip.")
    assert (store.in_use(), len(store.promotions())) == ("v1", 1)


def test_a_torn_line_of_the_history_hides_no_other(store: ModelStore, saved: StoredModel) -> None:
    with (store.root / "promotions.jsonl").open("ab") as file:
        file.write(b'{"version": "v')
    assert [move.version for move in store.promotions()] == ["v1"]


def test_the_manifest_holds_the_sha256_of_every_file(saved: StoredModel) -> None:
    on_disk = {path.name for path in saved.folder.iterdir()} - {"manifest.json"}
    assert set(saved.manifest.files) == on_disk
    assert (
        saved.manifest.files["card.md"]
        == "f7f8cb045d68630482ef4456daa45d8a8aeedb13588a90dd413c509ba4de3358"
    )


def test_an_empty_workspace_says_how_to_train(store: ModelStore) -> None:
    assert store.versions() == ()
    with pytest.raises(NotFoundError, match="No classifier has been trained") as refusal:
        store.open()
    assert "train classifier" in refusal.value.hint


@pytest.mark.parametrize("version", ["v9", "../classifier/v1", ".saving-x", "latest"])
def test_an_unknown_version_is_refused_with_those_there_are(
    store: ModelStore, saved: StoredModel, version: str
) -> None:
    with pytest.raises(NotFoundError, match="There is no classifier") as refusal:
        store.open(version)
    assert "v1" in refusal.value.hint


def test_a_changed_file_is_refused(store: ModelStore, saved: StoredModel) -> None:
    (saved.folder / "model.ubj").write_bytes(b"treeS")
    with pytest.raises(DataError, match=r"model\.ubj of model v1 is not the file that was saved"):
        store.open().read("model.ubj")


def test_a_missing_file_is_refused(store: ModelStore, saved: StoredModel) -> None:
    (saved.folder / "model.ubj").unlink()
    with pytest.raises(DataError, match=r"Model v1 has no file model\.ubj"):
        store.open().read("model.ubj")


def test_a_file_that_was_not_saved_with_the_model_is_not_read(
    store: ModelStore, saved: StoredModel
) -> None:
    (saved.folder / "other.json").write_bytes(b"{}")
    with pytest.raises(DataError, match=r"no file other\.json"):
        store.open().read("other.json")


def test_a_newer_format_is_refused_by_its_number(store: ModelStore, saved: StoredModel) -> None:
    edit_manifest(saved, format=FORMAT + 1, files="elsewhere")
    with pytest.raises(DataError, match=f"format {FORMAT + 1} by a newer PHANTOM"):
        store.open()


def test_a_model_of_another_kind_is_refused(store: ModelStore, saved: StoredModel) -> None:
    edit_manifest(saved, kind="multitask")
    with pytest.raises(DataError, match="holds a model of kind 'multitask'"):
        store.open()


@pytest.mark.parametrize("text", ["", "not json", "[]", '{"model": "somebody else\'s"}'])
def test_a_foreign_manifest_is_refused(store: ModelStore, saved: StoredModel, text: str) -> None:
    (saved.folder / "manifest.json").write_text(text)
    with pytest.raises(DataError, match="not a model that PHANTOM saved"):
        store.open()


def test_a_manifest_with_a_hole_is_refused_by_name(store: ModelStore, saved: StoredModel) -> None:
    edit_manifest(saved, lake_version="many")
    with pytest.raises(DataError, match="no valid lake_version"):
        store.open()


def test_a_name_is_never_given_twice_and_the_first_model_stays(
    store: ModelStore, saved: StoredModel
) -> None:
    with pytest.raises(ConflictError, match="already a classifier 'v1'"):
        store.save(manifest("v1"), {"model.ubj": b"others"})
    assert store.open().read("model.ubj") == b"trees"
    assert [path.name for path in store.root.iterdir() if path.name.startswith(".")] == []


def test_a_save_that_was_killed_is_not_a_model(store: ModelStore, saved: StoredModel) -> None:
    half = store.root / ".saving-x"
    half.mkdir()
    (half / "manifest.json").write_bytes(saved.manifest.to_json())
    assert store.versions() == ("v1",)


def test_a_latest_that_is_not_text_is_refused(tmp_path: Path) -> None:
    store = ModelStore(tmp_path, "classifier")
    store.root.mkdir(parents=True)
    (store.root / "latest").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="is not text"):
        store.latest()
