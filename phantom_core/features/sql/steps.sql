-- steps.  Grain: event.  Reads: scoped_events.
-- Units: gap_ms ms since the event before; events_5min a count, of the window [event_ms - 300 s, event_ms].
-- Nulls: gap_ms of the first event.  Online: yes.
-- Events of one millisecond may swap places: neither the gaps nor the largest count notice.
SELECT
    scope_key,
    event_ms,
    event_ms - LAG(event_ms) OVER (PARTITION BY scope_key ORDER BY event_ms) AS gap_ms,
    COUNT(*) OVER (PARTITION BY scope_key ORDER BY event_ms RANGE BETWEEN 300000 PRECEDING AND CURRENT ROW) AS events_5min
FROM scoped_events
