"""Every relation is the same on Spark and on DuckDB."""

import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phantom_core.events import schema
from phantom_core.features.aggregate import feature_sql
from phantom_core.features.relations import relations
from tests.features.events import event, rounded, table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [
    pytest.mark.slow,
    pytest.mark.spark,
    pytest.mark.filterwarnings("ignore"),
]  # Spark's own warnings are not ours
CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 "
    "Safari/537.36"
)
HEADLESS = CHROME.replace("Chrome/", "HeadlessChrome/")
EVENTS = [
    event(1_735_689_599_000, "page_view", event_id=5, page="/", user_agent=CHROME),
    event(
        1_735_689_599_000,
        "search",
        event_id=-4,
        page="/list",
        user_agent="curl/8.4.0",
        experiment_id="x",
    ),
    event(1_735_689_700_000, "view_item_page", page="/item", product_id="a", price_seen=10.0),
    event(
        1_735_689_900_001, "learn_more_about_item", page="/item", product_id="a", price_seen=12.5
    ),
    event(1_735_689_999_000, "view_item_page", page="/item", product_id="b", price_seen=99.99),
    event(
        1_735_690_000_000, "purchase_complete", product_id="b", price_seen=99.99, amount_paid=199.98
    ),
    event(
        1_735_690_000_001,
        "hover_over_title",
        session_key=-7,
        user_agent=CHROME.replace("Chrome/", "HeadlessChrome/"),
        store_mode="hotel",
    ),
    event(1_735_690_000_002, "sort_change", session_key=8, user_agent=""),
    event(1_735_690_000_002, "filter_for_price", session_key=8, event_id=1),
    event(1_735_690_000_003, "add_item_to_cart", session_key=8, price_seen=5.0),
    event(1_735_699_999_999, "purchase_complete", session_key=8, amount_paid=5.0),
]
ONE_MOMENT = pa.table({"as_of_ms": pa.array([1_735_690_000_500], pa.int64())})
MOMENTS = pa.table(
    {
        "scope_key": pa.array([1, 2, 3, 4], pa.int64()),
        "session_key": pa.array([1, 1, 8, 8], pa.int64()),
        "as_of_ms": pa.array(
            [1_735_689_700_000, 1_735_699_999_999, 1_735_690_000_002, 0], pa.int64()
        ),
    }
)
EXPERIMENTS = pa.Table.from_pylist(
    [{"experiment_id": "x", "xp_human_only": False}], schema=schema.EXPERIMENTS
)
LABELS = pa.Table.from_pylist(
    [{"session_id": "s8", "is_agent": False, "family": "browser"}], schema=schema.SESSION_LABELS
)
# In the order in which they need each other.
RELATIONS = (*relations(), "sessions", "labels")


@pytest.fixture(scope="module")
def spark() -> Generator["SparkSession"]:
    pyspark_sql = pytest.importorskip("pyspark.sql")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    try:
        builder = pyspark_sql.SparkSession.builder.master("local[1]").config(
            "spark.ui.enabled", "false"
        )
        session = (
            builder.config("spark.sql.shuffle.partitions", "1")
            .config("spark.sql.session.timeZone", "UTC")
            .getOrCreate()
        )
    except Exception as error:  # without Java, pyspark raises an error of its own
        pytest.skip(f"Spark does not start: {error}")
    yield session
    session.stop()


@pytest.fixture(scope="module", params=["scope_everything", "scope_one_moment", "scope_moments"])
def engines(
    request: pytest.FixtureRequest, spark: "SparkSession", tmp_path_factory: pytest.TempPathFactory
) -> Generator[tuple["SparkSession", duckdb.DuckDBPyConnection]]:
    """Both engines with the same tables, and every relation as a view over its statement."""
    folder = tmp_path_factory.mktemp("tables")
    scope = MOMENTS if request.param == "scope_moments" else ONE_MOMENT
    tables = {
        "events": table(EVENTS),
        "scope": scope,
        "experiments": EXPERIMENTS,
        "session_labels": LABELS,
    }
    with duckdb.connect() as connection:
        for name, rows in tables.items():
            register(spark, connection, name, rows, folder)
        for name, file in (
            ("scoped_events", request.param),
            *((relation, relation) for relation in RELATIONS),
        ):
            connection.execute(f"CREATE VIEW {name} AS {feature_sql(file)}")
            spark.sql(feature_sql(file)).createOrReplaceTempView(name)
        yield spark, connection


def register(
    spark: "SparkSession",
    connection: duckdb.DuckDBPyConnection,
    name: str,
    rows: pa.Table,
    folder: Path,
) -> None:
    pq.write_table(rows, folder / f"{name}.parquet")
    spark.read.parquet(str(folder / f"{name}.parquet")).createOrReplaceTempView(name)
    connection.register(name, rows)


@pytest.mark.parametrize("relation", ["scoped_events", *RELATIONS])
def test_spark_and_duckdb_agree(
    engines: tuple["SparkSession", duckdb.DuckDBPyConnection], relation: str
) -> None:
    spark, connection = engines
    by_spark = [row.asDict() for row in spark.table(relation).collect()]
    by_duckdb = connection.table(relation).to_arrow_table().to_pylist()
    assert sorted(rounded(by_spark), key=repr) == sorted(rounded(by_duckdb), key=repr)
    assert by_duckdb, "nothing was compared"
