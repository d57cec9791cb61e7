-- release_sessions.  Grain: session.  Reads: decisions, stage (epoch), live_arms (price_experiment, variant).
-- Sessions that began in a stage of a rollout and were priced by what is live: no arm of an experiment set their price.
SELECT d.session_key, ANY_VALUE(d.session_id) AS session_id
FROM decisions AS d
LEFT JOIN stage AS s ON s.epoch = d.epoch
LEFT JOIN live_arms AS a ON a.price_experiment = d.price_experiment AND a.variant = d.variant
WHERE d.session_id IS NOT NULL AND d.session_key IN (SELECT x.session_key FROM decisions AS x JOIN stage AS y ON y.epoch = x.epoch)
GROUP BY d.session_key
HAVING BOOL_AND(s.epoch IS NOT NULL) AND BOOL_AND(d.price_experiment IS NULL OR a.variant IS NOT NULL)
ORDER BY d.session_key
