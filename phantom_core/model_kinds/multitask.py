"""The multi-task network: who is an agent, and who buys at which price."""

from typing import Final

from phantom_core.core.registry import Reference
from phantom_core.model_kinds.model_kind import MODEL_KINDS, AddressKeys, ModelKind, Teaching

NETWORK: Final = MODEL_KINDS.register(
    ModelKind(
        name="multitask",
        order=20,
        title="Demand network",
        noun="network",
        choice_title="Network",
        description="One network of P(agent) and P(purchase | price), evaluated at every offer.",
        figures={
            "agent_auc": "Agents, ROC-AUC",
            "purchase_auc": "Purchases, ROC-AUC",
            "ece_agent": "Agents, ECE",
            "ece_purchase": "Purchases, ECE",
        },
        page="demand",
        train_job="train_multitask",
        published_as="multitask_model:latest",
        is_always_retrained=False,
        grain="offers",
        answers={"agent": "Network: agent", "purchase": "Network: purchase"},
        has_interactions=False,
        address=AddressKeys(
            version="network", against="against_network", feature="network_feature"
        ),
        parse_report=Reference("phantom_core.evaluation.multitask_report:parse_report"),
        train_verb=Reference("phantom_core.cli.multitask:train_multitask"),
        tune_verb=Reference("phantom_core.cli.multitask:tune_multitask"),
        retraining=Reference("phantom_core.use_cases.models.retrain_multitask:NetworkRetraining"),
        explain=Reference("phantom_core.use_cases.explanations.explain_offer:explain_multitask"),
        available_answers=Reference("phantom_core.models.multitask.description:available_answers"),
        open_published=Reference("phantom_core.services.pricing.models:open_published_network"),
        teachings=(
            Teaching(
                "network",
                "Network",
                Reference("phantom_core.use_cases.explanations.distil:network_teacher"),
            ),
            Teaching(
                "optimal",
                "Network's optimal mark-up",
                Reference("phantom_core.use_cases.explanations.distil:optimal_teacher"),
            ),
        ),
    )
)
