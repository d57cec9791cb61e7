-- Integer keys of sessions and rows.  Engine: DuckDB only.

-- Lower 64 bits of an MD5, as a signed integer: the same in every engine and release.
CREATE OR REPLACE MACRO key_of(value) AS CAST(CAST(md5_number_lower(value) AS HUGEINT) - 9223372036854775808 AS BIGINT);
