"""Product lists: the catalogue as the list pages of a storefront read it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Literal, Protocol

from fastapi import FastAPI, Path, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from phantom_core.core.errors import NotFoundError, PhantomError
from phantom_core.services.web.answers import Json, refusal_answer
from phantom_core.services.web.limits import LONGEST_ID
from phantom_core.services.web.refusal import KEYED, UNKNOWN, UNUSABLE

Mode = Literal["hotel", "airline", "shop"]
Policy = Literal["refuse", "own_base_price"]


class ListedProduct(Protocol):
    """What a list says of a product."""

    @property
    def product_id(self) -> str:
        """As requests name it."""

    @property
    def base_price(self) -> float:
        """Currency, above 0."""

    @property
    def stock(self) -> float | None:
        """Units; None where unknown."""

    @property
    def n_amenities(self) -> float | None:
        """Count; None where unknown."""

    @property
    def is_refundable(self) -> bool | None:
        """None where unknown."""


class Catalogue(Protocol):
    """Where products are looked up; both may take their time."""

    def all(self) -> Sequence[ListedProduct]:
        """Every product."""

    def find(self, product_id: str) -> ListedProduct:
        """Raises NotFoundError where there is no such product."""


class ProductAnswer(BaseModel):
    """A product of the catalogue."""

    id: str
    productId: str  # noqa: N815 - the contract's name
    type: str = Field(description="As the list was asked for; empty where a product was.")
    base_price: float
    price: float = Field(description="The base price; /api/{type}/price/{id} has a session's.")
    stock: float | None
    n_amenities: float | None
    is_refundable: bool | None


class ProductsAnswer(BaseModel):
    """Products of the catalogue."""

    success: Literal[True]
    count: int
    products: list[ProductAnswer]


def add_product_routes(app: FastAPI, catalogue: Callable[[], Catalogue], policy: Policy) -> None:
    """Add the product lists, and tell the shop what to do with an unknown product.

    Args:
        app: the application.
        catalogue: returns the products of the running service.
        policy: for unknown products.
    """
    _add_unknown_product(app, policy)

    @app.get(
        "/api/products/type/{type}",
        response_model=ProductsAnswer,
        responses={**KEYED, **UNUSABLE},
        summary="The catalogue",
    )
    async def products(of_type: Annotated[Mode, Path(alias="type")]) -> Json:
        """Every product, each at its base price; a catalogue belongs to one kind of store."""
        found = [_shown(one, of_type) for one in await asyncio.to_thread(catalogue().all)]
        return Json({"success": True, "count": len(found), "products": found})

    @app.get(
        "/api/products/{productId}",
        response_model=ProductAnswer,
        responses={**KEYED, **UNUSABLE, **UNKNOWN},
        summary="A product",
    )
    async def product(
        product_id: Annotated[str, Path(alias="productId", min_length=1, max_length=LONGEST_ID)],
    ) -> Json:
        return Json(_shown(await asyncio.to_thread(catalogue().find, product_id), ""))


def _add_unknown_product(app: FastAPI, policy: Policy) -> None:
    """Say with every unknown product what the shop is to do: a client without an instruction shows
    a price of its own making.
    """

    async def unknown(request: Request, error: Exception) -> Response:
        assert isinstance(error, PhantomError)
        more = {"price_policy": policy}
        return refusal_answer(404, error.message, error.hint, request.scope, more=more)

    app.add_exception_handler(NotFoundError, unknown)


def _shown(product: ListedProduct, of_type: str) -> dict[str, object]:
    return {
        "id": product.product_id,
        "productId": product.product_id,
        "type": of_type,
        "base_price": product.base_price,
        "price": product.base_price,
        "stock": product.stock,
        "n_amenities": product.n_amenities,
        "is_refundable": product.is_refundable,
    }
