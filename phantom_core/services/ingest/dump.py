"""The dump: what a topic holds, the newest messages of it, or those of a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import orjson

from phantom_core.core.errors import InputError
from phantom_core.core.settings import Settings
from phantom_core.events.canonical import FIELD_NAMES
from phantom_core.events.text_rows import is_nested_deep
from phantom_core.messages import kafka, local
from phantom_core.messages.topic import KINDS

MOST_DUMPED: Final = 50_000
# Numbers as times: below the first they count s, below the second ms, below the third µs, else ns.
_UNITS: Final = ((1e11, 1_000.0), (1e14, 1.0), (1e17, 1e-3), (float("inf"), 1e-6))


@dataclass(frozen=True, slots=True)
class Dump:
    """Messages of a topic.

    Attributes:
        messages: JSON documents, or text where one is none; in ascending order.
        is_truncated: whether the bound left older ones out.
    """

    messages: Sequence[object]
    is_truncated: bool


def read_dump(
    settings: Settings, topic: str, last_n: int | None, t_start: str = "", t_end: str = ""
) -> Dump:
    """Read messages of a topic.

    Args:
        settings: broker or workspace.
        topic: one of KINDS.
        last_n: the newest so many; None, 0 or less for all.
        t_start: only messages from this time on, ISO 8601 or a number; empty for no bound.
        t_end: only those up to this time.
    Raises:
        InputError: no such topic, or not a time.
        UnavailableError: the broker does not answer.
    """
    if topic not in KINDS:
        raise InputError(f"There is no topic '{topic}'.", hint=f"There are {' and '.join(KINDS)}.")
    first_ms = _wanted_ms(t_start) if t_start else None
    last_ms = _wanted_ms(t_end) if t_end else None
    most = last_n if last_n is not None and last_n > 0 else MOST_DUMPED
    is_filtered = first_ms is not None or last_ms is not None
    n_read = MOST_DUMPED + 1 if is_filtered else min(most, MOST_DUMPED) + 1
    read = [_shown(message) for message in _last_messages(settings, topic, n_read)]
    is_cut = len(read) > MOST_DUMPED
    found = read[1:] if is_cut else read
    if is_filtered:
        found = [one for one in found if _is_within(_time_ms(one), first_ms, last_ms)]
    return Dump(found[-most:], is_cut and (is_filtered or most >= MOST_DUMPED))


def _last_messages(settings: Settings, topic: str, most: int) -> list[bytes]:
    if settings.kafka.bootstrap:
        return kafka.last_messages(settings.kafka.bootstrap, settings.kafka.options, topic, most)
    return local.last_messages(local.open_inbox(settings.workspace), topic, most)


def _shown(message: bytes) -> object:
    """A message as a JSON document, or as text where it is none or too deep to be written again:
    others write to Kafka too.
    """
    text = message.decode("utf-8", "replace")
    try:
        return text if is_nested_deep(text) else orjson.loads(message)
    except orjson.JSONDecodeError:
        return text


def _wanted_ms(text: str) -> float:
    found = time_ms(text)
    if found is None:
        raise InputError(
            f"'{text[:80]}' is not a time.", hint="Send ISO 8601, or a number of milliseconds."
        )
    return found


def _time_ms(message: object) -> float | None:
    if not isinstance(message, dict):
        return None
    given = (message.get(name) for name in FIELD_NAMES["ts"])
    return next((found for one in given if (found := time_ms(one)) is not None), None)


def time_ms(value: object) -> float | None:
    """A time of a message as UTC milliseconds; None for none.

    >>> time_ms("1970-01-01T00:00:01Z"), time_ms(1_772_359_200), time_ms("1772359200000")
    (1000.0, 1772359200000.0, 1772359200000.0)
    """
    if isinstance(value, bool):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return _iso_ms(value)
    return next((number * factor for limit, factor in _UNITS if abs(number) < limit), None)


def _iso_ms(value: object) -> float | None:
    try:
        moment = datetime.fromisoformat(str(value).strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000


def _is_within(time: float | None, first_ms: float | None, last_ms: float | None) -> bool:
    return time is not None and (
        (first_ms is None or time >= first_ms) and (last_ms is None or time <= last_ms)
    )
