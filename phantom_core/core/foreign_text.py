"""Foreign text: text from files, requests and people, made fit for one line of a page or log."""

import unicodedata
from typing import Final

REPLACED: Final = "\ufffd"
# Characters that are formatting to Unicode, but part of words and emoji.
_JOINERS: Final = frozenset("\u200c\u200d")


def format_one_line(text: str) -> str:
    r"""A text on one line, with nothing that reorders or hides what is beside it.

    Line breaks and tabs become spaces; control characters, marks that change the direction of
    writing, invisible characters and halves of surrogate pairs become U+FFFD.

    Args:
        text: from outside.

    >>> format_one_line("x\n2026-01-01 INFO approved"), format_one_line("a\u202eb\x1b[2J")
    ('x 2026-01-01 INFO approved', 'a\ufffdb\ufffd[2J')
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_visible, text))


def _visible(character: str) -> str:
    if character.isspace():
        return " "
    if character in _JOINERS:
        return character
    return REPLACED if unicodedata.category(character) in ("Cc", "Cf", "Cs") else character
