-- scoped_events.  Grain: event.  Reads: events.
-- The whole table as it is known now; a scope is a session. Without a moment there is nothing to compare event by event.
SELECT
    session_key AS scope_key,
    event_ms,
    event_seq,
    event_id,
    page,
    event_name,
    product_id,
    price_seen,
    amount_paid,
    user_agent
FROM events
