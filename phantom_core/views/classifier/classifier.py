"""Classifier: the training report of the classifier in use."""

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.evaluation.report import ClassifierReport
from phantom_core.model_kinds.classifier import CLASSIFIER
from phantom_core.views.workspace.saved_models import model_view


@requires(Permission.READ)
def newest_report(settings: Settings) -> ClassifierReport | None:
    """Report of the classifier in use; None where there is none, or none that can be read."""
    try:
        return model_view(settings, CLASSIFIER, ClassifierReport).report
    except (DataError, NotFoundError):
        return None
