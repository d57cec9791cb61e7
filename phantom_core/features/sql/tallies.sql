-- tallies.  Grain: scope_key.  Reads: scoped_events.
-- How often each kind of event happened, counted in one pass for the families that need it.
-- Units: counts; revenue in the shop's currency.  Nulls: revenue where nothing was paid.  Online: yes.
SELECT
    scope_key,
    COUNT(*) AS n_events,
    COUNT(*) FILTER (WHERE event_name = 'page_view') AS page_views,
    COUNT(*) FILTER (WHERE event_name IN ('view_item_page', 'learn_more_about_item')) AS item_views,
    COUNT(*) FILTER (WHERE event_name = 'add_item_to_cart') AS cart_adds,
    COUNT(*) FILTER (WHERE event_name = 'purchase_complete') AS purchases,
    COUNT(*) FILTER (WHERE event_name LIKE 'hover%') AS hovers,
    COUNT(*) FILTER (WHERE event_name = 'search' OR event_name LIKE 'filter%') AS filters,
    COUNT(*) FILTER (WHERE event_name = 'sort_change') AS sorts,
    SUM(amount_paid) FILTER (WHERE event_name = 'purchase_complete') AS revenue
FROM scoped_events
GROUP BY scope_key
