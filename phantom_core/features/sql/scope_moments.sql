-- scoped_events.  Grain: scope_key, event.  Reads: events, scope (scope_key, session_key, as_of_ms).
-- Each session as it was known at moments of its own, any number of them; a scope is one such moment.
SELECT
    s.scope_key,
    e.event_ms,
    e.event_seq,
    e.event_id,
    e.page,
    e.event_name,
    e.product_id,
    e.price_seen,
    e.amount_paid,
    e.user_agent
FROM scope AS s
INNER JOIN events AS e ON e.session_key = s.session_key
WHERE e.event_ms <= s.as_of_ms          -- never the future
