"""Arrow schemas of the lake's tables. Times are UTC milliseconds, money is the shop's currency."""

from typing import Final

import pyarrow as pa

# A session without an event for this long is over.
OVER_MS: Final = 30 * 60_000
STORE_MODES: Final = ("hotel", "airline", "shop")

# One row per event. session_key and event_id are the lower 64 bits of an MD5, read as a signed
# integer: grouping by integers is ten times cheaper than by text (docs/adr/0004-integer-keys.md).
# event_seq grows by load, by microsecond and by line: it orders events of one millisecond as their
# file does; 0 in rows of releases that did not store it.
EVENTS: Final = pa.schema(
    [
        pa.field("session_key", pa.int64(), nullable=False),
        pa.field("event_ms", pa.int64(), nullable=False),
        pa.field("event_id", pa.int64(), nullable=False),
        pa.field("session_id", pa.string(), nullable=False),
        pa.field("experiment_id", pa.string()),
        pa.field("store_mode", pa.string(), nullable=False),
        pa.field("page", pa.string()),
        pa.field("event_name", pa.string(), nullable=False),
        pa.field("product_id", pa.string()),
        pa.field("price_seen", pa.float64()),
        pa.field("amount_paid", pa.float64()),
        pa.field("user_agent", pa.string()),
        pa.field("metadata", pa.string()),
        pa.field("load_seq", pa.int64(), nullable=False),
        pa.field("event_seq", pa.int64()),
    ]
)

# One row per price shown. propensity is the probability with which an experiment chose this price.
QUOTES: Final = pa.schema(
    [
        pa.field("session_key", pa.int64(), nullable=False),
        pa.field("event_ms", pa.int64(), nullable=False),
        pa.field("event_id", pa.int64(), nullable=False),
        pa.field("session_id", pa.string(), nullable=False),
        pa.field("experiment_id", pa.string()),
        pa.field("store_mode", pa.string(), nullable=False),
        pa.field("product_id", pa.string(), nullable=False),
        pa.field("price", pa.float64(), nullable=False),
        pa.field("base_price", pa.float64()),
        pa.field("propensity", pa.float64()),
        pa.field("load_seq", pa.int64(), nullable=False),
        pa.field("event_seq", pa.int64()),
    ]
)

EXPERIMENTS: Final = pa.schema(
    [
        pa.field("experiment_id", pa.string(), nullable=False),
        pa.field("subject_name", pa.string()),
        pa.field("xp_human_only", pa.bool_()),
        pa.field("xp_market_mode", pa.string()),
        pa.field("xp_task_id", pa.string()),
    ]
)

# A manual label of one session; it overrides the label of the session's experiment. family is the
# kind of shopper, where known.
SESSION_LABELS: Final = pa.schema(
    [
        pa.field("session_id", pa.string(), nullable=False),
        pa.field("is_agent", pa.bool_()),
        pa.field("family", pa.string()),
    ]
)

# One row per product. competitor_price is a competitor's price of it; NULL where unknown.
CATALOGUE: Final = pa.schema(
    [
        pa.field("product_id", pa.string(), nullable=False),
        pa.field("base_price", pa.float64()),
        pa.field("stock", pa.float64()),
        pa.field("n_amenities", pa.float64()),
        pa.field("is_refundable", pa.bool_()),
        pa.field("competitor_price", pa.float64()),
    ]
)

QUARANTINE: Final = pa.schema(
    [
        pa.field("load_id", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("line", pa.int64(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string()),
        pa.field("raw", pa.string()),
    ]
)

# One row per file that was loaded. mapping_sha256 tells mappings of one name apart; removed_ms is
# when the load's rows were taken out again.
LOADS: Final = pa.schema(
    [
        pa.field("load_id", pa.string(), nullable=False),
        pa.field("load_seq", pa.int64(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("mapping", pa.string(), nullable=False),
        pa.field("rows_read", pa.int64(), nullable=False),
        pa.field("accepted", pa.int64(), nullable=False),
        pa.field("duplicates", pa.int64(), nullable=False),
        pa.field("quarantined", pa.string(), nullable=False),
        pa.field("warnings", pa.string(), nullable=False),
        pa.field("loaded_ms", pa.int64(), nullable=False),
        pa.field("seconds", pa.float64(), nullable=False),
        pa.field("mapping_sha256", pa.string()),
        pa.field("removed_ms", pa.int64()),
    ]
)

# One row per price that the pricing service decided. features is a JSON object of the session's
# features at that moment; propensity is the probability with which the session is shown this price,
# NULL where nothing was left to chance; log_share is the share of sessions whose decisions are
# stored.
DECISIONS: Final = pa.schema(
    [
        pa.field("session_key", pa.int64()),
        pa.field("decided_ms", pa.int64(), nullable=False),
        pa.field("event_id", pa.int64(), nullable=False),
        pa.field("decision_id", pa.string(), nullable=False),
        pa.field("session_id", pa.string()),
        pa.field("experiment_id", pa.string()),
        pa.field("store_mode", pa.string(), nullable=False),
        pa.field("product_id", pa.string(), nullable=False),
        pa.field("price", pa.float64(), nullable=False),
        pa.field("base_price", pa.float64(), nullable=False),
        pa.field("propensity", pa.float64()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("rule_id", pa.string()),
        pa.field("rules_version", pa.string()),
        pa.field("epoch", pa.int64(), nullable=False),
        pa.field("price_experiment", pa.string()),
        pa.field("variant", pa.string()),
        pa.field("classifier_version", pa.string()),
        pa.field("network_version", pa.string()),
        pa.field("agent_probability", pa.float64()),
        pa.field("purchase_probability", pa.float64()),
        pa.field("features", pa.string()),
        pa.field("log_share", pa.float64(), nullable=False),
        pa.field("decide_ms", pa.float64()),
    ]
)
