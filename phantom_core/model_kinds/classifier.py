"""The agent classifier: boosted trees over the features of sessions, whole and at quotes."""

from typing import Final

from phantom_core.core.registry import Reference
from phantom_core.model_kinds.model_kind import MODEL_KINDS, AddressKeys, ModelKind, Teaching

CLASSIFIER: Final = MODEL_KINDS.register(
    ModelKind(
        name="classifier",
        order=10,
        title="Agent classifier",
        noun="classifier",
        choice_title="Model",
        description="Boosted trees that say how likely a session is an agent's.",
        figures={
            "quote_roc_auc": "ROC-AUC at quotes",
            "quote_ece": "ECE at quotes",
            "roc_auc": "ROC-AUC",
            "precision_at_recall_80": "Precision at 80 %",
            "pr_auc": "PR-AUC",
            "ece": "ECE",
            "brier": "Brier",
        },
        page="classifier",
        train_job="train_classifier",
        published_as="classifier:agent_detector:latest",
        is_always_retrained=True,
        grain="sessions",
        answers={"agent": "Agent classifier"},
        has_interactions=True,
        address=AddressKeys(version="model", against="against", feature="explain_feature"),
        parse_report=Reference("phantom_core.evaluation.report:parse_report"),
        read_saved=Reference("phantom_core.evaluation.saved_report:read_report_and_card"),
        train_verb=Reference("phantom_core.cli.classifier:train_classifier"),
        retraining=Reference(
            "phantom_core.use_cases.models.retrain_classifier:ClassifierRetraining"
        ),
        explain=Reference("phantom_core.use_cases.explanations.explain_session:explain_classifier"),
        open_published=Reference("phantom_core.services.pricing.models:open_published_classifier"),
        teachings=(
            Teaching(
                "classifier",
                "Classifier",
                Reference("phantom_core.use_cases.explanations.distil:classifier_teacher"),
            ),
        ),
    )
)
