"""Guard rails: no price leaves them."""

import math
from typing import Final, Literal

Rail = Literal["lowest", "highest"]
_CENTS: Final = 100


def within_rails(price: float, lowest: float, highest: float) -> tuple[float, Rail | None]:
    """A price in whole cents between two rails, and the rail that moved it; where no cent lies
    between them, the nearer rail itself.

    >>> within_rails(112.3456, 70.0, 150.0), within_rails(200.0, 70.0, 150.0), within_rails(1.0, 0.0101, 0.0199)
    ((112.35, None), (150.0, 'highest'), (0.0199, 'highest'))
    """
    rail: Rail | None = "lowest" if price < lowest else "highest" if price > highest else None
    cents = round(price, 2)
    if lowest <= cents <= highest:
        return cents, rail
    least, most = math.ceil(lowest * _CENTS - 1e-9), math.floor(highest * _CENTS + 1e-9)
    if least > most:
        return min(max(price, lowest), highest), rail
    return (least if cents < lowest else most) / _CENTS, rail
