"""Text options: what a mapping says of how its files are written."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TextOptions:
    """How a file of text is written; what is not said is detected.

    Attributes:
        delimiter: between its cells; None means the one that splits the first line most.
        encoding: None means UTF-8, or what its first bytes say.
        quote: around cells that hold a delimiter; "" where quotes are text; None means '"', and in
            text with tabs "" unless the header is quoted.
        escape: before a quote that is text; "" where quotes are doubled.
        header: names of the columns of a file whose first line is a row already.
        skip_lines: lines before the header, such as a title.
        header_file: name of a file in the same folder whose first line names the columns; "" for
            none.
    """

    delimiter: str | None = None
    encoding: str | None = None
    quote: str | None = None
    escape: str = ""
    header: tuple[str, ...] = ()
    skip_lines: int = 0
    header_file: str = ""


DETECTED = TextOptions()
