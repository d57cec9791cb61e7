"""Currency: the unit of every amount on a page, as the installation names it."""

from dataclasses import dataclass

from phantom_core.core.settings import Settings
from ui.frame.wording import format_money


@dataclass(frozen=True, slots=True)
class Currency:
    """The currency of all prices.

    Attributes:
        code: ISO 4217; empty where the installation names none.

    >>> Currency("EUR").money(1_200.4), Currency("").money(9.5), Currency("").unit
    ('1,200 EUR', '9.50', 'currency units')
    """

    code: str

    @property
    def unit(self) -> str:
        """Of amounts, for axes and column titles."""
        return self.code or "currency units"

    @property
    def note(self) -> str:
        """What amounts are in, for a caption."""
        return (
            f"Amounts in {self.code}."
            if self.code
            else "Amounts in currency units (the setting PHANTOM_CURRENCY names them)."
        )

    def money(self, amount: float | None) -> str:
        """An amount."""
        return f"{format_money(amount)} {self.code}".strip()


def currency_of(settings: Settings) -> Currency:
    """The currency of an installation."""
    return Currency(settings.currency)
