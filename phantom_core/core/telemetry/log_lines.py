"""Log lines: one line for each message, whatever text of others it quotes."""

import logging
from typing import Final

from phantom_core.core.foreign_text import format_one_line

FORMAT: Final = "%(levelname)s:%(name)s:%(message)s"


class OneLine(logging.Formatter):
    """A formatter whose messages cannot begin a line of their own; traces follow on theirs."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The line of a record, without its trace."""
        return format_one_line(super().formatMessage(record))


def set_up_logging(level: str | int, format_: str = FORMAT) -> None:
    """Write the log of this process to standard error, one line for each message.

    Args:
        level: the least severe messages to write.
        format_: of a line, as `logging.Formatter` reads it.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine(format_))
    logging.basicConfig(level=level, handlers=[handler])
