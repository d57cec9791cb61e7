"""Ledger: what the services promised, compared with what is in the lake afterwards."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from phantom_core.lake.lake import Lake
from phantom_core.services.soak.shop import MARK, Answered, Sent, SoakShop

# A killed process loses the decisions it had not written yet (messages/decision_log.py).
UNWRITTEN_S: Final = 0.1
_HALF_A_CENT: Final = 0.005


@dataclass(frozen=True, slots=True)
class Messages:
    """Messages of one topic.

    Attributes:
        acknowledged: acknowledgements.
        in_lake: acknowledged messages in the lake.
        repeated: acknowledgements of messages that had been acknowledged before.
        quarantined: acknowledged messages in quarantine, and not in the lake.
        missing: acknowledged messages that are nowhere.
        twice: messages that are in the lake more than once.
        unacknowledged: messages without an acknowledgement, and how many of them are in the lake
            all the same.
        unacknowledged_in_lake: see there.
        delivered_again: messages that the worker read again, and the lake knew.
    """

    acknowledged: int
    in_lake: int
    repeated: int
    quarantined: int
    missing: int
    twice: int
    unacknowledged: int
    unacknowledged_in_lake: int
    delivered_again: int

    @property
    def is_balanced(self) -> bool:
        """Whether each acknowledged message is somewhere, and none is twice in the lake."""
        found = self.in_lake + self.repeated + self.quarantined
        return self.acknowledged == found and not self.missing and not self.twice


@dataclass(frozen=True, slots=True)
class Decisions:
    """Price decisions.

    Attributes:
        answered: prices that shoppers got.
        in_lake: of those, decisions in the lake.
        lost_with_process: of those, answered by a process within a tenth of a second of its kill,
            and not in the lake.
        missing: of those, the others that are not in the lake.
        twice: decisions that are in the lake more than once.
        different: decisions whose price in the lake is not the answered one.
        unanswered_in_lake: decisions that no shopper received.
        outside_guard_rails: prices outside the guard rails.
        no_price: requests without a price.
    """

    answered: int
    in_lake: int
    lost_with_process: int
    missing: int
    twice: int
    different: int
    unanswered_in_lake: int
    outside_guard_rails: int
    no_price: int

    @property
    def is_balanced(self) -> bool:
        """Whether the lake holds every answered price as it was answered, once."""
        return not (self.missing or self.twice or self.different or self.outside_guard_rails)


@dataclass(frozen=True, slots=True)
class Ledger:
    """The whole ledger."""

    events: Messages
    quotes: Messages
    decisions: Decisions

    @property
    def is_balanced(self) -> bool:
        """Whether everything promised was done."""
        return self.events.is_balanced and self.quotes.is_balanced and self.decisions.is_balanced


def read_ledger(lake: Lake, shop: SoakShop, pricing_killed_s: tuple[float, ...]) -> Ledger:
    """Compare the promises of a soak with the lake.

    Args:
        lake: written to by the services, which are stopped.
        shop: what was promised.
        pricing_killed_s: monotonic times at which the pricing service was killed.
    """
    quarantined = set(_quarantined(lake))
    return Ledger(
        _messages(lake, "events", shop.events, quarantined),
        _messages(lake, "quotes", shop.quotes, quarantined),
        _decisions(lake, shop, pricing_killed_s),
    )


def _messages(lake: Lake, table: str, sent: Sent, quarantined: set[int]) -> Messages:
    stored = _stored(lake, table)
    known = sent.acknowledged.keys()
    aside = (known & quarantined) - stored.keys()
    return Messages(
        acknowledged=sent.n_acknowledged,
        in_lake=len(known & stored.keys()),
        repeated=sent.n_acknowledged - len(known),
        quarantined=len(aside),
        missing=len(known - stored.keys() - aside),
        twice=sum(n > 1 for n in stored.values()),
        unacknowledged=len(sent.unanswered),
        unacknowledged_in_lake=len(sent.unanswered & stored.keys()),
        delivered_again=_duplicates(lake, table),
    )


def _stored(lake: Lake, table: str) -> Mapping[int, int]:
    with lake.connect((table,)) as connection:
        rows = connection.execute(
            f"SELECT experiment_id, COUNT(*) FROM {table} WHERE experiment_id LIKE '{MARK}%' "
            "GROUP BY experiment_id"
        ).fetchall()
    return {int(name.removeprefix(MARK)): n for name, n in rows}


def _duplicates(lake: Lake, table: str) -> int:
    with lake.connect(("loads",)) as connection:
        [(n_rows,)] = connection.execute(
            "SELECT COALESCE(SUM(duplicates), 0) FROM loads WHERE kind = ? "
            "AND (file LIKE 'buffer:%' OR file LIKE 'kafka:%')",
            [table],
        ).fetchall()
    return int(n_rows)


def _quarantined(lake: Lake) -> Iterator[int]:
    with lake.connect(("quarantine",)) as connection:
        rows = connection.execute(
            "SELECT raw FROM quarantine WHERE raw LIKE ?", [f"%{MARK}%"]
        ).fetchall()
    for (text,) in rows:
        name = str(orjson.loads(text).get("experimentId", ""))
        if name.startswith(MARK):
            yield int(name.removeprefix(MARK))


def _decisions(lake: Lake, shop: SoakShop, killed_s: tuple[float, ...]) -> Decisions:
    with lake.connect(("decisions",)) as connection:
        rows = connection.execute(
            "SELECT decision_id, COUNT(*), ANY_VALUE(price) FROM decisions GROUP BY decision_id"
        ).fetchall()
    stored = {decision: (n, price) for decision, n, price in rows}
    absent = [one for decision, one in shop.prices.items() if decision not in stored]
    n_lost = sum(_is_unwritten(one, killed_s) for one in absent)
    return Decisions(
        answered=len(shop.prices),
        in_lake=len(shop.prices) - len(absent),
        lost_with_process=n_lost,
        missing=len(absent) - n_lost,
        twice=sum(n > 1 for n, _ in stored.values()),
        different=sum(
            abs(stored[decision][1] - one.price) > _HALF_A_CENT
            for decision, one in shop.prices.items()
            if decision in stored
        ),
        unanswered_in_lake=len(stored.keys() - shop.prices.keys()),
        outside_guard_rails=shop.n_outside,
        no_price=shop.n_no_price,
    )


def _is_unwritten(one: Answered, killed_s: tuple[float, ...]) -> bool:
    return any(0.0 <= at_s - one.at_s <= UNWRITTEN_S for at_s in killed_s)
