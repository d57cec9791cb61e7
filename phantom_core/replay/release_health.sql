-- release_health.  Grain: session.  Reads: decisions as `release_exposures` narrows them, wanted_health (slow_ms).
-- Whether a session met rules or models that could not be used, and whether a price took too long.
-- Units: first_ms UTC milliseconds.  Nulls: none.
SELECT
    d.session_key,
    MIN(d.decided_ms) AS first_ms,
    ANY_VALUE(d.variant) AS variant,
    CAST(BOOL_OR(COALESCE(d.reason IN ('rules_missing', 'rules_broken', 'model_missing', 'model_broken'), FALSE)) AS DOUBLE) AS failed,
    CAST(BOOL_OR(COALESCE(d.decide_ms > w.slow_ms, FALSE)) AS DOUBLE) AS slow
FROM decisions AS d CROSS JOIN wanted_health AS w
GROUP BY d.session_key
ORDER BY first_ms, d.session_key
