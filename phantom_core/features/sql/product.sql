-- product.  Grain: scope_key.  Reads: tallies, scoped_events.
-- Units: counts; *_price_* in the shop's currency.
-- Nulls: product_view_depth without a viewed product, prices where none was seen, std with fewer than two.  Online: yes.
WITH product_of_scope AS (
    SELECT scope_key, COUNT(*) AS item_views
    FROM scoped_events
    WHERE event_name IN ('view_item_page', 'learn_more_about_item') AND product_id IS NOT NULL
    GROUP BY scope_key, product_id
),
viewed AS (
    SELECT scope_key, COUNT(*) AS unique_products_viewed, MAX(item_views) AS product_view_depth
    FROM product_of_scope
    GROUP BY scope_key
),
priced AS (
    SELECT
        scope_key,
        AVG(price_seen) AS avg_price_seen,
        MIN(price_seen) AS min_price_seen,
        MAX(price_seen) AS max_price_seen,
        STDDEV_SAMP(price_seen) AS std_price_seen
    FROM scoped_events
    WHERE price_seen IS NOT NULL
    GROUP BY scope_key
)
SELECT
    t.scope_key,
    COALESCE(v.unique_products_viewed, 0) AS unique_products_viewed,
    v.product_view_depth,
    p.avg_price_seen,
    p.min_price_seen,
    p.max_price_seen,
    p.std_price_seen,
    p.max_price_seen - p.min_price_seen AS price_range_explored,
    t.filters AS filter_usage_count
FROM tallies AS t
LEFT JOIN viewed AS v ON v.scope_key = t.scope_key
LEFT JOIN priced AS p ON p.scope_key = t.scope_key
