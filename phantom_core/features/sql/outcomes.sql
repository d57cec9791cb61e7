-- outcomes.  Grain: scope_key.  Reads: tallies.
-- Units: total_revenue in the shop's currency.  Nulls: none; nothing bought is FALSE and 0.  Online: no, these are targets.
SELECT
    scope_key,
    purchases > 0 AS purchased,
    COALESCE(revenue, 0e0) AS total_revenue
FROM tallies
