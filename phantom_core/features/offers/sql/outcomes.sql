-- outcomes.  Grain: scope_key.  Reads: offers, events.
-- When the product was bought after the offer; a purchase that names no product bought what was in the cart.
-- Where an offer stands for its whole session, any purchase counts.
-- Units: purchase_ms UTC milliseconds.  Nulls: purchase_ms where it was not bought.
WITH purchases AS (
    SELECT session_key, product_id, MAX(event_ms) AS purchase_ms
    FROM events
    WHERE event_name = 'purchase_complete'
    GROUP BY session_key, product_id
),
carts AS (
    SELECT session_key, product_id, MIN(event_ms) AS cart_ms
    FROM events
    WHERE event_name = 'add_item_to_cart' AND product_id IS NOT NULL
    GROUP BY session_key, product_id
)
SELECT o.scope_key, MAX(p.purchase_ms) AS purchase_ms
FROM offers AS o
LEFT JOIN carts AS c ON c.session_key = o.session_key AND c.product_id = o.product_id
LEFT JOIN purchases AS p
    ON p.session_key = o.session_key
    AND p.purchase_ms >= o.quote_ms
    AND (p.product_id = o.product_id OR o.is_any_product OR (p.product_id IS NULL AND p.purchase_ms >= c.cart_ms))
GROUP BY o.scope_key
