-- offers.  Grain: session_key, product_id.  Reads: events, quotes.
-- The first price a session was shown of a product: from the quote log, else from the first item view that names a price.
-- Units: quote_ms UTC milliseconds; price, base_price in the shop's currency.
-- Nulls: base_price and propensity where not recorded.
WITH shown AS (
    SELECT session_key, product_id, store_mode, event_ms, event_seq, event_id, price, base_price, propensity, 0 AS is_inferred
    FROM quotes
    UNION ALL
    SELECT session_key, product_id, store_mode, event_ms, event_seq, event_id, price_seen, NULL, NULL, 1
    FROM events
    WHERE event_name IN ('view_item_page', 'learn_more_about_item') AND product_id IS NOT NULL AND price_seen IS NOT NULL
),
ranked AS (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY session_key, product_id ORDER BY is_inferred, event_ms, event_seq, event_id) AS place
    FROM shown
)
SELECT session_key, product_id, store_mode, event_ms AS quote_ms, price, base_price, propensity, FALSE AS is_any_product
FROM ranked
WHERE place = 1
