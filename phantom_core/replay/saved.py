"""Saved results: as files and as JSON, where an undefined figure is null."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from phantom_core.core.errors import DataError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Result = TypeVar("Result")


def plain_json(result: "DataclassInstance") -> dict[str, object]:
    """A result as plain values; NaN becomes None."""
    return {name: _plain(value) for name, value in asdict(result).items()}


def to_text(result: "DataclassInstance") -> str:
    """A result as JSON text that keeps NaN apart from null."""
    return json.dumps(asdict(result))


def from_text(adapter: TypeAdapter[Result], text: str, where: str, hint: str) -> Result:
    """Read back what `to_text` wrote.

    Raises:
        DataError: it is not such a result.
    """
    try:
        return adapter.validate_python(json.loads(text))
    except (ValidationError, json.JSONDecodeError):
        raise DataError(f"{where} cannot be read.", hint=hint) from None


def _plain(value: Any) -> object:  # noqa: ANN401 - whatever a dataclass holds
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value
