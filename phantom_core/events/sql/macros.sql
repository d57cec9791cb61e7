-- Macros of the checks, besides those of keys.sql.  Engine: DuckDB only.

-- A number in the unit stated or, for 'auto', in the unit its size suggests, to microseconds.
CREATE OR REPLACE MACRO scale_us(number, unit) AS CASE
    WHEN unit = 's' OR (unit = 'auto' AND abs(number) < 100000000000) THEN number * 1000000
    WHEN unit = 'ms' OR (unit = 'auto' AND abs(number) < 100000000000000) THEN number * 1000
    WHEN unit = 'us' OR (unit = 'auto' AND abs(number) < 100000000000000000) THEN number
    ELSE number / 1000
END;

-- ISO 8601 in upper case, with the separators that its basic form (20260301T100000Z) leaves out.
CREATE OR REPLACE MACRO extended_time(ts) AS regexp_replace(
    upper(ts), '^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})', '\1-\2-\3T\4:\5:\6'
);

-- A time stamp as microseconds since 1970 UTC: in the mapping's format, a number, or ISO 8601 (in the connection's time zone
-- where it names none).
CREATE OR REPLACE MACRO parse_us(ts, unit) AS CASE
    WHEN isfinite(formatted_time(ts)) THEN epoch_us(formatted_time(ts))
    WHEN regexp_full_match(ts, '[+-]?\d{1,20}') THEN TRY_CAST(floor(scale_us(TRY_CAST(ts AS HUGEINT), unit)) AS BIGINT)
    WHEN isfinite(TRY_CAST(ts AS DOUBLE)) THEN TRY_CAST(floor(scale_us(TRY_CAST(ts AS DOUBLE), unit)) AS BIGINT)
    WHEN isfinite(TRY_CAST(extended_time(ts) AS TIMESTAMPTZ)) THEN epoch_us(TRY_CAST(extended_time(ts) AS TIMESTAMPTZ))
END;

-- A number of a JSON document as text; a number that was written as text, as its decimal mark says.
CREATE OR REPLACE MACRO number_at(document, path) AS CASE
    WHEN json_type(document, path) = 'VARCHAR' THEN number_text(document ->> path) ELSE document ->> path
END;

-- What is shown of a row or value in quarantine.
CREATE OR REPLACE MACRO shown(value) AS left(value, 2000);

-- No shop has a price of a million million; squares and sums of larger numbers would not be finite.
CREATE OR REPLACE MACRO is_no_price(value) AS value IS NOT NULL AND NOT COALESCE(
    isfinite(TRY_CAST(value AS DOUBLE)) AND abs(TRY_CAST(value AS DOUBLE)) <= 1000000000000, FALSE
);
