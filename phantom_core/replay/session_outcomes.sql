-- session_outcomes.  Grain: none (one row).  Reads: quotes, events, wanted (start_ms, window_ms).
-- What sessions that were shown a price brought, since a moment.
-- Units: revenue in the shop's currency, sessions a day; Nulls: means without sessions, spreads with fewer than two, per_day within a day.
WITH shown AS (
    SELECT q.session_key, MIN(q.event_ms) AS first_ms
    FROM quotes AS q CROSS JOIN wanted AS w
    WHERE q.event_ms >= w.start_ms
    GROUP BY q.session_key
),
last_prices AS (
    SELECT session_key, product_id, ARG_MAX(price, (event_ms, event_seq, event_id)) AS price FROM quotes GROUP BY session_key, product_id
),
bought AS (
    SELECT e.session_key, SUM(COALESCE(e.amount_paid, p.price, 0)) AS revenue
    FROM events AS e
    JOIN shown AS s ON s.session_key = e.session_key
    CROSS JOIN wanted AS w
    LEFT JOIN last_prices AS p ON p.session_key = e.session_key AND p.product_id = e.product_id
    WHERE e.event_name = 'purchase_complete' AND e.event_ms >= s.first_ms AND e.event_ms < s.first_ms + w.window_ms
    GROUP BY e.session_key
)
SELECT
    COUNT(*) AS sessions,
    AVG(COALESCE(b.revenue, 0)) AS revenue_mean,
    STDDEV_SAMP(COALESCE(b.revenue, 0)) AS revenue_sd,
    AVG(CAST(b.revenue IS NOT NULL AS INT)) AS conversion_mean,
    STDDEV_SAMP(CAST(b.revenue IS NOT NULL AS INT)) AS conversion_sd,
    COUNT(*) / NULLIF((MAX(s.first_ms) - MIN(s.first_ms)) / 86400000.0, 0) AS per_day
FROM shown AS s
LEFT JOIN bought AS b ON b.session_key = s.session_key
