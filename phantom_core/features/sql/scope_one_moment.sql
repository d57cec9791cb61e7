-- scoped_events.  Grain: event.  Reads: events, scope (one row: as_of_ms).
-- The whole table as it was known at one moment; a scope is a session.
SELECT
    e.session_key AS scope_key,
    e.event_ms,
    e.event_seq,
    e.event_id,
    e.page,
    e.event_name,
    e.product_id,
    e.price_seen,
    e.amount_paid,
    e.user_agent
FROM events AS e
CROSS JOIN scope AS s
WHERE e.event_ms <= s.as_of_ms          -- never the future
