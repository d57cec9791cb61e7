-- user_agent.  Grain: scope_key.  Reads: scoped_events.
-- Units: none.  Nulls: scopes without a user agent have no row.  Online: yes.
WITH agents AS (
    SELECT scope_key, user_agent
    FROM scoped_events
    WHERE user_agent <> ''
    GROUP BY scope_key, user_agent
),
-- Only the few scopes with several user agents have to look for the first one.
several AS (
    SELECT scope_key FROM agents GROUP BY scope_key HAVING COUNT(*) > 1
),
first_of_several AS (
    SELECT e.scope_key, MIN_BY(e.user_agent, (e.event_ms, e.event_id)) AS user_agent
    FROM scoped_events AS e
    INNER JOIN several AS s ON s.scope_key = e.scope_key
    WHERE e.user_agent <> ''
    GROUP BY e.scope_key
),
-- What a user agent says about itself is read once per user agent, not once per scope.
named AS (
    SELECT user_agent, LOWER(user_agent) AS name FROM agents GROUP BY user_agent
),
-- The family with the highest rank counts: Edge also says Chrome, Chrome also says Safari, and many others say all three.
signs AS (
    SELECT * FROM (
        VALUES
        ('headless', 'headless', 0), ('phantomjs', 'headless', 0), ('slimerjs', 'headless', 0), ('htmlunit', 'headless', 0),
        ('jsdom/', 'headless', 0), ('splash version/', 'headless', 0),
        ('selenium', 'tool', 0), ('webdriver', 'tool', 0), ('playwright', 'tool', 0), ('puppeteer', 'tool', 0),
        ('cypress', 'tool', 0), ('testcafe', 'tool', 0), ('scrapy/', 'tool', 0), ('python', 'tool', 0), ('aiohttp/', 'tool', 0),
        ('httpx/', 'tool', 0), ('curl/', 'tool', 0), ('wget/', 'tool', 0), ('httpie/', 'tool', 0), ('axios/', 'tool', 0),
        ('node-fetch', 'tool', 0), ('undici', 'tool', 0), ('sindresorhus/got', 'tool', 0), ('superagent', 'tool', 0),
        ('okhttp/', 'tool', 0), ('httpclient', 'tool', 0), ('java/', 'tool', 0), ('dart/', 'tool', 0), ('go-http-client/', 'tool', 0),
        ('libwww-perl/', 'tool', 0), ('guzzlehttp/', 'tool', 0), ('faraday', 'tool', 0), ('reqwest/', 'tool', 0),
        ('postmanruntime/', 'tool', 0), ('insomnia/', 'tool', 0), ('lighthouse', 'tool', 0),
        ('bot/', 'tool', 0), ('bot-', 'tool', 0), ('crawler', 'tool', 0), ('spider', 'tool', 0), ('chatgpt-user/', 'tool', 0),
        ('claude-user/', 'tool', 0), ('bun/', 'tool', 0), ('deno/', 'tool', 0), ('winhttp', 'tool', 0), ('php/', 'tool', 0),
        ('safari/', 'Safari', 1), ('android', 'Other', 2),
        ('chrome/', 'Chrome', 3), ('crios/', 'Chrome', 3), ('chromium/', 'Chrome', 3),
        ('firefox/', 'Firefox', 4), ('fxios/', 'Firefox', 4),
        ('edg/', 'Edge', 5), ('edge/', 'Edge', 5), ('edga/', 'Edge', 5), ('edgios/', 'Edge', 5),
        ('opr/', 'Other', 6), ('opera', 'Other', 6), ('samsungbrowser/', 'Other', 6), ('yabrowser/', 'Other', 6),
        ('vivaldi/', 'Other', 6), ('ucbrowser/', 'Other', 6), ('silk/', 'Other', 6), ('whale/', 'Other', 6), ('ddg/', 'Other', 6),
        ('duckduckgo/', 'Other', 6), ('seamonkey/', 'Other', 6), ('electron/', 'Other', 6), ('fb_iab/', 'Other', 6),
        ('phantomjs', 'Other', 6), ('jsdom/', 'Other', 6), ('splash version/', 'Other', 6),
        ('bot/', 'Other', 6), ('bot-', 'Other', 6), ('crawler', 'Other', 6), ('spider', 'Other', 6), ('chatgpt-user/', 'Other', 6)
    ) AS sign (token, says, family_rank)
),
kinds AS (
    SELECT
        n.user_agent,
        COUNT(*) FILTER (WHERE s.says = 'headless') > 0 AS is_headless_browser,
        COUNT(*) FILTER (WHERE s.says = 'tool') > 0 AS is_automation_tool,
        COALESCE(MAX_BY(s.says, s.family_rank) FILTER (WHERE s.family_rank > 0), 'Other') AS browser_family
    FROM named AS n
    -- CUBOT makes telephones.
    LEFT JOIN signs AS s ON CONTAINS(REPLACE(n.name, 'cubot', ''), s.token)
    GROUP BY n.user_agent
)
SELECT a.scope_key, k.is_headless_browser, k.is_automation_tool, k.browser_family
FROM agents AS a
INNER JOIN kinds AS k ON k.user_agent = a.user_agent
LEFT JOIN first_of_several AS f ON f.scope_key = a.scope_key
WHERE f.user_agent IS NULL OR f.user_agent = a.user_agent
