-- temporal.  Grain: scope_key.  Reads: steps.
-- Units: *_sec and *_between_events s, interaction_velocity events/min, session_start_hour h UTC.
-- Nulls: gaps with fewer than two events (std: three), velocity with duration 0.  Online: yes.
SELECT
    scope_key,
    (MAX(event_ms) - MIN(event_ms)) / 1e3 AS session_duration_sec,
    COUNT(*) AS total_interactions,
    (MAX(event_ms) - MIN(event_ms)) / 1e3 / NULLIF(COUNT(*) - 1, 0) AS avg_time_between_events,
    STDDEV_SAMP(gap_ms) / 1e3 AS std_time_between_events,
    MIN(gap_ms) / 1e3 AS min_time_between_events,
    COUNT(*) * 6e4 / NULLIF(MAX(event_ms) - MIN(event_ms), 0) AS interaction_velocity,
    MAX(events_5min) AS max_velocity_5min,
    CAST(FLOOR((MIN(event_ms) % 86400000) / 3600000) AS INT) AS session_start_hour
FROM steps
GROUP BY scope_key
