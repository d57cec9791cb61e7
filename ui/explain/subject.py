"""Subject: which model and which of its answers the page Explain speaks of, and how it speaks of
it.
"""

from dataclasses import dataclass
from typing import Final, Literal

import streamlit as st

from phantom_core.core.settings import Settings
from phantom_core.explain.explanation import Output
from phantom_core.use_cases.explanations.job_explain import ExplainRequest
from phantom_core.views.classifier.classifier import model_in_use, model_versions
from phantom_core.views.demand.multitask import network_answers, network_in_use, network_versions
from phantom_core.views.explain.explanation import (
    ExplanationView,
    explanation_view,
    network_explanation_view,
)
from phantom_core.views.workspace.snapshot import Snapshot
from ui.accounts.account import start_job
from ui.frame.empty import show_missing
from ui.frame.handles import open_jobs
from ui.frame.model_choice import choose_version

KIND: Final = ExplainRequest.kind
CLASSIFIER: Final = "Agent classifier"
AGENT: Final = "Network: agent"
PURCHASE: Final = "Network: purchase"
CHOICES: Final = (CLASSIFIER, AGENT, PURCHASE)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is explained.

    Attributes:
        kind: classifier or multitask, the network.
        output: which answer.
        version: of the model.
        versions: of all saved ones, newest first.
    """

    kind: Literal["classifier", "multitask"]
    output: Output
    version: str
    versions: tuple[str, ...]

    @property
    def who(self) -> str:
        """What the answer is about: an agent, or a purchase."""
        return "an agent" if self.output == "agent" else "a purchase"

    @property
    def one(self) -> str:
        """What is explained, with its article."""
        return "a session" if self.kind == "classifier" else "an offer"

    @property
    def row(self) -> str:
        """What is explained one by one."""
        return "session" if self.kind == "classifier" else "offer"

    def view(
        self, settings: Settings, snapshot: Snapshot, version: str = ""
    ) -> ExplanationView | None:
        """What is known of it, or of another version of it; None where nobody explained it."""
        if self.kind == "classifier":
            return explanation_view(settings, snapshot, version or self.version)
        return network_explanation_view(settings, snapshot, version or self.version, self.output)


def choose_subject(settings: Settings) -> Subject | None:
    """Ask which model, which answer and which version; None where there is none, which is said."""
    chosen = st.segmented_control(
        "What is explained",
        CHOICES,
        default=CLASSIFIER,
        required=True,
        key="explained",
        bind="query-params",
    )
    if chosen == CLASSIFIER:
        versions = model_versions(settings)
        if versions:
            return Subject(
                "classifier",
                "agent",
                choose_version("Model", versions, model_in_use(settings), "model"),
                versions,
            )
        why = "There is no trained model whose answers could be explained."
        show_missing(
            "A classifier is needed.", why, "pages/classifier.py", "Train one", ":material/target:"
        )
        return None
    versions, output = network_versions(settings), "agent" if chosen == AGENT else "purchase"
    if not versions:
        show_missing(
            "A network is needed.",
            "Nobody trained one in this workspace yet.",
            "pages/demand.py",
            "Train one",
            ":material/sell:",
        )
        return None
    version = choose_version("Network", versions, network_in_use(settings), "network")
    subject = Subject("multitask", "agent" if chosen == AGENT else "purchase", version, versions)
    if output not in network_answers(settings, subject.version):
        show_missing(
            "This network cannot tell agents.",
            "It never saw a label. Load labels and train it again, or look at its purchases.",
        )
        return None
    return subject


def start_explaining(
    kind: Literal["classifier", "multitask"], version: str, paired: int = 0
) -> None:
    """Have a model explained."""
    start_job(ExplainRequest(model_kind=kind, version=version, paired=paired))


def is_explaining() -> bool:
    """Whether a model is being explained."""
    return any(job.kind == KIND for job in open_jobs().active())


def not_explained(subject: Subject, version: str = "") -> None:
    """Say what an explanation is, and offer one."""
    rows = "thousands of sessions" if subject.kind == "classifier" else "2,000 real offers"
    with st.container(border=True, key="not_explained"):
        st.markdown("**This model has not been explained yet.**")
        st.markdown(
            f"An explanation takes the model's answer for {rows} apart into what each feature "
            "adds to it. "
            "It takes seconds to a few minutes, and is kept until the model or the data change."
        )
        st.button(
            "Explain the model",
            type="primary",
            icon=":material/psychology:",
            disabled=is_explaining(),
            on_click=start_explaining,
            args=(subject.kind, version or subject.version),
            key="explain_model",
        )
