"""Reasons: why a row goes into quarantine, and how to fix it."""

from dataclasses import dataclass
from typing import Final

from phantom_core.accounts.permissions import needs_no_permission


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason code.

    Attributes:
        code: as stored in the lake.
        meaning: what was found, one sentence.
        fix: what to do about it, one sentence.
    """

    code: str
    meaning: str
    fix: str


REASONS: Final = (
    Reason(
        "erased",
        "The row belongs to a session or person that was erased; it is counted and not stored.",
        "Nothing; an administrator can allow it again (privacy allow).",
    ),
    Reason(
        "missing_session_id",
        "The row does not say which session it belongs to.",
        "Map another column to the session, or fix the export.",
    ),
    Reason(
        "missing_timestamp",
        "The row has no time.",
        "Map another column to the time, or fix the export.",
    ),
    Reason(
        "bad_timestamp",
        "The time is not a date that PHANTOM can read, or lies before 1995.",
        "Use ISO 8601 or a number since 1970; set the time unit in the mapping when it is detected "
        "wrongly.",
    ),
    Reason(
        "future_timestamp",
        "The time lies ahead of this computer's clock.",
        "Check the time zone and the time unit in the mapping, and the clock of the sender.",
    ),
    Reason(
        "empty_list",
        "The list that the mapping unfolds is missing or empty in this row.",
        "Nothing where rows without events are normal; else check `each` in the mapping.",
    ),
    Reason(
        "missing_event_name",
        "The row does not say what happened.",
        "Map another column to the event name, or give a constant.",
    ),
    Reason(
        "unknown_event_name",
        "PHANTOM does not know the event's name.",
        "Map it to a known event (tab Map columns).",
    ),
    Reason(
        "missing_product_id",
        "A quote does not say which product it is for.",
        "Map another column to the product.",
    ),
    Reason(
        "unknown_store_mode",
        "The store mode is not hotel, airline or shop.",
        "Give a constant store mode in the mapping.",
    ),
    Reason(
        "bad_metadata",
        "The metadata is not a JSON object.",
        'Send an object such as {"price": 9.9}, or leave the column out of the mapping.',
    ),
    Reason("missing_price", "A quote has no price.", "Map another column to the price."),
    Reason(
        "bad_price",
        "A price is not a number.",
        "Send plain numbers: no currency sign, a point for decimals.",
    ),
    Reason("negative_price", "A price is below zero.", "Send refunds apart from prices."),
    Reason(
        "bad_propensity",
        "The propensity is not a probability between 0 and 1.",
        "Fix the quote log, or leave the column out.",
    ),
    Reason(
        "field_too_large",
        "A field is longer than the limit.",
        "Raise PHANTOM_MAX_FIELD_BYTES if such fields are intended.",
    ),
    Reason(
        "bad_encoding",
        "The row holds bytes that are not text in the file's encoding.",
        "Name the file's encoding in the mapping, such as latin-1.",
    ),
    Reason(
        "wrong_column_count",
        "The row has more or fewer cells than the header.",
        "Quote cells that hold the delimiter, or name the delimiter.",
    ),
    Reason(
        "unclosed_quote",
        "A quotation mark is opened and not closed.",
        "Double the quotes inside quoted cells.",
    ),
    Reason("broken_json", "The row is not valid JSON.", "Export the row again."),
    Reason(
        "not_an_object", "The row is JSON, but not an object.", "Write one object { … } per row."
    ),
    Reason(
        "nested_too_deep",
        "Objects and arrays stand in each other more than 64 deep.",
        "Send the metadata flat; no storefront nests so deep.",
    ),
    Reason(
        "truncated_file",
        "The file ends unexpectedly here.",
        "Load the whole file; only missing rows will be added.",
    ),
    Reason("missing_experiment_id", "An experiment has no id.", "Fill the column id."),
    Reason("bad_flag", "xp_human_only is neither true nor false.", "Write true or false."),
    Reason(
        "bad_number",
        "A number of the catalogue is not a number, or is below zero.",
        "Send plain numbers: no currency sign, a point for decimals.",
    ),
    Reason("bad_refundable", "is_refundable is neither true nor false.", "Write true or false."),
    Reason(
        "unknown_label",
        "The label is neither agent nor human.",
        "Write agent or human (also bot, scraper, user, 1, 0).",
    ),
    Reason("missing_label", "The row has neither a label nor a family.", "Fill the column label."),
)
_BY_CODE: Final = {reason.code: reason for reason in REASONS}


@needs_no_permission
def reason_of(code: str) -> Reason:
    """A reason by its code; an unknown code is its own meaning.

    >>> reason_of("broken_json").meaning
    'The row is not valid JSON.'
    """
    return _BY_CODE.get(code, Reason(code, code.replace("_", " ").capitalize() + ".", ""))
