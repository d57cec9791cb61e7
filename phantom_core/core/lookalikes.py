"""Look-alikes: names that people cannot tell apart, though they are different texts."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from phantom_core.core.errors import ConflictError, InputError

# Letters of other scripts that look like a Latin one in most fonts, small or capital. Source:
# Unicode Technical Standard 39, confusables, the part that keyboards for these scripts can type.
_SMALL: Final = dict(
    zip(
        "аеіїјорсԁһухѵԝѕӏԛαγινορυχωϲϳɑɡıɩ",
        "aeiijopcdhyxvwslqayivopuxwcjagii",
        strict=True,
    )
)
_CAPITAL: Final = dict(zip("вкмнтβεζηκμτ", "bkmhtbezhkmt", strict=True))
_IMITATIONS: Final = _SMALL | _CAPITAL
# Pairs and digits of one script that are read as another letter.
_PAIRS: Final = (("rn", "m"), ("vv", "w"), ("cl", "d"))
_DIGITS: Final = str.maketrans("01|!", "olll")
_INVISIBLE: Final = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufe00-\ufe0f]")
_HIDDEN: Final = frozenset(("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"))
_IMITATING: Final = frozenset(("ARMENIAN", "CHEROKEE", "COPTIC", "CYRILLIC", "GREEK"))


def visible_text(text: str) -> str:
    """A text in compatible characters, without those that nobody sees.

    >>> visible_text("s\u200b1\u2060 ")
    's1'
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    normal = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return "".join(one for one in normal if unicodedata.category(one) not in _HIDDEN).strip()


def skeleton(text: str) -> str:
    """What a text looks like: equal for texts that readers take for the same.

    >>> skeleton("M\u0430x"), skeleton("rnax"), skeleton("Max")
    ('max', 'max', 'max')
    """
    plain = "".join(
        _IMITATIONS.get(one, one)
        for one in unicodedata.normalize("NFKD", visible_text(text).casefold())
        if not unicodedata.combining(one)
    ).translate(_DIGITS)
    for pair, letter in _PAIRS:
        plain = plain.replace(pair, letter)
    return plain


def check_name(text: str, what: str) -> None:
    """Reject a name with invisible characters, or with letters that imitate Latin ones.

    A name in one other script is as good as any.

    Args:
        text: the name.
        what: it names, as part of a sentence: "account".
    Raises:
        InputError: names the character.
    """
    normal = unicodedata.normalize("NFKC", text).strip()
    if hidden := [one for one in normal if one not in visible_text(normal) and one != " "]:
        raise InputError(
            f"The name of the {what} holds the invisible character {_named(hidden[0])}.",
            hint="Type the name again, without it.",
        )
    letters = [one for one in normal.casefold() if one.isalpha()]
    foreign = [one for one in letters if _script(one) in _IMITATING]
    is_mixed = any(_script(one) == "LATIN" for one in letters)
    is_imitation = all(one in _SMALL for one in letters)
    if foreign and (is_mixed or is_imitation):
        raise InputError(
            f"The name of the {what} holds {_named(foreign[0])} among letters that look Latin.",
            hint="Type the name in one alphabet.",
        )


def require_distinct(text: str, others: Iterable[str], what: str) -> None:
    """Reject a name that looks like another one of its kind; the same name is no look-alike.

    Args:
        text: the name.
        others: names that are taken.
        what: they name, as part of a sentence: "account".
    Raises:
        ConflictError: names the other one.
    """
    mine = skeleton(text)
    for other in others:
        if other != text and skeleton(other) == mine:
            raise ConflictError(
                f"'{text}' looks like the {what} '{other}'.",
                hint="Choose a name that nobody takes for it.",
            )


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


def _named(character: str) -> str:
    return f"U+{ord(character):04X} ({unicodedata.name(character, 'without a name')})"
