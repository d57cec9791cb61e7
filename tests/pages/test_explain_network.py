"""Explain, the network: which answer, what it relies on, one offer, two trainings."""

import shutil
from pathlib import Path

import pytest

from phantom_core.core.settings import Settings
from phantom_core.explain.saved import read_saved
from phantom_core.jobs.jobs import Jobs
from phantom_core.lake.lake import Lake
from phantom_core.model_store.store import ModelStore
from phantom_core.use_cases.explanations.explain_network import explain_network
from phantom_core.use_cases.explanations.job_explain import ExplainRequest
from tests.pages.conftest import Open, texts, wait_for_jobs

pytestmark = pytest.mark.slow

PURCHASE, AGENT = ({"explained": f"Network: {name}"} for name in ("purchase", "agent"))


@pytest.fixture(scope="module")
def explained(networked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of which a few offers were explained; never written to."""
    workspace = shutil.copytree(networked, tmp_path_factory.mktemp("explained") / "workspace")
    explain_network(Settings(workspace=workspace), Lake(workspace / "lake"), n_offers=40)
    return workspace


def first_offer(workspace: Path) -> tuple[str, str]:
    model = ModelStore(workspace, "multitask").open()
    row = read_saved(model, "purchase").points.slice(0, 1).to_pylist()[0]
    return str(row["session_id"]), str(row["product_id"])


def test_without_a_network_the_page_says_where_to_get_one(trained: Path, open_page: Open) -> None:
    assert "A network is required" in texts(open_page(trained, "explain", **PURCHASE))


def test_an_explanation_of_the_network_is_one_click_away(
    networked: Path, tmp_path: Path, open_page: Open
) -> None:
    own = shutil.copytree(networked, tmp_path / "own")
    page = open_page(own, "explain", **AGENT)
    page.button(key="explain_model").click().run()
    started = Jobs(Settings(workspace=own)).latest("explain")[0]
    assert started.request_as(ExplainRequest).model_kind == "multitask"
    Jobs(Settings(workspace=own)).cancel(started.job_id)
    wait_for_jobs(own)


@pytest.mark.parametrize(
    ("answer", "said"),
    [(PURCHASE, "towards a purchase"), (AGENT, "product and price are not inputs")],
)
def test_both_answers_have_all_charts(
    explained: Path, open_page: Open, answer: dict[str, str], said: str
) -> None:
    page = open_page(explained, "explain", **answer)
    assert said in texts(page)
    assert len(page.get("plotly_chart")) == 4
    assert "background of 100 other real offers" in texts(page)
    assert not page.error


def test_columns_of_every_kind_have_a_dependence(explained: Path, open_page: Open) -> None:
    for feature in ("price ratio", "is refundable", "cart adds"):
        page = open_page(explained, "explain", network_feature=feature, **PURCHASE)
        assert f"{feature[0].upper()}{feature[1:]}: SHAP value" in texts(page)
        assert not page.exception


def test_an_offer_is_taken_apart_and_others_are_one_choice_away(
    explained: Path, open_page: Open
) -> None:
    session, product = first_offer(explained)
    page = open_page(explained, "explain", explain_tab="One session", session=session, **PURCHASE)
    assert "Network output **P(purchase of" in texts(page)
    assert len(page.get("plotly_chart")) == 2
    choice = next((box for box in page.selectbox if box.label == "Product"), None)
    if choice is not None:
        choice.set_value(product).run()
        assert f"P(purchase of {product})" in texts(page)
    assert not page.error


def test_examples_are_offered_and_a_missing_session_is_one_sentence(
    explained: Path, open_page: Open
) -> None:
    page = open_page(explained, "explain", explain_tab="One session", **PURCHASE)
    next(
        button for button in page.button if button.label == "Most likely to be bought"
    ).click().run()
    assert "Network output" in texts(page)
    gone = open_page(explained, "explain", explain_tab="One session", session="nobody", **PURCHASE)
    assert "Session 'nobody' was shown no product" in gone.error[0].value
    assert not gone.exception


def test_one_network_alone_cannot_be_compared(explained: Path, open_page: Open) -> None:
    assert "Only one saved model" in texts(
        open_page(explained, "explain", explain_tab="Stability", **PURCHASE)
    )


def test_two_networks_are_compared_once_both_are_explained(
    explained: Path, tmp_path: Path, open_page: Open
) -> None:
    own = shutil.copytree(explained, tmp_path / "own")
    first = ModelStore(own, "multitask").open()
    version = f"99{first.manifest.version[2:]}"
    twin = shutil.copytree(first.folder, first.folder.parent / version)
    for name in (
        "manifest.json",
        "explained/explanation.json",
        "explained/purchase/explanation.json",
    ):
        (twin / name).write_text((twin / name).read_text().replace(first.manifest.version, version))
    page = open_page(own, "explain", explain_tab="Stability", **PURCHASE)
    assert "Rank correlation of feature importance: 1.00" in texts(page)
    assert len(page.dataframe[0].value) == 40
    assert not page.exception
