"""Weak rules: signs by which a session without a label is probably an agent's, or a human's.

Each votes for one class or abstains. Limits are set here from what devices and hands can do, with
the demo set's families in view, and not fitted to labels; how often each rule is right is learned
by `label_model`. A rule whose sign a shop does not record abstains everywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import duckdb
import numpy as np
import pyarrow as pa

from phantom_core.core.arrays import Ints
from phantom_core.features.catalogue import BY_NAME

AGENT: Final = 1
HUMAN: Final = 0
ABSTAIN: Final = -1
Verdict = Literal["agent", "human"]


@dataclass(frozen=True, slots=True)
class WeakRule:
    """One sign.

    Attributes:
        name: as reports and tables call it.
        says: what it votes for.
        title: the sign, in words.
        sql: condition over one row of `evidence`; NULL abstains.
        reads: session features that a classifier could copy the rule from.
    """

    name: str
    says: Verdict
    title: str
    sql: str
    reads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """Votes of rules on sessions.

    Attributes:
        session_key: of each session, ascending, shape (n_sessions,).
        rules: of the columns.
        cast: AGENT, HUMAN or ABSTAIN, shape (n_sessions, n_rules).
    """

    session_key: Ints
    rules: tuple[WeakRule, ...]
    cast: Ints

    @property
    def reads(self) -> tuple[str, ...]:
        """Features that rules with a vote read, in the catalogue's order."""
        voted = (self.cast != ABSTAIN).any(axis=0)
        used = {name for rule, has in zip(self.rules, voted, strict=True) if has
                for name in rule.reads}  # fmt: skip
        return tuple(name for name in BY_NAME if name in used)

    def without(self, names: Sequence[str]) -> "Votes":
        """The votes of the rules with other names."""
        left = [k for k, rule in enumerate(self.rules) if rule.name not in names]
        return Votes(self.session_key, tuple(self.rules[k] for k in left), self.cast[:, left])


_USER_AGENT: Final = ("is_headless_browser", "is_automation_tool", "browser_family")
_HOVER: Final = ("hover_events", "hover_intensity")
_CLOCK: Final = ("avg_time_between_events", "std_time_between_events")
_SPEED: Final = ("min_time_between_events", "interaction_velocity", "max_velocity_5min")
_PRODUCTS: Final = ("item_views", "unique_products_viewed", "product_view_depth")

RULES: Final = (
    WeakRule(
        "declared_tool",
        "agent",
        "The user agent names a tool or a headless browser",
        "is_automation_tool OR is_headless_browser",
        _USER_AGENT,
    ),
    WeakRule(
        "no_user_agent",
        "agent",
        "No user agent, where nine in ten sessions send one",
        "user_agent IS NULL AND user_agents_recorded",
        _USER_AGENT,
    ),
    WeakRule(
        "published_agent",
        "agent",
        "Signed or listed as a known agent by its address",
        "is_published_agent",
    ),
    WeakRule("honeypot", "agent", "Followed a link that people cannot see", "took_honeypot"),
    WeakRule(
        "hand_speed",
        "agent",
        "Three or more pages within 100 ms of the one before",
        "fast_pages >= 3",
        _SPEED,
    ),
    WeakRule(
        "clockwork",
        "agent",
        "Waits vary by less than half their mean, over 8 or more events",
        "total_interactions >= 8 AND std_time_between_events < 0.5 * avg_time_between_events",
        _CLOCK,
    ),
    WeakRule(
        "sequential",
        "agent",
        "Products opened in the order of their numbers, 4 or more steps",
        "product_steps >= 5 AND sequential_steps >= 4 AND sequential_steps >= 0.6 * product_steps",
        _PRODUCTS,
    ),
    WeakRule(
        "no_pointer",
        "agent",
        "A pointer device that never hovers in 20 or more events",
        "has_pointer AND hovers_recorded AND total_interactions >= 20 AND hover_events = 0",
        _HOVER,
    ),
    WeakRule(
        "sweep",
        "agent",
        "15 or more products, none opened twice, nothing put into the cart",
        "unique_products_viewed >= 15 AND product_view_depth = 1 AND cart_adds = 0",
        _PRODUCTS,
    ),
    WeakRule(
        "bursty",
        "human",
        "Waits vary by more than 1.5 times their mean, over 8 or more events",
        "total_interactions >= 8 AND std_time_between_events > 1.5 * avg_time_between_events",
        _CLOCK,
    ),
    WeakRule(
        "hovers",
        "human",
        "One event in five is a hover of a pointer, over 10 or more events",
        "has_pointer AND total_interactions >= 10 AND hover_intensity >= 0.2",
        _HOVER,
    ),
    WeakRule(
        "returns_to_product",
        "human",
        "Opens a product again and buys",
        "purchased AND product_view_depth >= 3",
        (*_PRODUCTS, "purchases"),
    ),
    WeakRule(
        "known_customer", "human", "Signed in, with an order paid before", "is_known_customer"
    ),
    WeakRule("passed_challenge", "human", "Passed a CAPTCHA or a challenge", "passed_challenge"),
)

# Metadata is opened only where a word occurs in it that a rule looks for.
_EVIDENCE: Final = """
CREATE OR REPLACE TEMP TABLE evidence AS
WITH told AS (
    SELECT session_key, TRY_CAST(metadata AS JSON) AS doc
    FROM events
    WHERE regexp_matches(metadata,
        '"(verified_bot|signature_agent|honeypot|orders_before|challenge)"')
),
said AS (
    SELECT
        session_key,
        BOOL_OR(json_extract_string(doc, '$.verified_bot') = 'true'
            OR json_extract_string(doc, '$.signature_agent') <> '') AS is_published_agent,
        BOOL_OR(json_extract_string(doc, '$.honeypot') = 'true') AS took_honeypot,
        BOOL_OR(TRY_CAST(json_extract_string(doc, '$.orders_before') AS INT) > 0)
            AS is_known_customer,
        BOOL_OR(json_extract_string(doc, '$.challenge') = 'passed') AS passed_challenge
    FROM told
    GROUP BY session_key
),
agents AS (
    SELECT session_key, MIN_BY(user_agent, (event_ms, event_seq, event_id)) AS user_agent
    FROM events
    WHERE user_agent <> ''
    GROUP BY session_key
),
pages AS (
    SELECT
        session_key,
        event_ms - LAG(event_ms) OVER (
            PARTITION BY session_key ORDER BY event_ms, event_seq, event_id) AS gap_ms
    FROM events
    WHERE event_name IN ('page_view', 'view_item_page', 'learn_more_about_item')
),
speed AS (
    SELECT session_key, COUNT(*) FILTER (WHERE gap_ms < 100) AS fast_pages
    FROM pages
    GROUP BY session_key
),
opened AS (
    SELECT
        session_key,
        number - LAG(number) OVER (
            PARTITION BY session_key ORDER BY event_ms, event_seq, event_id) AS step
    FROM (
        SELECT *, TRY_CAST(regexp_extract(product_id, '(\\d{1,15})$', 1) AS BIGINT) AS number
        FROM events
        WHERE event_name IN ('view_item_page', 'learn_more_about_item')
    )
    WHERE number IS NOT NULL
),
order_of_products AS (
    SELECT
        session_key,
        COUNT(*) FILTER (WHERE step <> 0) AS product_steps,
        COUNT(*) FILTER (WHERE step BETWEEN 1 AND 2) AS sequential_steps
    FROM opened
    GROUP BY session_key
),
shop AS (
    SELECT
        AVG(CASE WHEN a.session_key IS NULL THEN 0.0 ELSE 1.0 END) >= 0.9 AS user_agents_recorded,
        AVG(CASE WHEN m.hover_events > 0 THEN 1.0 ELSE 0.0 END) >= 0.1 AS hovers_recorded
    FROM matrix AS m LEFT JOIN agents AS a USING (session_key)
)
SELECT
    m.*, a.user_agent, p.fast_pages, o.product_steps, o.sequential_steps,
    s.is_published_agent, s.took_honeypot, s.is_known_customer, s.passed_challenge,
    shop.user_agents_recorded, shop.hovers_recorded,
    a.user_agent IS NOT NULL
        AND NOT regexp_matches(a.user_agent, 'Mobile|Android|iPhone|iPad|Tablet') AS has_pointer
FROM matrix AS m
CROSS JOIN shop
LEFT JOIN agents AS a USING (session_key)
LEFT JOIN speed AS p USING (session_key)
LEFT JOIN order_of_products AS o USING (session_key)
LEFT JOIN said AS s USING (session_key)
"""


def cast_votes(
    connection: duckdb.DuckDBPyConnection, matrix: pa.Table, rules: Sequence[WeakRule] = RULES
) -> Votes:
    """Have every rule vote on every session.

    Args:
        connection: with the relation `events`.
        matrix: the sessions, as the feature store has them.
        rules: that vote.
    """
    # What a rule votes must not depend on labels.
    connection.register("matrix", matrix.drop_columns(["is_agent", "family"]))
    try:
        connection.execute(_EVIDENCE)
        columns = ", ".join(
            f"CASE WHEN {rule.sql} THEN {AGENT if rule.says == 'agent' else HUMAN} "
            f"ELSE {ABSTAIN} END AS {rule.name}"
            for rule in rules
        )
        query = f"SELECT session_key, {columns} FROM evidence ORDER BY session_key"
        table = connection.sql(query).to_arrow_table()
    finally:
        connection.unregister("matrix")
        connection.execute("DROP TABLE IF EXISTS evidence")
    cast = [table[rule.name].to_numpy() for rule in rules]
    return Votes(table["session_key"].to_numpy(), tuple(rules), np.stack(cast, 1).astype(np.int64))
