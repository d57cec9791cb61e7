-- exposures.  Grain: session.  Reads: decisions, events, session_labels, experiments, wanted (price_experiment, window_ms).
-- Sessions that met an arm of a price experiment, and what they bought within a window after they first did.
-- Units: first_ms UTC milliseconds, revenue in the shop's currency.
-- actor: experiment of the client's sessions, else the session. earlier_*: of the same actor before the first exposure.
-- Nulls: is_agent without a label; first_p_agent where no model told; store_mode, first_base_price never; n_variants is 1 unless somebody changed a running experiment.
WITH exposed AS (
    SELECT
        d.session_key,
        MIN(d.decided_ms) AS first_ms,
        ARG_MIN(d.variant, (d.decided_ms, d.event_id)) AS variant,
        COUNT(DISTINCT d.variant) AS n_variants,
        ARG_MIN(d.agent_probability, (d.decided_ms, d.event_id)) FILTER (WHERE d.agent_probability IS NOT NULL) AS first_p_agent,
        ARG_MIN(d.base_price, (d.decided_ms, d.event_id)) AS first_base_price,
        ARG_MIN(d.store_mode, (d.decided_ms, d.event_id)) AS store_mode
    FROM decisions AS d CROSS JOIN wanted AS w
    WHERE d.price_experiment = w.price_experiment AND d.session_key IS NOT NULL
    GROUP BY d.session_key
),
last_prices AS (
    SELECT d.session_key, d.product_id, ARG_MAX(d.price, (d.decided_ms, d.event_id)) AS price
    FROM decisions AS d SEMI JOIN exposed AS x ON x.session_key = d.session_key
    GROUP BY d.session_key, d.product_id
),
bought AS (
    SELECT e.session_key, COUNT(*) AS purchases, SUM(COALESCE(e.amount_paid, p.price, 0)) AS revenue
    FROM events AS e
    JOIN exposed AS x ON x.session_key = e.session_key
    CROSS JOIN wanted AS w
    LEFT JOIN last_prices AS p ON p.session_key = e.session_key AND p.product_id = e.product_id
    WHERE e.event_name = 'purchase_complete' AND e.event_ms >= x.first_ms AND e.event_ms < x.first_ms + w.window_ms
    GROUP BY e.session_key
),
told AS (
    SELECT
        x.session_key,
        ANY_VALUE(COALESCE(l.is_agent, NOT h.xp_human_only)) AS is_agent,
        MIN(e.experiment_id) AS experiment_id
    FROM exposed AS x
    JOIN events AS e ON e.session_key = x.session_key
    LEFT JOIN session_labels AS l ON l.session_id = e.session_id
    LEFT JOIN experiments AS h ON h.experiment_id = e.experiment_id
    GROUP BY x.session_key
),
earlier AS (
    SELECT x.session_key, COUNT(DISTINCT e.session_key) AS sessions, COUNT(*) FILTER (WHERE e.event_name = 'purchase_complete') AS purchases
    FROM exposed AS x
    JOIN told AS t ON t.session_key = x.session_key
    JOIN events AS e ON e.experiment_id = t.experiment_id AND e.session_key <> x.session_key AND e.event_ms < x.first_ms
    GROUP BY x.session_key
)
SELECT
    x.session_key,
    x.first_ms,
    x.variant,
    x.n_variants,
    x.store_mode,
    x.first_base_price,
    x.first_p_agent,
    COALESCE('experiment:' || t.experiment_id, 'session:' || CAST(x.session_key AS VARCHAR)) AS actor,
    CAST(t.is_agent AS DOUBLE) AS is_agent,
    COALESCE(r.sessions, 0) AS earlier_sessions,
    COALESCE(r.purchases, 0) AS earlier_purchases,
    COALESCE(b.purchases, 0) AS purchases,
    COALESCE(b.revenue, 0) AS revenue
FROM exposed AS x
LEFT JOIN bought AS b ON b.session_key = x.session_key
LEFT JOIN told AS t ON t.session_key = x.session_key
LEFT JOIN earlier AS r ON r.session_key = x.session_key
ORDER BY x.first_ms, x.session_key
