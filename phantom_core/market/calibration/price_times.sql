-- price_times.  Grain: quote.  Reads: quotes.
-- When each price was shown, and how far it lay from what its product usually cost: prices that followed demand do not tell how demand
-- follows prices.
-- Units: event_ms UTC milliseconds; deviation of log(price / base price) from the product's mean.  Nulls: none.
WITH rated AS (
    SELECT event_ms, event_id, product_id, propensity, LN(price / base_price) AS log_ratio
    FROM quotes
    WHERE base_price > 0 AND price > 0
)
SELECT
    event_ms,
    log_ratio - AVG(log_ratio) OVER (PARTITION BY product_id) AS deviation,
    propensity IS NOT NULL AS was_randomised
FROM rated
ORDER BY event_ms, event_id
