-- behavioural.  Grain: scope_key.  Reads: tallies, scoped_events.
-- Units: counts and ratios.  Nulls: conversion_rate without item views.  Online: yes.
-- Two plain groupings cost less than COUNT(DISTINCT page).
WITH page_of_scope AS (
    SELECT scope_key, page FROM scoped_events GROUP BY scope_key, page
),
pages AS (
    SELECT scope_key, COUNT(page) AS unique_pages_visited FROM page_of_scope GROUP BY scope_key
)
SELECT
    t.scope_key,
    t.page_views,
    t.item_views,
    t.cart_adds,
    t.purchases,
    t.hovers AS hover_events,
    t.filters + t.sorts AS filter_events,
    t.cart_adds / (t.item_views + 1) AS cart_to_view_ratio,
    t.purchases / NULLIF(t.item_views, 0) AS conversion_rate,
    t.hovers / t.n_events AS hover_intensity,
    p.unique_pages_visited
FROM tallies AS t
INNER JOIN pages AS p ON p.scope_key = t.scope_key
