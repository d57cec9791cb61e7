"""Subject: the model and the output that the page Explain shows, and their names."""

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
from ui.frame.fragments import callback
from ui.frame.handles import open_jobs
from ui.frame.model_choice import choose_model
from ui.frame.page_spec import find_page

KIND: Final = ExplainRequest.kind


@dataclass(frozen=True, slots=True)
class Subject:
    """The explained model.

    Attributes:
        kind: of the model.
        output: the explained output.
        version: of the model.
        versions: of all saved ones, newest first.
    """

    kind: ModelKind
    output: Output
    version: str
    versions: tuple[str, ...]

    @property
    def who(self) -> str:
        """What the output predicts: an agent, or a purchase."""
        return "an agent" if self.output == "agent" else "a purchase"

    @property
    def one(self) -> str:
        """One explained row, with its article."""
        return "a session" if self.kind.grain == "sessions" else "an offer"

    @property
    def row(self) -> str:
        """One explained row."""
        return self.kind.grain.removesuffix("s")

    def view(
        self, settings: Settings, snapshot: Snapshot, version: str = ""
    ) -> ExplanationView | None:
        """Explanation of this or another version; None where there is none."""
        return explanation_view(settings, snapshot, self.kind, version or self.version, self.output)


def choose_subject(settings: Settings) -> Subject | None:
    """Choose model, output and version; None without a saved model, which is shown."""
    choices = {
        title: (kind, output)
        for kind in MODEL_KINDS.all()
        for output, title in kind.answers.items()
    }
    first = next(iter(choices))
    chosen = st.segmented_control(
        "Model and output",
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
            f"There is no trained {kind.noun} to explain.",
        )
        show_missing(
            f"A {kind.noun} is required", why, page.file, f"Train a {kind.noun}", page.spec.icon
        )
        return None
    version = choose_model(settings, kind, kind.address.version)
    if output not in answers_of(settings, kind, version):
        show_missing(
            "This network does not predict agents",
            "It was trained without labels. Load labels and train it again, or choose purchases.",
        )
        return None
    return Subject(kind, output_named(output), version, versions)


def start_explaining(kind: str, version: str, paired: int = 0) -> None:
    """Start the explanation of a model."""
    start_job(ExplainRequest(model_kind=kind, version=version, paired=paired))


def is_explaining() -> bool:
    """Whether a model is being explained."""
    return any(job.kind == KIND for job in open_jobs().active())


def not_explained(subject: Subject, version: str = "") -> None:
    """Describe an explanation, and offer to compute it."""
    rows = "thousands of sessions" if subject.kind.grain == "sessions" else "2,000 real offers"
    with st.container(border=True, key="not_explained"):
        st.markdown("**Not explained yet**")
        st.markdown(
            f"Computes the SHAP values of the features for {rows}. It takes up to a few minutes, "
            "and "
            "is cached until the model or the data changes."
        )
        st.button(
            "Explain model",
            type="primary",
            icon=":material/psychology:",
            disabled=is_explaining(),
            on_click=callback(start_explaining),
            args=(subject.kind.name, version or subject.version),
            key="explain_model",
        )
