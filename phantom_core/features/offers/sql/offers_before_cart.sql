-- offers.  Grain: session_key.  Reads: events.
-- Each session at the moment before its first cart, checkout or purchase, or after its last event where it has none of these,
-- with the product it looked at last: for logs without quotes, where a purchase is the session's and not one product's.
-- Units: quote_ms UTC milliseconds, the first moment that does not count; price in the shop's currency.
-- Nulls: product_id and price of sessions that looked at no product by then; base_price and propensity always.
WITH decided AS (
    SELECT
        session_key,
        MIN(store_mode) AS store_mode,
        COALESCE(
            MIN(event_ms) FILTER (WHERE event_name IN ('add_item_to_cart', 'checkout_start', 'purchase_complete')),
            MAX(event_ms) + 1
        ) AS quote_ms,
        MIN_BY(event_seq, (event_ms, event_seq, event_id))
            FILTER (WHERE event_name IN ('add_item_to_cart', 'checkout_start', 'purchase_complete')) AS cart_seq
    FROM events
    GROUP BY session_key
),
looked AS (
    SELECT
        e.session_key,
        e.product_id,
        e.price_seen,
        ROW_NUMBER() OVER (PARTITION BY e.session_key ORDER BY e.event_ms DESC, e.event_seq DESC, e.event_id DESC) AS place
    FROM events AS e
    INNER JOIN decided AS d ON d.session_key = e.session_key
        -- Logs in whole seconds have the look and the cart in one moment: the file's order tells them apart.
        AND (e.event_ms < d.quote_ms OR (e.event_ms = d.quote_ms AND e.event_seq < d.cart_seq))
    WHERE e.event_name IN ('view_item_page', 'learn_more_about_item') AND e.product_id IS NOT NULL
)
SELECT
    d.session_key,
    l.product_id,
    d.store_mode,
    d.quote_ms,
    l.price_seen AS price,
    CAST(NULL AS DOUBLE) AS base_price,
    CAST(NULL AS DOUBLE) AS propensity,
    TRUE AS is_any_product
FROM decided AS d
LEFT JOIN looked AS l ON l.session_key = d.session_key AND l.place = 1
