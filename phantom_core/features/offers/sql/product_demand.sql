-- product_demand.  Grain: scope_key.  Reads: offers, events, catalogue.
-- Demand for a product before the offer, over all sessions.
-- Units: view_count_last_hour item views; current_demand sessions that looked at the product for the first time in the hour before;
-- avg_demand_last_hour the same, mean over the store's products known by then; inventory_level units.
-- Nulls: all of them without a product; avg_demand_last_hour before the store showed any; inventory_level without a stock.
WITH looks AS (
    SELECT
        product_id,
        store_mode,
        event_ms,
        ROW_NUMBER() OVER (PARTITION BY session_key, product_id ORDER BY event_ms, event_seq, event_id) AS of_session,
        ROW_NUMBER() OVER (PARTITION BY store_mode, product_id ORDER BY event_ms, event_seq, event_id) AS of_store
    FROM events
    WHERE event_name IN ('view_item_page', 'learn_more_about_item') AND product_id IS NOT NULL
),
marks AS (
    SELECT
        NULL AS scope_key, product_id, store_mode, event_ms, 1 AS views,
        CASE WHEN of_session = 1 THEN 1 ELSE 0 END AS lookers,
        CASE WHEN of_store = 1 THEN 1 ELSE 0 END AS new_products,
        0 AS sold
    FROM looks
    UNION ALL
    SELECT NULL, product_id, store_mode, event_ms, 0, 0, 0, 1
    FROM events
    WHERE event_name = 'purchase_complete' AND product_id IS NOT NULL
    UNION ALL
    SELECT scope_key, product_id, store_mode, quote_ms, 0, 0, 0, 0
    FROM offers
    WHERE product_id IS NOT NULL
),
counted AS (
    SELECT
        scope_key,
        product_id,
        COALESCE(SUM(views) OVER last_hour, 0) AS view_count_last_hour,
        COALESCE(SUM(lookers) OVER last_hour, 0) AS current_demand,
        COALESCE(SUM(lookers) OVER store_hour, 0) AS store_demand,
        SUM(new_products) OVER store_before AS store_products,
        COALESCE(SUM(sold) OVER before, 0) AS sold
    FROM marks
    WINDOW
        last_hour AS (PARTITION BY product_id ORDER BY event_ms RANGE BETWEEN 3600000 PRECEDING AND 1 PRECEDING),
        store_hour AS (PARTITION BY store_mode ORDER BY event_ms RANGE BETWEEN 3600000 PRECEDING AND 1 PRECEDING),
        store_before AS (PARTITION BY store_mode ORDER BY event_ms RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
        before AS (PARTITION BY product_id ORDER BY event_ms RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
)
SELECT
    n.scope_key,
    n.current_demand,
    GREATEST(c.stock - n.sold, 0) AS inventory_level,
    n.store_demand / NULLIF(n.store_products, 0) AS avg_demand_last_hour,
    n.view_count_last_hour
FROM counted AS n
LEFT JOIN catalogue AS c ON c.product_id = n.product_id
WHERE n.scope_key IS NOT NULL
