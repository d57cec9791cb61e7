"""Wording: figures and names as pages show them."""

import re
from datetime import UTC, date, datetime
from math import isnan
from typing import TYPE_CHECKING, Final

from phantom_core.core.foreign_text import format_one_line
from phantom_core.views.workspace.shares import Share

if TYPE_CHECKING:
    from phantom_core.core.estimate import Estimate

NOTHING = "–"
_HOURS_AS_DAYS: Final = 48
_TITLES: Final = {"std_time_between_events": "irregularity of clicks (SD of gaps, s)"}
# Labels of features in links from before they had a title → the title.
OLD_FEATURE_NAMES: Final = {name.replace("_", " "): title for name, title in _TITLES.items()}

# Characters that mean something to Markdown anywhere in a line. An underscore between letters
# does not, so that names stay as they are written.
_SPECIAL: Final = re.compile(r"[\\`*\[\]<>~$|&^{}]|(?<![^\W_])_|_(?![^\W_])")
_LINKING: Final = re.compile(r"[\[\]<$&]")
_BLOCK_START: Final = re.compile(r"^(\s*)([#+=-](?=[#+=\s-]|$)|\d+(?=[.)](?:\s|$)))")
# Streamlit turns shortcodes and bare addresses into icons and links after it has parsed a text,
# when backslashes are gone; an invisible joiner keeps these from being recognised.
_SHORTCODE: Final = re.compile(r":(?=[\w+/-]+:)")
_ADDRESS: Final = re.compile(r"(?i)\b(https?|ftp|mailto|javascript|data)(?=:)|\bwww(?=\.)")
_CLOCK: Final = re.compile(r":(?=[0-5]\d:)")
JOINER: Final = "\u2060"


def escape(text: str | None) -> str:
    r"""A text from outside as Markdown that shows it as it is, on one line.

    Whatever a page draws that it has not written itself passes through here: names, reasons, user
    agents, IDs, file names, errors that quote them. Nothing in it becomes an image, a link, a
    formula, an icon, a colour or a second line.

    Args:
        text: from a file, a request or a person; None is empty.

    >>> escape("![](https://evil.test/a.png)").replace(JOINER, "~")
    '!\\[\\](https~://evil.test/a.png)'
    >>> escape("a_b *c* :red[x]\n- gate"), escape("chat_shop_agent"), escape(None)
    ('a_b \\*c\\* :red\\[x\\] - gate', 'chat_shop_agent', '')
    """
    line = format_one_line(text or "").strip()
    line = _unlinked(_SPECIAL.sub(r"\\\g<0>", line))
    return _BLOCK_START.sub(lambda at: _without_block(at[1], at[2]), line)


def _unlinked(line: str) -> str:
    """A line whose addresses and shortcodes are text."""
    line = _ADDRESS.sub(rf"\g<0>{JOINER}", line)
    return _SHORTCODE.sub(lambda at: ":" if _CLOCK.match(line, at.start()) else f":{JOINER}", line)


def _without_block(blanks: str, mark: str) -> str:
    return f"{blanks}{mark}{JOINER}" if mark.isdigit() else f"{blanks}\\{mark}"


def escape_document(document: str) -> str:
    r"""A Markdown document that was stored, with its headings, tables and emphasis alone.

    Model cards quote names of families and features; links, images, formulas, icons, colours and
    HTML in them are shown as text.

    >>> escape_document("# Card\n| a | [x](y) |")
    '# Card\n| a | \\[x\\](y) |'
    """
    return "\n".join(_unlinked(_LINKING.sub(r"\\\g<0>", line)) for line in document.split("\n"))


def code_span(text: str | None) -> str:
    """A text from outside in the type of code, on one line.

    >>> code_span("a`b"), code_span("")
    ("`a'b`", '')
    """
    line = format_one_line(text or "").replace("`", "'").strip()
    return f"`{line}`" if line else ""


def format_count(n: float | None) -> str:
    """A count, abbreviated from ten millions on.

    >>> format_count(3517), format_count(105_786), format_count(12_400_000), format_count(None)
    ('3,517', '105,786', '12.4 M', '–')
    """
    if n is None:
        return NOTHING
    return with_minus(f"{n / 1e6:,.1f} M" if n >= 1e7 else f"{n:,.0f}")


def format_number_of(n: int, noun: str) -> str:
    """A count of things.

    >>> format_number_of(1, "session"), format_number_of(2_000, "session")
    ('1 session', '2,000 sessions')
    """
    return f"{format_count(n)} {noun}" if n == 1 else f"{format_count(n)} {noun}s"


def format_percent(share: float | None, digits: int = 0) -> str:
    """A share as a percentage; a small one keeps a digit.

    >>> format_percent(0.466), format_percent(0.0004), format_percent(0.0), format_percent(None)
    ('47 %', '0.04 %', '0 %', '–')
    """
    if share is None:
        return NOTHING
    small = 0 < share < 0.01
    return with_minus(
        f"{share:.{2 if share < 0.001 else 1}%}".replace("%", " %")
        if small
        else f"{share * 100:.{digits}f} %"
    )


def format_interval(estimate: "Share | Estimate", digits: int = 0) -> str:
    """A 95 % interval of a share.

    >>> format_interval(Share(0.5, 0.404, 0.596, 100))
    '40–60 %'
    """
    return f"{estimate.low * 100:.{digits}f}–{estimate.high * 100:.{digits}f} %"


def format_estimate(estimate: "Estimate", digits: int = 3) -> str:
    """A figure with its interval.

    >>> from phantom_core.evaluation.ranking import Estimate
    >>> format_estimate(Estimate(0.9405, 0.9326, 0.9477))
    '0.941 (0.933–0.948)'
    """
    value, low, high = (
        with_minus(f"{one:.{digits}f}") for one in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} ({low}{'–' if estimate.low >= 0 else ' to '}{high})"


def format_money(amount: float | None) -> str:
    """An amount in the shop's currency, which `ui.frame.currency` names.

    >>> format_money(107_012.65), format_money(9.5), format_money(-1_200)
    ('107,013', '9.50', '−1,200')
    """
    if amount is None or isnan(amount):
        return NOTHING
    return with_minus(
        f"{amount / 1e6:,.2f} M"
        if abs(amount) >= 1e7
        else f"{amount:,.0f}"
        if abs(amount) >= 1_000
        else f"{amount:,.2f}"
    )


def format_change(change: "Estimate", *, as_points: bool = False) -> str:
    """A change with its interval, signed.

    Args:
        change: with its 95 % interval.
        as_points: whether it is a difference of shares.

    >>> from phantom_core.core.estimate import Estimate
    >>> format_change(Estimate(28.6, -1_552.0, 1_598.0))
    '+29 (−1,552 to +1,598)'
    >>> format_change(Estimate(-0.03, -0.041, -0.021), as_points=True)
    '−3.0 points (−4.1 to −2.1)'
    """
    figures = (change.value, change.low, change.high)
    texts = [f"{100 * one:.1f}" for one in figures] if as_points else _amounts(figures)
    value, low, high = (_signed(one, text) for one, text in zip(figures, texts, strict=True))
    return f"{value}{' points' if as_points else ''} ({low} to {high})"


def _signed(value: float, text: str) -> str:
    return f"+{text}" if value > 0 else with_minus(text)


def format_range(estimate: "Estimate") -> str:
    """A 95 % interval of an amount.

    >>> from phantom_core.core.estimate import Estimate
    >>> format_range(Estimate(1_866.2, 850.4, 3_220.6))
    '850 to 3,221'
    """
    low, high = _amounts((estimate.low, estimate.high))
    return f"{low} to {high}"


def _amounts(figures: tuple[float, ...]) -> list[str]:
    """Amounts that stand together, with as many decimals as the largest."""
    is_large = any(abs(one) >= 1_000 for one in figures)
    is_huge = any(abs(one) >= 1e7 for one in figures)
    return [
        with_minus(f"{one:,.0f}") if is_large and not is_huge else format_money(one)
        for one in figures
    ]


def with_minus(text: str) -> str:
    """A formatted number with a true minus sign; a zero has none.

    >>> with_minus("-13"), with_minus("-0.0")
    ('−13', '0.0')
    """
    if not text.startswith("-"):
        return text
    return f"−{text[1:]}" if any(digit in text for digit in "123456789") else text[1:]


def format_duration(seconds: float | None) -> str:
    """A length of time.

    >>> format_duration(6.95), format_duration(208.2), format_duration(7_400)
    ('7.0 s', '3 min 28 s', '2 h 3 min')
    >>> format_duration(3 * 86_400 + 5_000)
    '3 days'
    """
    if seconds is None:
        return NOTHING
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < _HOURS_AS_DAYS else f"{hours // 24} days"


def format_moment(event_ms: int | None) -> str:
    """A moment, UTC.

    >>> format_moment(1_767_571_553_209)
    '2026-01-05 00:05'
    """
    return NOTHING if event_ms is None else f"{_utc(event_ms):%Y-%m-%d %H:%M}"


def format_period(start_ms: int | None, end_ms: int | None) -> str:
    """A period, UTC.

    >>> start_ms = 1_767_571_553_209
    >>> format_period(start_ms, 1_771_199_961_539), format_period(start_ms, 1_767_581_553_209)
    ('5 Jan – 15 Feb 2026', '5 Jan 2026, 00:05–02:52')
    """
    if start_ms is None or end_ms is None:
        return NOTHING
    start, end = _utc(start_ms), _utc(end_ms)
    if start.date() == end.date():
        return f"{start.day} {start:%b %Y}, {start:%H:%M}–{end:%H:%M}"
    year = f" {start.year}" if start.year != end.year else ""
    return f"{start.day} {start:%b}{year} – {end.day} {end:%b} {end.year}"


def format_day(day: date) -> str:
    """A day.

    >>> format_day(date(2026, 2, 9))
    '9 Feb 2026'
    """
    return f"{day.day} {day:%b %Y}"


def format_days(first: date, last: date) -> str:
    """Days from one to another, both included.

    >>> format_days(date(2026, 2, 9), date(2026, 2, 15))
    '9 Feb – 15 Feb 2026'
    """
    if first == last:
        return format_day(first)
    year = f" {first.year}" if first.year != last.year else ""
    return f"{first.day} {first:%b}{year} – {format_day(last)}"


def feature_name(name: str) -> str:
    """A feature's name as a phrase.

    >>> feature_name("avg_time_between_events"), feature_name("is_headless_browser")
    ('avg time between events', 'is headless browser')
    >>> feature_name("std_time_between_events")
    'irregularity of clicks (SD of gaps, s)'
    """
    if name in _TITLES:
        return _TITLES[name]
    return (
        name.replace("_", " ").replace(" sec", " (s)")
        if name.endswith("_sec")
        else name.replace("_", " ")
    )


def feature_axis(name: str, unit: str) -> str:
    """A feature's name with its unit, for an axis.

    >>> feature_axis("interaction_velocity", "events/min")
    'interaction velocity, events/min'
    >>> feature_axis("browser_family", "category")
    'browser family'
    """
    title = feature_name(name)
    return title if unit in ("category", "yes/no") or title.endswith(")") else f"{title}, {unit}"


def capitalise(text: str) -> str:
    """A text with a capital first letter; the rest stays as it is.

    >>> capitalise("irregularity of clicks (SD of gaps, s)")
    'Irregularity of clicks (SD of gaps, s)'
    """
    return text[:1].upper() + text[1:]


def feature_value(value: float | int | bool | str | None) -> str:
    """A feature's value; whole numbers without decimals.

    >>> [feature_value(value) for value in (4.0949, 12.0, True, None, "Chrome")]
    ['4.09', '12', 'yes', 'undefined', 'Chrome']
    """
    if value is None:
        return "undefined"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1_000 else f"{value:.3g}"


def family_name(name: str) -> str:
    """A family's name as a phrase."""
    return name.replace("_", " ")


def _utc(event_ms: int) -> datetime:
    return datetime.fromtimestamp(event_ms / 1_000, UTC)
