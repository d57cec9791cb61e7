"""The shopper families: how each kind moves, waits, chooses and decides.

A family is defined by these data alone; `walk` turns it into events. No parameter gives away the
label: for each of them some human family and some agent family overlap, and every actor deviates
from its family (`Style.variety`, `Style.pace_spread`).
"""

from dataclasses import astuple, dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

# Price sensitivity of P(buy) = 1 / (1 + (price / base price) ^ s), as in the simulated market.
HUMAN_SENSITIVITY: Final = 2.0
AGENT_SENSITIVITY: Final = 5.0


@dataclass(frozen=True, slots=True)
class Waits:
    """Waits from one event to the next.

    Attributes:
        shape: "lognormal" (humans), "gamma" (language models), "even" (a clock with jitter).
        typical_s: typical wait, seconds: the median of the log-normal, the mean of the others.
        spread: sigma of the log; coefficient of variation of the gamma; half-width of the jitter,
            as a share of the wait.
        attention: 1 when reading takes longer than hovering, 0 when every step takes the same.
        pause_rate: share of events followed by a long pause (phone call, rate limit), in [0, 1].
        pause_s: median long pause, seconds.
    """

    shape: Literal["lognormal", "gamma", "even"]
    typical_s: float
    spread: float
    attention: float
    pause_rate: float
    pause_s: float

    def draw(self, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
        """Waits relative to the typical one, without pauses, shape (n,)."""
        if self.shape == "lognormal":
            return np.exp(self.spread * rng.standard_normal(n))
        if self.shape == "gamma":
            return rng.gamma(self.spread**-2, self.spread**2, n)
        return 1.0 + self.spread * (2.0 * rng.random(n) - 1.0)


@dataclass(frozen=True, slots=True)
class Habits:
    """Relative weights of the next step, in the order of `Move`; 0 excludes it.

    Attributes:
        list: view a page of results.
        search: type a query.
        filter: narrow by date, amenity or price.
        sort: change the order.
        open: open a product page directly (a link, a typed address).
        again: return to a product seen before in this session.
        learn: unfold the details of the product.
        hover: rest the pointer on something; never on touch screens.
        click: on a list, click a product, which then opens; on a product, click around.
    """

    list: float = 0.0
    search: float = 0.0
    filter: float = 0.0
    sort: float = 0.0
    open: float = 0.0
    again: float = 0.0
    learn: float = 0.0
    hover: float = 0.0
    click: float = 0.0

    def weights(self) -> NDArray[np.float64]:
        """The weights as an array, shape (9,)."""
        return np.array(astuple(self), float)


@dataclass(frozen=True, slots=True)
class Style:
    """How one session goes.

    Attributes:
        waits: time between events.
        on_list: weights of the next step from lists and searches.
        on_product: weights of the next step from a product page.
        length: median number of events before the session closes.
        length_spread: sigma of the log of that number.
        sweep: probability that the next product is the next of the listing, not one to the
            shopper's taste.
        taste_width: spread of products around the shopper's taste on the price ladder, 0 to 1.
        interest: P(consider) at the first quote of a product, for a session of median keenness.
        target_interest: the same for the product the session is for.
        variety: sigma of the log of an actor's own weights around the family's.
        pace_spread: sigma of the log of an actor's own speed.
    """

    waits: Waits
    on_list: Habits
    on_product: Habits
    length: float
    length_spread: float
    sweep: float
    taste_width: float
    interest: float
    target_interest: float = 0.0
    variety: float = 0.45
    pace_spread: float = 0.4


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of shopper.

    Attributes:
        name: as in the labels.
        is_agent: whether a program does the shopping.
        share: of all sessions; shares add up to 1.
        style: of every session, or of all but the last where there is a closing style.
        closing: style of an actor's last session, when it is for one product; None for families
            without.
        closing_target: which product that is, of those quoted to the actor before.
        min_sessions: least number of sessions of an actor, 1 to 6.
        mean_sessions: mean number of sessions of an actor.
        gap_h: mean time between sessions of an actor, hours.
        flatness: share of sessions at any hour of the day; the others follow the rhythm of humans.
        mobile: share of actors with a touch screen, where nothing hovers.
        telling_user_agent: share of actors whose user agent names a tool or a headless browser.
        no_user_agent: share of actors that send no user agent.
    """

    name: str
    is_agent: bool
    share: float
    style: Style
    closing: Style | None = None
    closing_target: Literal["last seen", "lowest quote"] = "last seen"
    min_sessions: int = 1
    mean_sessions: float = 3.0
    gap_h: float = 48.0
    flatness: float = 0.05
    mobile: float = 0.45
    telling_user_agent: float = 0.0
    no_user_agent: float = 0.03

    @property
    def sensitivity(self) -> float:
        """Exponent s of the family's P(buy)."""
        return AGENT_SENSITIVITY if self.is_agent else HUMAN_SENSITIVITY


_BROWSER: Final = Style(
    waits=Waits(
        "lognormal", typical_s=10.0, spread=1.05, attention=1.0, pause_rate=0.04, pause_s=90.0,
    ),
    on_list=Habits(
        list=2.0, search=0.6, filter=0.7, sort=0.3, open=0.5, again=0.3, hover=2.4, click=2.4,
    ),
    on_product=Habits(
        list=1.7, search=0.2, filter=0.1, open=0.2, again=0.5, learn=1.2, hover=2.6, click=0.9,
    ),
    length=15, length_spread=0.5, sweep=0.08, taste_width=0.22, interest=0.06,
)  # fmt: skip

_DEAL_HUNTER: Final = Style(
    waits=Waits(
        "lognormal", typical_s=7.5, spread=1.0, attention=0.9, pause_rate=0.03, pause_s=70.0,
    ),
    on_list=Habits(
        list=1.2, search=1.0, filter=2.2, sort=1.4, open=0.8, again=0.7, hover=1.5, click=2.4,
    ),
    on_product=Habits(
        list=2.0, search=0.4, filter=0.6, sort=0.3, open=0.4, again=0.8, learn=0.7, hover=1.4,
        click=0.5,
    ),
    length=21, length_spread=0.45, sweep=0.25, taste_width=0.18, interest=0.08,
)  # fmt: skip

_RETURNING_BUYER: Final = Style(
    waits=Waits(
        "lognormal", typical_s=9.0, spread=1.0, attention=1.0, pause_rate=0.04, pause_s=80.0,
    ),
    on_list=Habits(
        list=1.2, search=0.9, filter=0.6, sort=0.2, open=0.7, again=0.5, hover=1.8, click=2.0,
    ),
    on_product=Habits(
        list=1.0, search=0.2, filter=0.1, open=0.2, again=0.9, learn=1.4, hover=2.0, click=0.7,
    ),
    length=13, length_spread=0.45, sweep=0.05, taste_width=0.13, interest=0.13,
)  # fmt: skip

_RETURN: Final = Style(
    waits=Waits(
        "lognormal", typical_s=8.0, spread=0.95, attention=1.0, pause_rate=0.03, pause_s=70.0,
    ),
    on_list=Habits(list=0.5, search=0.8, filter=0.1, open=2.8, again=0.2, hover=1.0, click=1.8),
    on_product=Habits(list=0.6, open=0.2, again=0.8, learn=1.4, hover=1.6, click=0.6),
    length=9, length_spread=0.4, sweep=0.0, taste_width=0.12, interest=0.10, target_interest=0.55,
)  # fmt: skip

_FAST_EXPERT: Final = Style(
    waits=Waits(
        "lognormal", typical_s=2.8, spread=0.95, attention=0.8, pause_rate=0.025, pause_s=45.0,
    ),
    on_list=Habits(
        list=1.2, search=1.2, filter=1.2, sort=0.5, open=1.8, again=0.6, hover=0.8, click=1.8,
    ),
    on_product=Habits(
        list=1.5, search=0.5, filter=0.2, open=1.2, again=0.7, learn=0.6, hover=0.9, click=0.3,
    ),
    length=19, length_spread=0.5, sweep=0.35, taste_width=0.26, interest=0.08,
)  # fmt: skip

_SCRAPER: Final = Style(
    waits=Waits("even", typical_s=4.8, spread=0.5, attention=0.1, pause_rate=0.01, pause_s=60.0),
    on_list=Habits(
        list=1.6, search=0.2, filter=0.7, sort=0.1, open=4.0, again=0.1, hover=0.1, click=0.4,
    ),
    on_product=Habits(
        list=1.2, search=0.1, filter=0.3, open=4.0, again=0.2, learn=0.4, hover=0.1, click=0.05,
    ),
    length=22, length_spread=0.55, sweep=0.85, taste_width=0.45, interest=0.004, pace_spread=0.7,
)  # fmt: skip

_RECON: Final = Style(
    waits=Waits("gamma", typical_s=6.5, spread=0.5, attention=0.3, pause_rate=0.012, pause_s=50.0),
    on_list=Habits(
        list=1.4, search=0.6, filter=1.0, sort=0.4, open=2.6, again=0.3, hover=0.2, click=1.2,
    ),
    on_product=Habits(
        list=1.3, search=0.2, filter=0.3, open=2.2, again=0.5, learn=0.7, hover=0.2, click=0.1,
    ),
    length=20, length_spread=0.45, sweep=0.6, taste_width=0.32, interest=0.01, pace_spread=0.5,
)  # fmt: skip

_CLEAN_PURCHASE: Final = Style(
    waits=Waits(
        "lognormal", typical_s=7.0, spread=0.75, attention=0.8, pause_rate=0.02, pause_s=60.0,
    ),
    on_list=Habits(list=0.4, search=0.7, filter=0.1, open=3.0, hover=0.7, click=1.6),
    on_product=Habits(list=0.5, open=0.2, again=0.6, learn=1.2, hover=1.0, click=0.4),
    length=8, length_spread=0.4, sweep=0.0, taste_width=0.12, interest=0.08, target_interest=0.60,
)  # fmt: skip

_LLM_AGENT: Final = Style(
    waits=Waits("gamma", typical_s=12.5, spread=0.42, attention=0.2, pause_rate=0.01, pause_s=45.0),
    on_list=Habits(
        list=0.9, search=1.3, filter=1.3, sort=0.4, open=0.7, again=0.2, hover=0.3, click=2.6,
    ),
    on_product=Habits(
        list=1.4, search=0.3, filter=0.2, open=0.3, again=0.4, learn=1.4, hover=0.3, click=0.4,
    ),
    length=16, length_spread=0.4, sweep=0.20, taste_width=0.14, interest=0.13, pace_spread=0.4,
)  # fmt: skip

_COMPARISON_SHOPPER: Final = Style(
    waits=Waits("gamma", typical_s=6.5, spread=0.55, attention=0.35, pause_rate=0.01, pause_s=50.0),
    on_list=Habits(
        list=1.0, search=0.6, filter=0.8, sort=0.7, open=2.2, again=1.8, hover=0.3, click=1.2,
    ),
    on_product=Habits(
        list=0.8, search=0.2, filter=0.2, open=1.3, again=2.8, learn=0.8, hover=0.3, click=0.1,
    ),
    length=23, length_spread=0.45, sweep=0.35, taste_width=0.18, interest=0.03, pace_spread=0.45,
)  # fmt: skip

_IMITATOR: Final = Style(
    waits=Waits(
        "lognormal", typical_s=8.0, spread=0.65, attention=0.4, pause_rate=0.02, pause_s=60.0,
    ),
    on_list=Habits(
        list=1.7, search=0.5, filter=0.9, sort=0.3, open=1.5, again=0.2, hover=0.9, click=1.8,
    ),
    on_product=Habits(
        list=1.6, search=0.2, filter=0.2, open=1.2, again=0.4, learn=0.9, hover=0.9, click=0.4,
    ),
    length=18, length_spread=0.45, sweep=0.5, taste_width=0.34, interest=0.02, pace_spread=0.4,
)  # fmt: skip

FAMILIES: Final = (
    Family("browser", False, 0.205, _BROWSER),
    Family("deal_hunter", False, 0.12, _DEAL_HUNTER),
    Family("returning_buyer", False, 0.11, _RETURNING_BUYER, closing=_RETURN),
    Family("fast_expert", False, 0.08, _FAST_EXPERT, mobile=0.25),
    Family("scraper", True, 0.11, _SCRAPER,
           mean_sessions=3.5, gap_h=20, flatness=0.6, mobile=0.10, telling_user_agent=0.22,
           no_user_agent=0.06),
    Family("recon_buyer", True, 0.115, _RECON, closing=_CLEAN_PURCHASE,
    closing_target="lowest quote",
           min_sessions=2, gap_h=20, flatness=0.4, mobile=0.20, telling_user_agent=0.06,
           no_user_agent=0.04),
    Family("llm_agent", True, 0.10, _LLM_AGENT, flatness=0.2, mobile=0.10, telling_user_agent=0.12),
    Family("comparison_shopper", True, 0.08, _COMPARISON_SHOPPER,
           gap_h=30, flatness=0.4, mobile=0.15, telling_user_agent=0.10, no_user_agent=0.04),
    Family(
        "imitator", True, 0.08, _IMITATOR, gap_h=30, flatness=0.3, mobile=0.30,
        telling_user_agent=0.02,
    ),
)  # fmt: skip
