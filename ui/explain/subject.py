"""Subject: which model and which of its answers the page Explain speaks of, and how it speaks of
it.
"""

from dataclasses import dataclass
from typing import Final

import streamlit as st

from phantom_core.core.settings import Settings
from phantom_core.explain.explanation import Output, output_named
from phantom_core.model_kinds.model_kind import MODEL_KINDS, ModelKind
from phantom_core.use_cases.explanations.job_explain import ExplainRequest
from phantom_core.views.explain.explanation import ExplanationView, explanation_view
from phantom_core.views.workspace.saved_models import answers_of, saved_versions
from phantom_core.views.workspace.snapshot import Snapshot
from ui.accounts.account import start_job
from ui.frame.empty import show_missing
from ui.frame.handles import open_jobs
from ui.frame.model_choice import choose_model
from ui.frame.page_spec import find_page

KIND: Final = ExplainRequest.kind


@dataclass(frozen=True, slots=True)
class Subject:
    """What is explained.

    Attributes:
        kind: of the model.
        output: which answer.
        version: of the model.
        versions: of all saved ones, newest first.
    """

    kind: ModelKind
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
        return "a session" if self.kind.grain == "sessions" else "an offer"

    @property
    def row(self) -> str:
        """What is explained one by one."""
        return self.kind.grain.removesuffix("s")

    def view(
        self, settings: Settings, snapshot: Snapshot, version: str = ""
    ) -> ExplanationView | None:
        """What is known of it, or of another version of it; None where it was not explained."""
        return explanation_view(settings, snapshot, self.kind, version or self.version, self.output)


def choose_subject(settings: Settings) -> Subject | None:
    """Ask which model, which answer and which version; None where there is none, which is said."""
    choices = {
        title: (kind, output)
        for kind in MODEL_KINDS.all()
        for output, title in kind.answers.items()
    }
    first = next(iter(choices))
    chosen = st.segmented_control(
        "What is explained",
        list(choices),
        default=first,
        required=True,
        key="explained",
        bind="query-params",
    )
    kind, output = choices[chosen]
    versions = saved_versions(settings, kind)
    if not versions:
        page, why = (
            find_page(kind.page),
            f"There is no trained {kind.noun} whose answers could be explained.",
        )
        show_missing(f"A {kind.noun} is needed.", why, page.file, "Train one", page.spec.icon)
        return None
    version = choose_model(settings, kind, kind.address.version)
    if output not in answers_of(settings, kind, version):
        show_missing(
            "This network cannot tell agents.",
            "It never saw a label. Load labels and train it again, or look at its purchases.",
        )
        return None
    return Subject(kind, output_named(output), version, versions)


def start_explaining(kind: str, version: str, paired: int = 0) -> None:
    """Have a model explained."""
    start_job(ExplainRequest(model_kind=kind, version=version, paired=paired))


def is_explaining() -> bool:
    """Whether a model is being explained."""
    return any(job.kind == KIND for job in open_jobs().active())


def not_explained(subject: Subject, version: str = "") -> None:
    """Say what an explanation is, and offer one."""
    rows = "thousands of sessions" if subject.kind.grain == "sessions" else "2,000 real offers"
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
            args=(subject.kind.name, version or subject.version),
            key="explain_model",
        )
