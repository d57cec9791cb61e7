"""The contract of the ingest service as OpenAPI: request bodies and responses."""

from typing import Any, Final

from phantom_core.events.schema import STORE_MODES
from phantom_core.services.web.limits import LONGEST_ID

Schema = dict[str, Any]
VERSION: Final = "1"
_TEXT: Final[Schema] = {"type": "string"}
_TIME: Final[Schema] = {
    "description": "ISO 8601 in UTC, or a number in s, ms, µs or ns; the server's time where "
    "missing.",
    "type": ["string", "number"],
}
EVENT: Final[Schema] = {
    "type": "object",
    "required": ["sessionId", "eventName"],
    "properties": {
        "sessionId": {**_TEXT, "minLength": 1, "maxLength": LONGEST_ID},
        "eventName": {**_TEXT, "minLength": 1, "examples": ["view_item_page"]},
        "ts": _TIME,
        "page": _TEXT,
        "productId": _TEXT,
        "experimentId": _TEXT,
        "storeMode": {"enum": list(STORE_MODES)},
        "metadata": {"type": "object"},
        "userAgent": _TEXT,
        "eventId": {
            **_TEXT,
            "description": "The client's own id; an event of a session sent again with the same "
            "name and id counts once, a plain counter together with its time.",
        },
    },
}
QUOTE: Final[Schema] = {
    "type": "object",
    "required": ["sessionId", "productId", "price"],
    "properties": {
        "sessionId": {**_TEXT, "minLength": 1, "maxLength": LONGEST_ID},
        "productId": {**_TEXT, "minLength": 1},
        "price": {"type": "number", "minimum": 0},
        "base_price": {"type": "number", "minimum": 0},
        "propensity": {"type": "number", "minimum": 0, "maximum": 1},
        "experimentId": _TEXT,
        "storeMode": {"enum": list(STORE_MODES)},
        "ts": _TIME,
    },
}
_REFUSED_ONE: Final[Schema] = {
    "type": "object",
    "required": ["index", "reason", "detail"],
    "properties": {"index": {"type": "integer"}, "reason": _TEXT, "detail": _TEXT},
}
KEPT: Final[Schema] = {
    "type": "object",
    "required": ["success"],
    "properties": {
        "success": {"type": "boolean"},
        "accepted": {"type": "integer"},
        "refused": {"type": "array", "items": _REFUSED_ONE},
        "corrected": {
            "type": "array",
            "description": "Stored with the server's time, since the client's clock is fast.",
            "items": {
                "type": "object",
                "required": ["index", "detail"],
                "properties": {"index": {"type": "integer"}, "detail": _TEXT},
            },
        },
    },
}
PROBLEM: Final[Schema] = {
    "type": "object",
    "required": ["success", "error"],
    "properties": {
        "success": {"const": False},
        "error": _TEXT,
        "hint": _TEXT,
        "reason": _TEXT,
        "detail": _TEXT,
        "accepted": {"type": "integer"},
        "refused": {"type": "array", "items": _REFUSED_ONE},
        "request_id": _TEXT,
    },
}
DUMP: Final[Schema] = {
    "type": "object",
    "required": ["success", "count", "data"],
    "properties": {
        "success": {"type": "boolean"},
        "count": {"type": "integer"},
        "data": {"type": "array"},
        "truncated": {
            "type": "boolean",
            "description": "Whether the bound left older messages out.",
        },
    },
}
HEALTH: Final[Schema] = {
    "type": "object",
    "required": ["status", "kafka"],
    "properties": {
        "status": {"enum": ["healthy", "degraded"]},
        "kafka": {"type": "boolean", "description": "Whether events can be stored."},
        "storage": {
            "enum": ["connected", "local buffer", "unavailable"],
            "description": "Kafka, the workspace's own buffer, or neither.",
        },
        "pending": {"type": "integer"},
        "problems": {"type": "object", "additionalProperties": _TEXT},
    },
}


def request_body(one: Schema) -> Schema:
    """An OpenAPI request body: one message, an array, or {"events": [...]}."""
    many = {"type": "array", "items": one}
    wrapped = {
        "type": "object",
        "required": ["events"],
        "properties": {"events": many},
    }
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"anyOf": [one, many, wrapped]}}},
        }
    }


def answer_models(good: Schema, *statuses: int) -> dict[int | str, Schema]:
    """OpenAPI responses: 200, and a problem for each other status."""
    problems: dict[int | str, Schema] = {
        status: _answer(PROBLEM, _WHY[status]) for status in statuses
    }
    return {200: _answer(good, "Done."), **problems}


def _answer(schema: Schema, description: str) -> Schema:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


_WHY: Final = {
    400: "No message in the body, no such topic, or not a time.",
    401: "No API key, or a wrong one.",
    403: "From another machine, while no API keys are set.",
    413: "The body, or its batch, is too large.",
    415: "Without keys, a body is JSON and says so; a compressed body is gzip or deflate.",
    422: "No message in the body can be used; the reason says why.",
    429: "Too many events at once; Retry-After says when to send them again.",
    503: "The events may not have been stored; send them again.",
}
