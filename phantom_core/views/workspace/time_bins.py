"""Time bins: familiar widths, few enough to draw."""

from typing import Final

from phantom_core.accounts.permissions import needs_no_permission

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
WIDTHS_MS: Final = {
    MINUTE_MS: "minute",
    5 * MINUTE_MS: "5 minutes",
    15 * MINUTE_MS: "15 minutes",
    HOUR_MS: "hour",
    6 * HOUR_MS: "6 hours",
    DAY_MS: "day",
    7 * DAY_MS: "7 days",
    28 * DAY_MS: "28 days",
    364 * DAY_MS: "364 days",
}
MAX_BINS: Final = 100


@needs_no_permission
def bin_width_ms(span_ms: int) -> int:
    """The narrowest width that splits a period into at most MAX_BINS.

    Args:
        span_ms: length of the period, from 0.

    >>> bin_width_ms(31 * DAY_MS) == DAY_MS, bin_width_ms(3 * HOUR_MS) == 5 * MINUTE_MS
    (True, True)
    """
    return next((width for width in WIDTHS_MS if span_ms <= width * MAX_BINS), max(WIDTHS_MS))
