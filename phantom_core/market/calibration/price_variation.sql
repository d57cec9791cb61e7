-- price_variation.  Grain: all quotes.  Reads: quotes, events.
-- How far prices varied within products: a ratio that differs between products alone does not
-- identify price sensitivity.
-- Units: ratios of price to base price.  Nulls: ratios where no quote has a base price.
WITH rated AS (
    SELECT product_id, ROUND(price / base_price, 2) AS ratio
    FROM quotes
    WHERE base_price > 0 AND price > 0
),
of_product AS (
    SELECT product_id, COUNT(*) AS n_quotes, MIN(ratio) AS low, MAX(ratio) AS high FROM rated GROUP BY product_id
),
of_seen AS (
    SELECT product_id, MIN(price_seen) AS low, MAX(price_seen) AS high
    FROM events
    WHERE price_seen IS NOT NULL AND product_id IS NOT NULL
    GROUP BY product_id
)
SELECT
    (SELECT COUNT(*) FROM quotes) AS n_quotes,
    (SELECT COALESCE(SUM(n_quotes), 0) FROM of_product) AS n_rated,
    (SELECT COUNT(*) FROM of_product) AS n_products,
    (SELECT COUNT(*) FROM of_product WHERE high > low) AS n_varied,
    (SELECT MIN(low) FROM of_product) AS lowest_ratio,
    (SELECT MAX(high) FROM of_product) AS highest_ratio,
    (SELECT COUNT(*) FROM of_seen) AS n_products_seen,
    (SELECT COUNT(*) FROM of_seen WHERE high > 1.005 * low) AS n_seen_varied
