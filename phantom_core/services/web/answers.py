"""Answers: JSON, and errors as one sentence with a hint."""

from collections.abc import Mapping, MutableMapping
from typing import Any, Final

import orjson
from starlette.responses import Response

from phantom_core.core.errors import BusyError, PhantomError, UnavailableError

RETRY_AFTER_S: Final = 1


class Json(Response):
    """A response in JSON."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """The body."""
        return orjson.dumps(content)


def problem_answer(error: PhantomError, scope: MutableMapping[str, Any]) -> Json:
    """The response to a request that failed."""
    return refusal_answer(
        error.http_status,
        error.message,
        error.hint,
        scope,
        is_passing=isinstance(error, BusyError | UnavailableError),
    )


def refusal_answer(
    status: int,
    message: str,
    hint: str,
    scope: MutableMapping[str, Any],
    *,
    is_passing: bool = False,
    more: Mapping[str, object] | None = None,
) -> Json:
    """A response that says why a request was rejected.

    Args:
        status: HTTP status.
        message: one sentence.
        hint: what to do next; may be empty.
        scope: of the request.
        is_passing: whether the same request may succeed in a moment.
        more: further fields.
    """
    content = {
        "success": False,
        "error": message,
        "hint": hint,
        **(more or {}),
        "request_id": scope.get("state", {}).get("request_id", ""),
    }
    return Json(content, status, {"Retry-After": str(RETRY_AFTER_S)} if is_passing else None)
