"""Product lists: the catalogue as the list pages of a storefront read it."""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from fastapi import FastAPI, Path, Request
from starlette.responses import Response

from phantom_core.core.errors import NotFoundError, PhantomError
from phantom_core.services.pricing.answer import (
    ProductAnswer,
    ProductsAnswer,
    Refusal,
    UnknownProduct,
)
from phantom_core.services.pricing.product import PricedProduct
from phantom_core.services.pricing.service import Pricing
from phantom_core.services.web.answers import Json, refusal_answer
from phantom_core.services.web.limits import LONGEST_ID

Mode = Literal["hotel", "airline", "shop"]
Policy = Literal["refuse", "own_base_price"]
_KEYED: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": Refusal, "description": "An API key is required."},
    403: {"model": Refusal, "description": "Without keys, only this machine may ask."},
    422: {"model": Refusal, "description": "The request cannot be used."},
}
UNKNOWN: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": UnknownProduct, "description": "No such product."}
}


def add_product_routes(app: FastAPI, pricing: Callable[[], Pricing]) -> None:
    """Add the product lists.

    Args:
        app: the application.
        pricing: returns the running service.
    """

    @app.get(
        "/api/products/type/{type}",
        response_model=ProductsAnswer,
        responses=_KEYED,
        summary="The catalogue",
    )
    async def products(of_type: Annotated[Mode, Path(alias="type")]) -> Json:
        """Every product, each at its base price; a catalogue belongs to one kind of store."""
        found = [_shown(one, of_type) for one in pricing().products()]
        return Json({"success": True, "count": len(found), "products": found})

    @app.get(
        "/api/products/{productId}",
        response_model=ProductAnswer,
        responses={**_KEYED, **UNKNOWN},
        summary="A product",
    )
    async def product(
        product_id: Annotated[str, Path(alias="productId", min_length=1, max_length=LONGEST_ID)],
    ) -> Json:
        return Json(_shown(pricing().product(product_id), ""))


def add_unknown_product(app: FastAPI, policy: Policy) -> None:
    """Say with every unknown product what the shop is to do: a client without an instruction shows
    a price of its own making.
    """

    async def unknown(request: Request, error: Exception) -> Response:
        assert isinstance(error, PhantomError)
        more = {"price_policy": policy}
        return refusal_answer(404, error.message, error.hint, request.scope, more=more)

    app.add_exception_handler(NotFoundError, unknown)


def _shown(product: PricedProduct, of_type: str) -> dict[str, object]:
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
