"""A sample shows the rows of a file and the result of a mapping, before anything is loaded."""

import json
from pathlib import Path

import pytest

from phantom_core.core.errors import InputError, MappingError, SourceError
from phantom_core.core.settings import Settings
from phantom_core.events.mapping import Mapping, load_mapping
from phantom_core.lake.lake import open_lake
from phantom_core.use_cases.data.save_mapping import save_mapping
from phantom_core.views.data.sample import foreign_names, preview_mapping, read_sample
from phantom_core.views.data.saved_mappings import saved_mappings
from tests.views.workspaces import NOW_MS

CSV = (
    "visit;at;what;price\nv1;2026-03-01 12:00:00;Cart;9.5\nv1;2026-03-01 "
    "12:00:09;Cart;\nv2;soon;View;1\nv2;2026-03-01 12:01:00;Ping;1\n"
)
MAPPING = Mapping(
    name="m",
    columns={"session_id": "visit", "ts": "at", "event_name": "what"},
    metadata={"price": "price"},
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "export.csv").write_text(CSV)
    return tmp_path / "export.csv"


def test_every_column_is_shown_as_text(path: Path, settings: Settings) -> None:
    sample = read_sample(path, settings)
    assert sample.columns.names == ("visit", "at", "what", "price")
    assert sample.values.slice(1, 1).to_pylist() == [
        {"visit": "v1", "at": "2026-03-01 12:00:09", "what": "Cart", "price": None}
    ]


def test_inner_keys_of_json_are_columns(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": 1, "user": {"visit": "v1"}}) + "\nbroken\n")
    sample = read_sample(tmp_path / "a.jsonl", settings)
    assert sample.values.to_pylist() == [{"id": "1", "user.visit": "v1"}]


def test_shipped_mappings_that_fit_are_named(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "a.csv").write_text(
        "event_time,event_type,product_id,price,brand,category_id,category_code,user_session\n1,view,2,3,b,c,d,s\n"
    )
    assert read_sample(tmp_path / "a.csv", settings).fitting == ("rees46",)


@pytest.mark.parametrize("content", ["", "visit,at,what\n"])
def test_a_file_without_rows_is_reported(tmp_path: Path, settings: Settings, content: str) -> None:
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(SourceError, match=r"empty|no row"):
        read_sample(tmp_path / "a.csv", settings)


def test_foreign_names_come_with_a_meaning(path: Path, settings: Settings) -> None:
    names = foreign_names(read_sample(path, settings), MAPPING)
    assert names[["name", "rows"]].to_numpy().tolist() == [["Cart", 2], ["Ping", 1], ["View", 1]]
    assert names["meaning"].tolist() == ["add_item_to_cart", None, "view_item_page"]
    assert names["is_known"].tolist() == [False, False, True]


def test_a_mapping_decides_what_a_name_means(path: Path, settings: Settings) -> None:
    named = MAPPING.model_copy(update={"event_names": {"Ping": "page_view"}})
    assert foreign_names(read_sample(path, settings), named)["meaning"].tolist()[1] == "page_view"


def test_a_preview_accounts_for_every_row_and_loads_none(path: Path, settings: Settings) -> None:
    named = MAPPING.model_copy(update={"event_names": {"Cart": "add_item_to_cart"}})
    view = preview_mapping(read_sample(path, settings), named, settings, NOW_MS)
    assert (view.n_rows, view.n_accepted, view.reasons) == (
        4,
        2,
        {"bad_timestamp": 1, "unknown_event_name": 1},
    )
    assert view.accepted["event_name"].tolist() == ["add_item_to_cart", "add_item_to_cart"]
    assert view.accepted["price_seen"].tolist()[0] == 9.5
    assert view.rejected["line"].tolist() == [4, 5]
    assert open_lake(settings).version() < 0


def test_quotes_have_a_preview_of_their_own(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "q.csv").write_text("s,t,p,amount\ns1,2026-03-01,p1,9.5\ns1,2026-03-01,p1,-1\n")
    quotes = Mapping(
        name="q",
        kind="quotes",
        columns={"session_id": "s", "ts": "t", "product_id": "p", "price": "amount"},
    )
    view = preview_mapping(read_sample(tmp_path / "q.csv", settings), quotes, settings, NOW_MS)
    assert (view.accepted["price"].tolist(), view.reasons) == ([9.5], {"negative_price": 1})


def test_a_mapping_for_other_columns_is_rejected(path: Path, settings: Settings) -> None:
    with pytest.raises(MappingError, match="no column 'user_session'"):
        preview_mapping(read_sample(path, settings), load_mapping("rees46"), settings, NOW_MS)


def test_saved_mappings_are_found_again(settings: Settings) -> None:
    assert saved_mappings(settings) == {}
    path = save_mapping(settings, MAPPING)
    assert saved_mappings(settings) == {"m": path}
    assert load_mapping(str(path)) == MAPPING


@pytest.mark.parametrize("name", ["", "../evil", "a/b", ".hidden", "x" * 65])
def test_a_name_that_is_no_file_name_is_rejected(settings: Settings, name: str) -> None:
    with pytest.raises(InputError, match="cannot be a mapping's name"):
        save_mapping(settings, MAPPING.model_copy(update={"name": name}))
