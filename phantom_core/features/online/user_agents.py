"""User agents: their kind by the SQL, looked up once per name."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

import duckdb

from phantom_core.features.aggregate import feature_sql

Kind = tuple[bool | str | None, ...]
MOST_KNOWN: Final = 10_000


class UserAgents:
    """Cache of the kinds of user agents; the least recently used ones are evicted.

    Args:
        most_known: size of the cache.
    """

    def __init__(self, most_known: int = MOST_KNOWN) -> None:
        self._known: OrderedDict[str, Kind] = OrderedDict()
        self._most_known = most_known
        self._connection = duckdb.connect(config={"threads": 1})
        self._connection.execute("CREATE TABLE looked_up (scope_key BIGINT, user_agent VARCHAR)")
        self._connection.execute(
            "CREATE VIEW scoped_events AS "
            "SELECT *, 0 AS event_ms, 0 AS event_seq, 0 AS event_id FROM looked_up"
        )

    def learn(self, user_agents: Iterable[str | None]) -> None:
        """Look up many at once, at about the cost of one; blank ones have no kind."""
        new = list(dict.fromkeys(name for name in user_agents if name and name not in self._known))
        if not new:
            return
        self._connection.execute("TRUNCATE looked_up")
        self._connection.execute(
            "INSERT INTO looked_up SELECT unnest(?::BIGINT[]), unnest(?::VARCHAR[])",
            [list(range(len(new))), new],
        )
        for at, *kind in self._connection.execute(feature_sql("user_agent")).fetchall():
            self._known[new[at]] = tuple(kind)
        while len(self._known) > max(self._most_known, len(new)):
            self._known.popitem(last=False)

    def kind(self, user_agent: str) -> Kind:
        """Kind of a user agent that is not blank, in the order of `relations.AGENT_MEASURES`."""
        if user_agent not in self._known:
            self.learn([user_agent])
        self._known.move_to_end(user_agent)
        return self._known[user_agent]
