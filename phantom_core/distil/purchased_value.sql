-- purchased_value.  Grain: session_key.  Reads: events, quotes.
-- What a session bought, at base prices: what was paid, by the ratio of base price and price in the last quote for the product before.
-- A purchase without such a quote counts as paid: its price is not known to differ from the base price.
-- Units: base_value in the shop's currency.  Nulls: none; sessions that paid nothing known have no row.
WITH paid AS (
    SELECT session_key, event_id, event_ms, product_id, amount_paid
    FROM events
    WHERE event_name = 'purchase_complete' AND amount_paid IS NOT NULL
),
shown AS (
    SELECT p.session_key, p.event_id, MAX_BY(q.base_price / NULLIF(q.price, 0), (q.event_ms, q.event_seq, q.event_id)) AS ratio
    FROM paid AS p
    INNER JOIN quotes AS q ON q.session_key = p.session_key AND q.product_id = p.product_id AND q.event_ms <= p.event_ms
    WHERE q.base_price IS NOT NULL AND q.price > 0
    GROUP BY p.session_key, p.event_id
)
SELECT p.session_key, SUM(p.amount_paid * COALESCE(s.ratio, 1)) AS base_value
FROM paid AS p
LEFT JOIN shown AS s USING (session_key, event_id)
GROUP BY p.session_key
