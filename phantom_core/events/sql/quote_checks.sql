-- quote_checks.  Grain: one row of a source.  Reads: mapped (all text, as the mapping found it), store_modes, clock.
-- Yields the canonical quote, or the first reason why the row is invalid.  Engine: DuckDB only.
WITH timed AS (
    SELECT
        * REPLACE (number_text(price) AS price, number_text(base_price) AS base_price),
        parse_us(ts, time_unit) AS event_us
    FROM mapped
    CROSS JOIN clock -- one row: a subquery in each place would be planned in each place
),

checked AS (
    SELECT
        *,
        event_us // 1000 AS event_ms,
        CASE
            WHEN problem IS NOT NULL THEN problem
            WHEN longest_field > max_chars THEN 'field_too_large'
            WHEN session_id IS NULL THEN 'missing_session_id'
            WHEN ts IS NULL THEN 'missing_timestamp'
            WHEN event_us IS NULL OR event_us // 1000 < oldest_ms THEN 'bad_timestamp'
            WHEN event_us // 1000 > newest_ms THEN 'future_timestamp'
            WHEN product_id IS NULL THEN 'missing_product_id'
            WHEN lower(store_mode) NOT IN (FROM store_modes) THEN 'unknown_store_mode'
            WHEN price IS NULL THEN 'missing_price'
            WHEN is_no_price(price) OR is_no_price(base_price) THEN 'bad_price'
            WHEN TRY_CAST(price AS DOUBLE) < 0 OR TRY_CAST(base_price AS DOUBLE) < 0 THEN 'negative_price'
            WHEN propensity IS NOT NULL AND COALESCE(TRY_CAST(propensity AS DOUBLE) NOT BETWEEN 0 AND 1, TRUE) THEN 'bad_propensity'
        END AS reason
    FROM timed
)

SELECT
    line,
    part,
    elements_left,
    reason,
    CASE WHEN reason IS NOT NULL THEN COALESCE(text, shown(CAST(to_json(row) AS VARCHAR))) END AS text,
    shown(COALESCE(detail, CASE reason
        WHEN 'field_too_large' THEN longest_field || ' characters'
        WHEN 'bad_timestamp' THEN ts
        WHEN 'future_timestamp' THEN ts
        WHEN 'unknown_store_mode' THEN store_mode
        WHEN 'bad_price' THEN concat_ws(', ', price, base_price)
        WHEN 'negative_price' THEN concat_ws(', ', price, base_price)
        WHEN 'bad_propensity' THEN propensity
    END)) AS detail,
    key_of(session_id) AS session_key,
    event_ms,
    event_us,
    key_of(concat_ws(chr(31), session_id, event_us, row_text)) AS event_id,
    CAST(NULL AS VARCHAR) AS client_event_id,
    lower(store_mode) AS sent_mode,
    session_id,
    experiment_id,
    COALESCE(lower(store_mode), 'shop') AS store_mode,
    product_id,
    TRY_CAST(price AS DOUBLE) AS price,
    TRY_CAST(base_price AS DOUBLE) AS base_price,
    TRY_CAST(propensity AS DOUBLE) AS propensity
FROM checked
