"""The user-agent family, checked by hand and against ua-parser."""

from pathlib import Path

import pytest
from ua_parser import parse

from benchmarks.user_agents import AGENTS, BROWSERS, flagged, listed
from phantom_core.features.aggregate import features_at
from tests.features.events import connect, event, features

CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 "
    "Safari/537.36"
)
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0"
# Seen in the wild; one per line.
USER_AGENTS = Path(__file__).with_name("user_agents.txt").read_text(encoding="utf-8").splitlines()
FAMILY_OF = {
    "Chrome": "Chrome",
    "Chrome Mobile": "Chrome",
    "Chrome Mobile iOS": "Chrome",
    "Chrome Mobile WebView": "Chrome",
    "Chromium": "Chrome",
    "HeadlessChrome": "Chrome",
    "Edge": "Edge",
    "Edge Mobile": "Edge",
    "Firefox": "Firefox",
    "Firefox Mobile": "Firefox",
    "Firefox iOS": "Firefox",
    "Safari": "Safari",
    "Mobile Safari": "Safari",
}


def user_agent_features(user_agent: str | None) -> tuple[object, object, object]:
    row = features(event(0, user_agent=user_agent))
    return row["is_headless_browser"], row["is_automation_tool"], row["browser_family"]


def test_families_agree_with_ua_parser() -> None:
    with connect(
        event(0, session_key=i, user_agent=user_agent) for i, user_agent in enumerate(USER_AGENTS)
    ) as connection:
        found = features_at(connection)["browser_family"].to_pylist()
    parsed = [parse(user_agent).user_agent for user_agent in USER_AGENTS]
    expected = [FAMILY_OF.get(agent.family, "Other") if agent else "Other" for agent in parsed]
    assert dict(zip(USER_AGENTS, found, strict=True)) == dict(
        zip(USER_AGENTS, expected, strict=True)
    )
    assert set(found) == {"Chrome", "Firefox", "Safari", "Edge", "Other"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("user_agent", "expected"),
    [
        (CHROME, (False, False, "Chrome")),
        (CHROME.replace("Chrome/", "HeadlessChrome/"), (True, False, "Chrome")),
        (CHROME.upper(), (False, False, "Chrome")),
        (
            "Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) "
            "PhantomJS/2.1.1 Safari/538.1",
            (True, False, "Other"),
        ),
        ("selenium/4.15.2 (python linux)", (False, True, "Other")),
        ("Playwright/1.40.0 (x64; ubuntu 22.04) node/18.18", (False, True, "Other")),
        (f"{CHROME} Puppeteer", (False, True, "Chrome")),
        (f"{FIREFOX} WebDriver", (False, True, "Firefox")),
        ("python-requests/2.31.0", (False, True, "Other")),
        ("curl/8.4.0", (False, True, "Other")),
        (
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            (False, True, "Other"),
        ),
        # A telephone, not a robot.
        (
            "Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 Chrome/119.0.0.0 Mobile "
            "Safari/537.36",
            (False, False, "Chrome"),
        ),
    ],
)
def test_a_user_agent_gives_its_kind(user_agent: str, expected: tuple[bool, bool, str]) -> None:
    assert user_agent_features(user_agent) == expected


@pytest.mark.parametrize(
    "user_agent",
    [
        "Mozilla/5.0 (compatible; AmazonBuyForMe; +https://www.amazon.com/)",
        CHROME.replace("Gecko)", "Gecko; compatible; GoogleAgent-Mariner)"),
        f"{CHROME}; Manus-User/1.0",
        "Mozilla/5.0 (compatible; TavilyBot; +https://tavily.com/)",
        "Mozilla/5.0 (compatible; atlassian-bot; +https://www.atlassian.com/)",
        "Mozilla/5.0 (compatible; SomeBot)",
        "meta-externalfetcher/1.1",
        "newspaper/0.2.6",
        "node",
        "Ruby",
        "curl",
    ],
)
def test_agents_that_shop_and_tools_are_automation(user_agent: str) -> None:
    assert user_agent_features(user_agent)[1] is True


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("Chrome", "Chrome"),
        ("Safari (in-app)", "Safari"),
        ("Firefox", "Firefox"),
        ("Edge", "Edge"),
        ("Samsung Internet", "Other"),
        ("Opera", "Other"),
        ("Android Webview", "Other"),
    ],
)
def test_a_browsers_name_tells_its_family_and_nothing_of_automation(name: str, family: str) -> None:
    assert user_agent_features(name) == (None, None, family)


def test_no_browser_of_a_person_is_called_a_tool() -> None:
    people = [
        one
        for one in USER_AGENTS
        if (agent := parse(one).user_agent)
        and FAMILY_OF.get(agent.family)
        and "Headless" not in one
        and "Lighthouse" not in one
    ]
    assert len(people) > 10
    with connect(
        event(0, session_key=i, user_agent=user_agent) for i, user_agent in enumerate(people)
    ) as connection:
        found = features_at(connection)["is_automation_tool"].to_pylist()
    assert [one for one, is_tool in zip(people, found, strict=True) if is_tool] == []


def test_public_agents_are_found_and_no_browser_of_a_person_is() -> None:
    agents, browsers = listed(AGENTS), listed(BROWSERS)
    assert len(agents) > 2_000
    assert len(browsers) > 500
    assert sum(flagged(agents)) >= 0.97 * len(agents)
    assert [name for name, flag in zip(browsers, flagged(browsers), strict=True) if flag] == []


@pytest.mark.parametrize(
    "app",
    [
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
        "Gecko) Version/17.5 Mobile/15E148 Safari/604.1 (Ecosia ios@10.1.0.1512)",
        "Mozilla/5.0 (Linux; Android 15; CPH2557; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Version/4.0 Chrome/142.0.7444.142 Mobile Safari/537.36 Instagram 406.0.0.58.159 Android",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
        "Gecko) Mobile/15E148 [FBAN/FBIOS;FBAV/460.0.0.33.107;FBBV/586087346;FBDV/iPhone14,5]",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
        "Gecko) GSA/320.0.641791520 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Linux; Android 13; V2141A; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Version/4.0 Chrome/116.0.0.0 Mobile Safari/537.36 MicroMessenger/8.0.48.2580 WeChat/arm64 "
        "Weixin NetType/WIFI Language/zh_CN ABI/arm64",
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/142.0.0.0 Safari/537.36",
        "Amazon CloudFront",  # what a shop behind it sees of everybody
    ],
)
def test_browsers_inside_apps_are_people(app: str) -> None:
    assert not any(flagged([app]))


@pytest.mark.parametrize("user_agent", [None, ""])
def test_without_a_user_agent_nothing_is_known(user_agent: str | None) -> None:
    assert user_agent_features(user_agent) == (None, None, None)


def test_the_first_user_agent_counts() -> None:
    assert (
        features(event(5, user_agent=FIREFOX), event(0, user_agent=CHROME))["browser_family"]
        == "Chrome"
    )


def test_events_without_a_user_agent_are_passed_over() -> None:
    events = event(0), event(1, user_agent=""), event(2, user_agent=FIREFOX)
    assert features(*events)["browser_family"] == "Firefox"


def test_within_a_millisecond_the_lower_event_id_is_first() -> None:
    events = (
        event(0, event_id=2, user_agent=CHROME),
        event(0, event_id=-1, user_agent=FIREFOX),
        event(0, event_id=7, user_agent=CHROME),
    )
    assert features(*events)["browser_family"] == "Firefox"
