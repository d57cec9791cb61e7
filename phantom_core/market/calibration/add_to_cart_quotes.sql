-- add_to_cart_quotes.  Grain: session_key, product_id.  Reads: events, quotes.
-- The last price quoted to a session for a product before it went to the cart, and whether it was
-- then bought.  A purchase that names no product bought what was in the cart.
-- Units: *_ms UTC milliseconds, price and base_price in the shop's currency.
-- Nulls: base_price, propensity where they were not logged.
WITH carts AS (
    SELECT session_key, product_id, MIN(event_ms) AS cart_ms
    FROM events
    WHERE event_name = 'add_item_to_cart' AND product_id IS NOT NULL
    GROUP BY session_key, product_id
),
purchases AS (
    SELECT session_key, product_id, MAX(event_ms) AS purchase_ms
    FROM events
    WHERE event_name = 'purchase_complete'
    GROUP BY session_key, product_id
),
shown AS (
    SELECT c.session_key, c.product_id, c.cart_ms, MAX_BY(q, (q.event_ms, q.event_seq, q.event_id)) AS quote
    FROM carts AS c
    INNER JOIN quotes AS q ON q.session_key = c.session_key AND q.product_id = c.product_id AND q.event_ms <= c.cart_ms
    GROUP BY c.session_key, c.product_id, c.cart_ms
)
SELECT
    s.session_key,
    s.product_id,
    s.quote.event_ms AS quote_ms,
    s.quote.price AS price,
    s.quote.base_price AS base_price,
    s.quote.propensity IS NOT NULL AS was_randomised,
    COUNT(p.session_key) > 0 AS bought
FROM shown AS s
LEFT JOIN purchases AS p
    ON p.session_key = s.session_key AND p.purchase_ms >= s.cart_ms AND (p.product_id = s.product_id OR p.product_id IS NULL)
GROUP BY s.session_key, s.product_id, s.quote
ORDER BY s.session_key, s.product_id
