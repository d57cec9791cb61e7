-- sessions.  Grain: session_key.  Reads: events.
-- Units: start_ms, end_ms UTC milliseconds.  Nulls: experiment_id of a session outside experiments.
-- The earliest event that names an experiment or a store mode decides; of two in one millisecond, the first by name.
WITH spans AS (
    SELECT
        session_key,
        session_id,
        experiment_id,
        store_mode,
        MIN(event_ms) AS start_ms,
        MAX(event_ms) AS end_ms
    FROM events
    GROUP BY session_key, session_id, experiment_id, store_mode
)
SELECT
    session_key,
    MIN(session_id) AS session_id,
    MIN_BY(experiment_id, (start_ms, experiment_id)) FILTER (WHERE experiment_id IS NOT NULL) AS experiment_id,
    MIN_BY(store_mode, (start_ms, store_mode)) AS store_mode,
    MIN(start_ms) AS start_ms,
    MAX(end_ms) AS end_ms
FROM spans
GROUP BY session_key
