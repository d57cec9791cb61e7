"""Refusals as the OpenAPI documents of the services describe them."""

from typing import Any, Final, Literal

from pydantic import BaseModel, Field


class UnknownProduct(BaseModel):
    """There is no such product, and what the shop is to do then."""

    success: Literal[False]
    error: str
    hint: str
    price_policy: Literal["refuse", "own_base_price"] = Field(
        description="Sell it not at all, or at the shop's own base price; never at a random one."
    )
    request_id: str


class Refusal(BaseModel):
    """Why a request was rejected, and what to do."""

    success: Literal[False]
    error: str
    hint: str
    request_id: str


KEYED: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": Refusal, "description": "An API key is required."},
    403: {"model": Refusal, "description": "Without keys, only this machine may ask."},
}
UNUSABLE: Final[dict[int | str, dict[str, Any]]] = {
    422: {"model": Refusal, "description": "The request cannot be used."}
}
UNKNOWN: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": UnknownProduct, "description": "No such product."}
}
