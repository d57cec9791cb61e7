-- quotes_in_period.  Grain: quote.  Reads: events, quotes, period (start_ms, end_ms).
-- Every price that was shown in a period, and whether the product went to the cart afterwards.
-- Units: event_ms UTC milliseconds, price and base_price in the shop's currency.  Nulls: base_price, propensity where not recorded.
WITH carts AS (
    SELECT session_key, product_id, MAX(event_ms) AS cart_ms
    FROM events
    WHERE event_name = 'add_item_to_cart' AND product_id IS NOT NULL
    GROUP BY session_key, product_id
)
SELECT
    q.session_key, q.event_ms, q.event_id, q.product_id, q.store_mode, q.price, q.base_price, q.propensity,
    COALESCE(c.cart_ms >= q.event_ms, FALSE) AS went_to_cart
FROM quotes AS q
CROSS JOIN period AS p
LEFT JOIN carts AS c ON c.session_key = q.session_key AND c.product_id = q.product_id
WHERE q.event_ms >= p.start_ms AND q.event_ms < p.end_ms
ORDER BY q.session_key, q.event_ms, q.event_seq, q.event_id
