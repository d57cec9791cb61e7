"""Saved report: a training's report and card, with the studies that were run after it.

A saved model is frozen when it is usable; studies of its robustness take longer, so they stand in a
file of their own beside it.
"""

from typing import Final

from pydantic import TypeAdapter, ValidationError

from phantom_core.evaluation import report as reports
from phantom_core.evaluation.model_card import model_card
from phantom_core.evaluation.report import ClassifierReport, Robustness, parse_report
from phantom_core.model_kinds.classifier import CLASSIFIER
from phantom_core.model_store.store import StoredModel, replace_file

STUDIES: Final = "studies.json"
_ADAPTER: Final = TypeAdapter(Robustness)


def read_report(model: StoredModel) -> ClassifierReport:
    """Report of a saved classifier, with its studies where they were run.

    Raises:
        DataError: its report is damaged.
    """
    report = parse_report(model.read(reports.FILE))
    found = _read_studies(model)
    return report.with_robustness(found) if found else report


def read_report_and_card(model: StoredModel) -> tuple[ClassifierReport, str]:
    """The same, and its card.

    Raises:
        DataError: its report or card is damaged.
    """
    report, card = read_report(model), model.read(CLASSIFIER.card_file).decode()
    return report, model_card(report) if _read_studies(model) else card


def save_studies(model: StoredModel, robustness: Robustness) -> None:
    """Write the results of the studies beside a saved classifier."""
    replace_file(model.folder / STUDIES, _ADAPTER.dump_json(robustness))


def _read_studies(model: StoredModel) -> Robustness | None:
    """None where none were run, or their file cannot be read: running them again writes it."""
    try:
        return _ADAPTER.validate_json((model.folder / STUDIES).read_bytes())
    except (OSError, ValidationError):
        return None
