"""Base prices and models wait on their pages until another person decides."""

import shutil
from pathlib import Path

import pytest

from phantom_core.accounts.account_actors import Account
from phantom_core.accounts.actors import acting_as
from phantom_core.core.settings import Settings
from phantom_core.lake.lake import open_lake
from phantom_core.model_store.store import ModelStore
from phantom_core.use_cases.data.catalogue import catalogue_status
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.use_cases.models.model_use import model_status, use_model
from tests.approved import ANALYST, MANAGER, sign_in_demo_people
from tests.conftest import NOW_MS
from tests.pages.conftest import Open, enter, texts


def jump(workspace: Path) -> Settings:
    """The analyst loads a price that no load may change on its own."""
    settings = Settings(workspace=workspace)
    sign_in_demo_people(settings)
    with open_lake(settings).connect(("catalogue",)) as connection:
        (product,) = connection.sql("SELECT MIN(product_id) FROM catalogue").fetchall()[0]
    path = workspace.parent / "cheap.csv"
    path.write_text(f"product_id,base_price\n{product},0.05\n")
    with acting_as(Account(ANALYST), settings):
        ingest_files(settings, [], now_ms=NOW_MS + 1, catalogue=str(path))
    return settings


@pytest.mark.usefixtures("open_sources")
def test_base_prices_wait_and_the_manager_approves_them(own: Path, open_page: Open) -> None:
    settings = jump(own)
    (waiting,) = catalogue_status(settings).waiting
    approvals = enter(open_page(own, "approvals"), MANAGER)
    assert "Waiting for a second person: **1 base price**" in texts(approvals)
    own_page = enter(open_page(own, "data", data_tab="Catalogue"), ANALYST)
    assert "Waiting for approval: **1 base price**" in texts(own_page)
    assert not [one for one in own_page.button if one.label == "Approve base prices"]
    page = enter(open_page(own, "data", data_tab="Catalogue"), MANAGER)
    page.button(key=f"prices_approve_{waiting.change_id}").click().run()
    assert not page.exception
    assert "No base price waits for approval." in texts(page)
    assert catalogue_status(settings).waiting == ()


def test_a_candidate_is_proposed_and_the_manager_uses_it(own: Path, open_page: Open) -> None:
    settings = Settings(workspace=own)
    sign_in_demo_people(settings)
    store = ModelStore(own, "classifier")
    used = str(store.in_use())
    candidate = f"{used}-copy"
    shutil.copytree(store.open(used).folder, store.root / candidate)
    manifest = store.root / candidate / "manifest.json"
    manifest.write_text(manifest.read_text().replace(used, candidate))
    address = {"classifier_tab": "Train and versions"}
    page = enter(open_page(own, "classifier", **address), MANAGER)
    assert f"Prices may depend on **{used}**" in texts(page)
    page.text_input(key="use_classifier_why").input("It is newer.")
    page.button(key="use_classifier").click().run()
    assert not page.exception
    assert model_status(settings, "classifier").approved == candidate
    page.text_input(key="revert_classifier_why").input("Odd prices.")
    page.button(key="revert_classifier").click().run()
    assert model_status(settings, "classifier").approved == used
    use_model(settings, ANALYST, "classifier", candidate, why="Again.", now_ms=NOW_MS)
    (waiting,) = model_status(settings, "classifier").waiting
    page = enter(open_page(own, "classifier", **address), MANAGER)
    page.button(key=f"model_approve_{waiting.change.change_id}").click().run()
    assert model_status(settings, "classifier").approved == candidate
