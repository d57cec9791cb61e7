"""Alarm budget: how unlikely a figure must be by chance before it raises an alert.

Checks look again and again at weeks that overlap. A budget of false alerts a week is divided among
the looks, so that looking more often raises no more of them.
"""

from typing import Final

# About one false alert a year, for each check.
FALSE_ALERTS_A_WEEK: Final = 0.02
WEEK_S: Final = 7 * 86_400
# Two adjoining weeks that move on by t weeks are correlated by 1 − 1.5 t, so their difference
# crosses a high level u about 1.5 u² times as often in a week as at one look, however often it is
# looked at (Pickands 1969, Upcrossing probabilities for stationary Gaussian processes); u is 3.2.
MOST_LOOKS: Final = 15


def level_of_look(every_s: float) -> float:
    """Probability of a false alert of one check at one look.

    Args:
        every_s: seconds between two looks.

    >>> level_of_look(7 * 86_400), round(level_of_look(3_600), 5)
    (0.02, 0.00133)
    """
    looks = min(MOST_LOOKS, max(1.0, WEEK_S / every_s))
    return FALSE_ALERTS_A_WEEK / looks
