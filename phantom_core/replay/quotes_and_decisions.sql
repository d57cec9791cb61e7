-- quotes_and_decisions.  Grain: quote.  Reads: quotes, decisions.  Columns: those of quotes that the ledger and replays read.
-- Every price that was shown: those the shop logged, and those the pricing service decided, which have a propensity. A quote of the
-- same session, product and price within a minute of a decision is that decision, logged by the storefront as well.
-- Nulls: base_price, propensity where not recorded.
SELECT q.session_key, q.event_ms, q.event_seq, q.event_id, q.session_id, q.product_id, q.store_mode, q.price, q.base_price, q.propensity
FROM quotes AS q
WHERE NOT EXISTS (
    SELECT 1
    FROM decisions AS d
    WHERE d.session_key = q.session_key AND d.product_id = q.product_id
        AND ABS(d.price - q.price) <= 0.0051 AND ABS(d.decided_ms - q.event_ms) <= 60000
)
UNION ALL
SELECT session_key, decided_ms, 0 AS event_seq, event_id, session_id, product_id, store_mode, price, base_price, propensity
FROM decisions
WHERE session_key IS NOT NULL
