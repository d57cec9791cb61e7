-- labels.  Grain: session_key.  Reads: sessions, experiments, session_labels.
-- Nulls: is_agent where neither a person nor an experiment says it, never false; family where nobody named it.
SELECT
    s.session_key,
    COALESCE(l.is_agent, NOT x.xp_human_only) AS is_agent,
    l.family
FROM sessions AS s
LEFT JOIN experiments AS x ON x.experiment_id = s.experiment_id
LEFT JOIN session_labels AS l ON l.session_id = s.session_id
