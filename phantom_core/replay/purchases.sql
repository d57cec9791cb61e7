-- purchases_in_period.  Grain: product of a purchase.  Reads: events, quotes, period (start_ms, end_ms).
-- What was bought, at the last price quoted for it in the session; a purchase that names no product bought what was in the cart.
-- Units: event_ms UTC milliseconds, price (of one unit) and base_price in the shop's currency, units count.
-- Nulls: product_id where neither purchase nor cart names one; price where neither a quote nor the purchase tells it; base_price where
-- no quote and no event of the product tells it; quote_id without a quote; channel where no event names a referrer.
WITH bought AS (
    SELECT
        e.session_key, e.event_id, e.event_ms, e.event_seq, e.store_mode, e.product_id, e.amount_paid,
        COALESCE(
            TRY_CAST(e.metadata ->> '$.quantity' AS DOUBLE), TRY_CAST(e.metadata ->> '$.itemCount' AS DOUBLE),
            TRY_CAST(e.metadata ->> '$.nights' AS DOUBLE)
        ) AS told_units,
        TRY_CAST(e.metadata ->> '$.base_price' AS DOUBLE) AS told_base
    FROM events AS e CROSS JOIN period AS p
    WHERE e.event_name = 'purchase_complete' AND e.event_ms >= p.start_ms AND e.event_ms < p.end_ms
),
carts AS (
    SELECT session_key, product_id, MIN(event_ms) AS cart_ms, MAX(TRY_CAST(metadata ->> '$.quantity' AS DOUBLE)) AS told_units
    FROM events
    WHERE event_name = 'add_item_to_cart' AND product_id IS NOT NULL AND session_key IN (SELECT session_key FROM bought)
    GROUP BY session_key, product_id
),
lines AS (
    SELECT session_key, event_id, event_ms, event_seq, store_mode, product_id, amount_paid, told_units, told_base FROM bought WHERE product_id IS NOT NULL
    UNION ALL
    SELECT
        b.session_key, b.event_id, b.event_ms, b.event_seq, b.store_mode, c.product_id,
        CASE WHEN COUNT(*) OVER (PARTITION BY b.session_key, b.event_id) = 1 THEN b.amount_paid END AS amount_paid,
        COALESCE(c.told_units, CASE WHEN COUNT(*) OVER (PARTITION BY b.session_key, b.event_id) = 1 THEN b.told_units END) AS told_units,
        CASE WHEN COUNT(*) OVER (PARTITION BY b.session_key, b.event_id) = 1 THEN b.told_base END AS told_base
    FROM bought AS b
    LEFT JOIN carts AS c ON c.session_key = b.session_key AND c.cart_ms <= b.event_ms
    WHERE b.product_id IS NULL
),
last_quotes AS (
    SELECT * FROM quotes WHERE session_key IN (SELECT session_key FROM bought)
    QUALIFY ROW_NUMBER() OVER (PARTITION BY session_key, product_id, event_ms ORDER BY event_seq DESC, event_id DESC) = 1
),
quoted AS (
    SELECT l.*, q.event_id AS quote_id, q.price AS quoted_price, q.base_price AS quoted_base
    FROM lines AS l
    ASOF LEFT JOIN last_quotes AS q ON q.session_key = l.session_key AND q.product_id = l.product_id AND q.event_ms <= l.event_ms
),
base_of_product AS (
    SELECT product_id, MEDIAN(base_price) AS base_price FROM quotes WHERE base_price > 0 GROUP BY product_id
),
base_told AS (
    SELECT session_key, product_id, MAX(TRY_CAST(metadata ->> '$.base_price' AS DOUBLE)) AS base_price
    FROM events
    WHERE session_key IN (SELECT session_key FROM bought) AND product_id IS NOT NULL AND contains(metadata, 'base_price')
    GROUP BY session_key, product_id
),
channels AS (
    SELECT session_key, MIN_BY(metadata ->> '$.referrer', (event_ms, event_seq, event_id)) AS referrer
    FROM events
    WHERE session_key IN (SELECT session_key FROM bought) AND metadata ->> '$.referrer' IS NOT NULL
    GROUP BY session_key
),
counted AS (
    SELECT *, GREATEST(1.0, COALESCE(told_units, ROUND(amount_paid / NULLIF(quoted_price, 0)), 1.0)) AS units FROM quoted
)
SELECT
    c.session_key, c.event_ms, c.product_id, c.store_mode, c.quote_id, c.units,
    COALESCE(c.quoted_price, c.amount_paid / c.units) AS price,
    COALESCE(NULLIF(c.quoted_base, 0), c.told_base, t.base_price, b.base_price) AS base_price,
    COALESCE(NULLIF(regexp_extract(h.referrer, '^[a-z]+://(?:www\.)?([^/]+)', 1), ''), NULLIF(h.referrer, '')) AS channel
FROM counted AS c
LEFT JOIN base_told AS t ON t.session_key = c.session_key AND t.product_id = c.product_id
LEFT JOIN base_of_product AS b ON b.product_id = c.product_id
LEFT JOIN channels AS h ON h.session_key = c.session_key
ORDER BY c.session_key, c.event_ms, c.event_seq, c.event_id, c.product_id
