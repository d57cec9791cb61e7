"""Clients: the browsers and tools that send the events, and their event vocabularies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom_core.shoppers.actors import Population
from phantom_core.shoppers.families import Family

_WEBKIT: Final = "AppleWebKit/537.36 (KHTML, like Gecko)"
_WINDOWS: Final = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT}"
_MAC: Final = f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_WEBKIT}"
_LINUX: Final = f"Mozilla/5.0 (X11; Linux x86_64) {_WEBKIT}"
_ANDROID: Final = f"Mozilla/5.0 (Linux; Android 10; K) {_WEBKIT}"
_IPHONE: Final = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko)"
)

# user agent, share
_DESKTOP: Final = (
    (f"{_WINDOWS} Chrome/142.0.0.0 Safari/537.36", 0.34),
    (f"{_WINDOWS} Chrome/143.0.0.0 Safari/537.36", 0.14),
    (f"{_MAC} Chrome/142.0.0.0 Safari/537.36", 0.16),
    (f"{_LINUX} Chrome/142.0.0.0 Safari/537.36", 0.04),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/18.1 Safari/605.1.15",
        0.11,
    ),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0", 0.07),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", 0.02),
    (f"{_WINDOWS} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0", 0.10),
    (f"{_WINDOWS} Chrome/141.0.0.0 Safari/537.36 OPR/125.0.0.0", 0.02),
)
_MOBILE: Final = (
    (f"{_ANDROID} Chrome/142.0.0.0 Mobile Safari/537.36", 0.46),
    (f"{_IPHONE} Version/18.1 Mobile/15E148 Safari/604.1", 0.46),
    (f"{_ANDROID} SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36", 0.08),
)
_TOOLS: Final = (
    f"{_LINUX} HeadlessChrome/142.0.0.0 Safari/537.36",
    f"{_LINUX} HeadlessChrome/141.0.0.0 Safari/537.36 Playwright/1.56.0",
    f"{_WINDOWS} HeadlessChrome/142.0.0.0 Safari/537.36 Puppeteer/24.30.0",
    "python-requests/2.32.5",
    "python-httpx/0.28.1",
    "Scrapy/2.13.4 (+https://scrapy.org)",
    f"{_LINUX} Chrome/142.0.0.0 Safari/537.36 Selenium/4.38.0",
)
USER_AGENTS: Final = (*(name for name, _ in (*_DESKTOP, *_MOBILE)), *_TOOLS)
_FIRST_TOOL: Final = len(_DESKTOP) + len(_MOBILE)
_SECOND_DEVICE: Final = 0.15
_EARLIER_CLIENT: Final = 0.25
VIEWPORTS: Final = (
    "1920x1080",
    "1440x900",
    "1536x864",
    "1366x768",
    "390x844",
    "412x915",
    "360x780",
    "393x852",
)
_FIRST_MOBILE_VIEWPORT: Final = 4
REFERRERS: Final = (
    "https://www.google.com/",
    "https://www.bing.com/",
    "direct",
    "newsletter",
    "https://www.reddit.com/",
)


@dataclass(frozen=True, slots=True)
class Clients:
    """What each session's client reports, arrays of shape (n_sessions,).

    Attributes:
        user_agent: position in USER_AGENTS; -1 for none.
        is_mobile: whether it has a touch screen, where nothing hovers.
        is_earlier: whether it uses the earlier vocabulary ("product_view", "add_to_cart").
        viewport: position in VIEWPORTS.
        referrer: position in REFERRERS.
    """

    user_agent: NDArray[np.int64]
    is_mobile: NDArray[np.bool_]
    is_earlier: NDArray[np.bool_]
    viewport: NDArray[np.int64]
    referrer: NDArray[np.int64]


def draw_clients(
    population: Population, families: Sequence[Family], rng: np.random.Generator
) -> Clients:
    """Draw the clients of all sessions: one per actor, and now and then a second device.

    Args:
        population: actors and their sessions.
        families: shares of actors with a revealing user agent, and with none.
        rng: source of all randomness.
    """
    n = population.actor.size
    own = _draw_user_agents(population.family, families, rng)[population.actor]
    other = _draw_user_agents(population.family[population.actor], families, rng)
    device = np.where(rng.random(n) < _SECOND_DEVICE, other, own)
    is_mobile = (device >= len(_DESKTOP)) & (device < _FIRST_TOOL)
    hides = (
        rng.random(population.family.size)
        < np.array([kind.no_user_agent for kind in families])[population.family]
    )
    return Clients(
        user_agent=np.where(hides[population.actor], -1, device),
        is_mobile=is_mobile,
        is_earlier=rng.random(n) < _EARLIER_CLIENT,
        viewport=rng.integers(0, _FIRST_MOBILE_VIEWPORT, n) + _FIRST_MOBILE_VIEWPORT * is_mobile,
        referrer=rng.integers(0, len(REFERRERS), n),
    )


def _draw_user_agents(
    family: NDArray[np.int64], families: Sequence[Family], rng: np.random.Generator
) -> NDArray[np.int64]:
    n = family.size
    desktop = rng.choice(len(_DESKTOP), n, p=[share for _, share in _DESKTOP])
    mobile = len(_DESKTOP) + rng.choice(len(_MOBILE), n, p=[share for _, share in _MOBILE])
    drawn = np.where(
        rng.random(n) < np.array([kind.mobile for kind in families])[family], mobile, desktop
    )
    reveals = rng.random(n) < np.array([kind.telling_user_agent for kind in families])[family]
    return np.where(reveals, _FIRST_TOOL + rng.integers(0, len(_TOOLS), n), drawn)
