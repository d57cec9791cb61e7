-- event_checks.  Grain: one row of a source.  Reads: mapped (all text, as the mapping found it), vocabulary, filter_kinds, store_modes, clock.
-- Yields the canonical event, or the first reason why the row is invalid.  Engine: DuckDB only.
WITH timed AS (
    SELECT
        *,
        parse_us(ts, time_unit) AS event_us,
        CASE WHEN metadata IS NULL THEN NULL WHEN json_valid(metadata) THEN metadata END AS document,
        regexp_replace(lower(event_name), '[- ]', '_', 'g') AS folded
    FROM mapped
    CROSS JOIN clock -- one row: a subquery in each place would be planned in each place
),

priced AS (
    SELECT
        *,
        event_us // 1000 AS event_ms,
        number_at(document, '$.price') AS price_text,
        number_at(document, '$.base_price') AS base_price_text,
        number_at(document, '$.total') AS total_text,
        CASE
            WHEN folded IN ('filter', 'filter_apply') THEN COALESCE(
                (SELECT f.canonical FROM filter_kinds AS f WHERE f.kind = lower(trim(document ->> '$.type'))),
                'filter_for_price'
            )
            WHEN folded IN ('hover_', 'hover_over', 'hover_over_') THEN NULL
            WHEN regexp_full_match(folded, 'hover_over_[a-z0-9_]{1,40}') THEN folded
            WHEN regexp_full_match(folded, 'hover_[a-z0-9_]{1,40}') THEN 'hover_over_' || substr(folded, 7)
            ELSE (SELECT v.canonical FROM vocabulary AS v WHERE v.alias = folded)
        END AS canonical
    FROM timed
),

checked AS (
    SELECT
        *,
        CASE
            WHEN problem IS NOT NULL THEN problem
            WHEN longest_field > max_chars THEN 'field_too_large'
            WHEN session_id IS NULL THEN 'missing_session_id'
            WHEN ts IS NULL THEN 'missing_timestamp'
            WHEN event_us IS NULL THEN 'bad_timestamp'
            WHEN event_ms < oldest_ms THEN 'bad_timestamp'
            WHEN event_ms > newest_ms THEN 'future_timestamp'
            WHEN event_name IS NULL THEN 'missing_event_name'
            WHEN canonical IS NULL THEN 'unknown_event_name'
            WHEN lower(store_mode) NOT IN (FROM store_modes) THEN 'unknown_store_mode'
            WHEN metadata IS NOT NULL AND (document IS NULL OR json_type(document) <> 'OBJECT') THEN 'bad_metadata'
            WHEN is_no_price(price_text) OR is_no_price(base_price_text) OR is_no_price(total_text) THEN 'bad_price'
            WHEN TRY_CAST(price_text AS DOUBLE) < 0 OR TRY_CAST(base_price_text AS DOUBLE) < 0 OR TRY_CAST(total_text AS DOUBLE) < 0
                THEN 'negative_price'
        END AS reason
    FROM priced
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
        WHEN 'unknown_event_name' THEN event_name
        WHEN 'unknown_store_mode' THEN store_mode
        WHEN 'bad_metadata' THEN metadata
        WHEN 'bad_price' THEN concat_ws(', ', price_text, base_price_text, total_text)
        WHEN 'negative_price' THEN concat_ws(', ', price_text, base_price_text, total_text)
    END)) AS detail,
    key_of(session_id) AS session_key,
    event_ms,
    event_us,
    -- A client's id names an event within its session and name; a counter (1, 2, 3 …), which may start again, with its time.
    -- Without one, all that the row says does: equal rows are told apart when they are committed.
    key_of(CASE
        WHEN client_event_id IS NOT NULL THEN concat_ws(
            chr(31), 'id', session_id, COALESCE(sent_name, canonical), client_event_id,
            CASE WHEN regexp_full_match(client_event_id, '\d{1,9}') THEN event_us END
        )
        ELSE concat_ws(chr(31), session_id, event_us, row_text)
    END) AS event_id,
    client_event_id,
    sent_name,
    lower(store_mode) AS sent_mode,
    session_id,
    experiment_id,
    COALESCE(lower(store_mode), 'shop') AS store_mode,
    page,
    canonical AS event_name,
    product_id,
    COALESCE(TRY_CAST(price_text AS DOUBLE), TRY_CAST(base_price_text AS DOUBLE)) AS price_seen,
    CASE WHEN canonical = 'purchase_complete' THEN COALESCE(TRY_CAST(total_text AS DOUBLE), TRY_CAST(price_text AS DOUBLE)) END AS amount_paid,
    user_agent,
    document AS metadata
FROM checked
