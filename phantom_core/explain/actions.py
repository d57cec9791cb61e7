"""Actions: what a shopper could have done differently, as changes to the events of a session.

Events change, not features: a session with longer waits has another velocity, duration and number
of events in five minutes, all of one possible session. Who the shopper is (user agent, hour of
day), what the shop asked (prices) and what is bought (carts, purchases) stay as they are.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from phantom_core.features.catalogue import FILTERS_AND_SORTS, HOVERS, ITEM_VIEWS
from phantom_core.features.online.session import Event
from phantom_core.features.terms import EventKind

Events = tuple[Event, ...]
# Wait before an event that is added to a session without waits.
LONE_WAIT_MS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Action:
    """One way to behave differently, at rising amounts.

    Attributes:
        name: in results.
        says: what is different, with {amount}.
        amounts: from the least change to the greatest.
        change: gives the events after the change; the same object where it does not apply.
    """

    name: str
    says: str
    amounts: tuple[float, ...]
    change: Callable[[Events, float], Events]


def _slow_down(events: Events, factor: float) -> Events:
    """Every wait a multiple of what it was."""
    start = events[0].event_ms
    if events[-1].event_ms == start:
        return events
    return tuple(
        replace(event, event_ms=start + round((event.event_ms - start) * factor))
        for event in events
    )


def _vary_waits(events: Events, share: float) -> Events:
    """Every second event later, by a share of the wait that follows it."""
    moved = list(events)
    for at in range(1, len(events) - 1, 2):
        wait_ms = events[at + 1].event_ms - events[at].event_ms
        moved[at] = replace(events[at], event_ms=events[at].event_ms + round(share * wait_ms))
    return events if tuple(moved) == events else tuple(moved)


def _add(kind: EventKind, default: str | None) -> Callable[[Events, float], Events]:
    """More events of a kind, each in the middle of the longest wait so far.

    A new event repeats the newest one of its kind; without one it has the default name and no
    product or price, and where there is no default the session stays as it is.
    """

    def change(events: Events, amount: float) -> Events:
        model = next((event for event in reversed(events) if event.event_name in kind), None)
        if model is None:
            if default is None:
                return events
            model = replace(events[-1], event_name=default, product_id=None, price_seen=None)
        for _ in range(round(amount)):
            events = _insert(events, model)
        return events

    return change


def _insert(events: Events, model: Event) -> Events:
    new_id = min(0, *(event.event_id for event in events)) - 1
    waits = [after.event_ms - before.event_ms for before, after in pairwise(events)]
    if max(waits, default=0) < 2:
        last = events[-1]
        return (*events, replace(model, event_ms=last.event_ms + LONE_WAIT_MS, event_id=new_id))
    at = waits.index(max(waits))
    new = replace(model, event_ms=events[at].event_ms + waits[at] // 2, event_id=new_id)
    return (*events[: at + 1], new, *events[at + 1 :])


# Events are added before waits change, so that a slower session is slower throughout.
ACTIONS: Final = (
    Action("hover", "hovers +{amount:g}", (1, 2, 4, 8), _add(HOVERS, "hover_over_title")),
    Action("view", "item views +{amount:g}", (1, 2, 4, 8), _add(ITEM_VIEWS, None)),
    Action(
        "search", "searches, filters and sorts +{amount:g}", (1, 2, 4),
        _add(FILTERS_AND_SORTS, "search"),
    ),
    Action(
        "vary", "every second wait longer by {amount:.0%} of the next one", (0.25, 0.5, 0.75),
        _vary_waits,
    ),
    Action("slow", "waits ×{amount:g}", (1.25, 1.5, 2, 3, 5), _slow_down),
)  # fmt: skip
