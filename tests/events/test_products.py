"""The catalogue: what is taken, what is refused, and what a missing value does."""

from phantom_core.events.keyed_rows import Named
from phantom_core.events.products import read_products


def read(*rows: dict[str, str | None]) -> tuple[list[dict], list[tuple[int, str, str]]]:
    found = read_products(Named(line, row) for line, row in enumerate(rows, start=1))
    return found.rows.to_pylist(), [(row.line, row.reason, row.detail) for row in found.refused]


def test_names_of_either_kind_are_understood() -> None:
    rows, refused = read(
        {
            "productId": "p1",
            "basePrice": "99.5",
            "inventory": "3",
            "isRefundable": "yes",
            "nAmenities": "4",
            "competitorPrice": "101",
        }
    )
    expected = {
        "product_id": "p1",
        "base_price": 99.5,
        "stock": 3.0,
        "n_amenities": 4.0,
        "is_refundable": True,
        "competitor_price": 101.0,
    }
    assert (rows, refused) == ([expected], [])


def test_what_is_missing_is_null_and_not_zero() -> None:
    rows, _ = read({"product_id": "p1", "base_price": "10"})
    assert rows[0] == {
        "product_id": "p1",
        "base_price": 10.0,
        "stock": None,
        "n_amenities": None,
        "is_refundable": None,
        "competitor_price": None,
    }


def test_rows_that_cannot_be_read_are_refused_with_their_line() -> None:
    rows, refused = read(
        {"product_id": None, "base_price": "10"},
        {"product_id": "p1", "base_price": "ten"},
        {"product_id": "p2", "stock": "-1"},
        {"product_id": "p3", "base_price": "inf"},
        {"product_id": "p4", "is_refundable": "perhaps"},
        {"product_id": "p5"},
    )
    assert [row["product_id"] for row in rows] == ["p5"]
    assert refused == [
        (1, "missing_product_id", ""),
        (2, "bad_number", "base_price ten"),
        (3, "bad_number", "stock -1"),
        (4, "bad_number", "base_price inf"),
        (5, "bad_refundable", "perhaps"),
    ]


def test_the_last_row_of_a_product_wins() -> None:
    found = read_products(
        Named(line, {"product_id": "p1", "base_price": str(line)}) for line in (1, 2)
    )
    assert (found.rows["base_price"].to_pylist(), found.n_repeated) == ([2.0], 1)
