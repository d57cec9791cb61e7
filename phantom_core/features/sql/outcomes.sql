-- outcomes.  Grain: scope_key.  Reads: tallies.
-- Units: total_revenue in the shop's currency.  Nulls: total_revenue of purchases that name no amount; nothing bought is FALSE and 0.  Online: no, these are targets.
SELECT
    scope_key,
    purchases > 0 AS purchased,
    CASE WHEN purchases = 0 THEN 0e0 ELSE revenue END AS total_revenue
FROM tallies
