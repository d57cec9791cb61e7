"""Products come from the lake, a file or a database, and are read again when they change."""

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from phantom_core.core.errors import InputError, MappingError, UnavailableError
from phantom_core.core.settings import PricingSettings, Settings
from phantom_core.services.pricing import catalogue_cache as pricing_products
from phantom_core.services.pricing.catalogue import read_catalogue
from phantom_core.services.pricing.catalogue_cache import CatalogueCache
from phantom_core.services.pricing.product import PricedProduct
from phantom_core.use_cases.data.ingest import ingest_files
from tests.services.conftest import wait_until

ROWS = [
    {
        "product_id": "room",
        "base_price": 100.0,
        "stock": 3,
        "is_refundable": True,
        "competitor_price": 110,
    },
    {"product_id": "free", "base_price": 0},
    {"product_id": "unpriced"},
    {"product_id": "bad", "base_price": "cheap"},
]
FOUND = {"room": PricedProduct("room", 100.0, 3.0, None, True, 110.0)}


def written(folder: Path, suffix: str) -> Path:
    path = folder / f"catalogue.{suffix}"
    if suffix == "json":
        path.write_text(json.dumps(ROWS))
    elif suffix == "csv":
        path.write_text(
            "product_id,base_price,stock,is_refundable,competitor_price\nroom,100,3,true,110\nfree,0,,,\nunpriced,,,,\nbad,cheap,,,\n"
        )
    else:
        pq.write_table(pa.Table.from_pylist(ROWS[:2]), path)
    return path


@pytest.mark.parametrize("suffix", ["json", "csv", "parquet"])
def test_a_file_gives_what_can_be_priced(tmp_path: Path, suffix: str) -> None:
    assert (
        read_catalogue(
            Settings(
                workspace=tmp_path,
                pricing=PricingSettings(catalogue=str(written(tmp_path, suffix))),
            )
        ).products
        == FOUND
    )


def test_the_lake_gives_what_was_loaded_into_it(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path / "workspace", pricing=PricingSettings(catalogue=""))
    assert read_catalogue(settings).products == {}
    ingest_files(settings, [], now_ms=1_772_366_400_000, catalogue=str(written(tmp_path, "csv")))
    assert read_catalogue(settings).products == FOUND


@pytest.mark.postgres
@pytest.mark.skipif(
    "PHANTOM_TEST_POSTGRES_URL" not in os.environ, reason="PHANTOM_TEST_POSTGRES_URL is not set"
)
def test_a_database_gives_its_table(tmp_path: Path) -> None:
    url = os.environ["PHANTOM_TEST_POSTGRES_URL"]
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE SCHEMA IF NOT EXISTS pricing_test"))
        connection.execute(sa.text("DROP TABLE IF EXISTS pricing_test.catalogue"))
        connection.execute(
            sa.text(
                "CREATE TABLE pricing_test.catalogue (product_id text, base_price numeric, stock "
                "int)"
            )
        )
        connection.execute(sa.text("INSERT INTO pricing_test.catalogue VALUES ('room', 100, 3)"))
    try:
        found = read_catalogue(
            Settings(
                workspace=tmp_path,
                pricing=PricingSettings(catalogue=f"{url}?options=-csearch_path%3Dpricing_test"),
            )
        )
        assert found.products == {"room": PricedProduct("room", 100.0, 3.0)}
    finally:
        with engine.begin() as connection:
            connection.execute(sa.text("DROP SCHEMA pricing_test CASCADE"))
        engine.dispose()


def test_what_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no catalogue"):
        read_catalogue(
            Settings(
                workspace=tmp_path, pricing=PricingSettings(catalogue=str(tmp_path / "nothing.csv"))
            )
        )
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(MappingError, match="No column product_id"):
        read_catalogue(
            Settings(
                workspace=tmp_path, pricing=PricingSettings(catalogue=str(tmp_path / "other.csv"))
            )
        )
    with pytest.raises(UnavailableError, match="PostgreSQL does not answer"):
        read_catalogue(
            Settings(
                workspace=tmp_path,
                pricing=PricingSettings(catalogue="postgresql://nobody@127.0.0.1:1/none"),
            )
        )


def test_a_changed_file_is_read_again_and_a_broken_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pricing_products, "LOOK_EVERY_S", 0.01)
    path = written(tmp_path, "csv")
    shelf = CatalogueCache(
        Settings(workspace=tmp_path, pricing=PricingSettings(catalogue=str(path)))
    )
    path.write_text("product_id,base_price\nroom,120\n")
    wait_until(lambda: shelf.find("room").base_price == 120.0)
    path.write_text("nonsense\n1\n")
    wait_until(lambda: bool(shelf.problem))
    assert shelf.find("room").base_price == 120.0
    shelf.stop()
