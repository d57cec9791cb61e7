-- stay_dates.  Grain: scope_key.  Reads: offers, events (metadata).
-- Days from the offer to the date the session last asked for: metadata dateIndex, else the date `from`.
-- The request that led to the offer counts: it names the date before a price is made.
-- Units: days_until_date days.  Nulls: scopes without a date have no row.
WITH dated AS (
    SELECT
        session_key,
        event_ms,
        event_seq,
        event_id,
        COALESCE(
            TRY_CAST(json_extract_string(metadata, '$.dateIndex') AS DOUBLE),
            DATE_DIFF('day', CAST(MAKE_TIMESTAMP(event_ms * 1000) AS DATE), TRY_CAST(json_extract_string(metadata, '$.from') AS DATE))
        ) AS days_until_date
    FROM events
    WHERE metadata LIKE '%"dateIndex"%' OR metadata LIKE '%"from"%'
)
SELECT o.scope_key, MAX_BY(d.days_until_date, (d.event_ms, d.event_seq, d.event_id)) AS days_until_date
FROM offers AS o
INNER JOIN dated AS d ON d.session_key = o.session_key AND d.event_ms <= o.quote_ms
WHERE d.days_until_date BETWEEN 0 AND 3650
GROUP BY o.scope_key
