"""Session explanation: why a classifier scores one session as it does, step by step."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.explain.one_session import SessionExplanation, explain_session
from phantom_core.explain.trees import ExplainedTrees
from phantom_core.model_kinds.classifier import CLASSIFIER
from phantom_core.model_store.store import ModelStore
from phantom_core.models.saved_classifier import read_classifier
from phantom_core.use_cases.explanations.explain_model import read_explanation
from phantom_core.views.sessions.session import session_events
from phantom_core.views.workspace.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class SessionExplanationView:
    """Why a classifier scored one session as it did.

    Attributes:
        explanation: contributions and step evidence.
        label: human, agent or unknown.
        scored_probability: as pages show it: out of fold for a training session; None without.
        threshold: of the explained model.
        steps: one row per step in order: elapsed_s of the event it leads to, source, target,
            evidence (nats), total (cumulative), humans, agents (times counted); empty without
            counted steps.
    """

    explanation: SessionExplanation
    label: str
    scored_probability: float | None
    threshold: float
    steps: pd.DataFrame


@requires(Permission.READ)
def session_explanation(
    settings: Settings, snapshot: Snapshot, session_id: str, version: str
) -> SessionExplanationView:
    """Explain one session by a saved classifier.

    Args:
        settings: workspace.
        snapshot: the data.
        session_id: the session.
        version: of the model.
    Raises:
        NotFoundError: no such session or model.
        DataError: the model is damaged.
    """
    session = snapshot.arrow("SELECT * FROM sessions WHERE session_id = ?", [session_id])
    if not session.num_rows:
        raise NotFoundError(
            f"There is no session '{session_id}' in this workspace.",
            hint="Copy one from the Sessions page.",
        )
    classifier = read_classifier(ModelStore(settings.workspace, CLASSIFIER.name).open(version))
    try:
        counted = read_explanation(settings, version).explanation.kernels
    except (NotFoundError, DataError):
        counted = None
    events = session_events(snapshot, session_id)
    kernels = counted.score() if counted else None
    found = explain_session(
        classifier, ExplainedTrees.of(classifier), session, events["event_name"].tolist(), kernels
    )
    return SessionExplanationView(
        explanation=found,
        label=session["label"][0].as_py(),
        scored_probability=session["agent_probability"][0].as_py(),
        threshold=classifier.threshold,
        steps=_steps(found, events),
    )


@requires(Permission.READ)
def example_sessions(snapshot: Snapshot) -> Mapping[str, str]:
    """Example sessions, by title; empty without a model."""
    if snapshot.threshold is None:
        return {}
    queries = {
        "Most like an agent": ("agent_probability IS NOT NULL", "agent_probability DESC"),
        "Most like a human": ("agent_probability IS NOT NULL", "agent_probability"),
        "Closest call": (
            "agent_probability IS NOT NULL",
            f"ABS(agent_probability - {snapshot.threshold})",
        ),
        "Agent that passed as human": ("label = 'agent'", "agent_probability"),
        "Human taken for an agent": ("label = 'human'", "agent_probability DESC"),
    }
    found = {}
    for title, (which, order) in queries.items():
        rows = snapshot.rows(
            f"SELECT session_id FROM sessions WHERE {which} ORDER BY {order}, session_key LIMIT 1"
        )
        if rows:
            found[title] = str(rows[0][0])
    return found


def _steps(found: SessionExplanation, events: pd.DataFrame) -> pd.DataFrame:
    if found.steps is None:
        return pd.DataFrame(
            columns=["elapsed_s", "source", "target", "evidence", "total", "humans", "agents"]
        )
    elapsed_s = events["elapsed_s"].tolist()
    return pd.DataFrame(
        {
            "elapsed_s": [*elapsed_s, elapsed_s[-1] if elapsed_s else 0.0],
            "source": found.steps.source,
            "target": found.steps.target,
            "evidence": found.steps.evidence,
            "total": found.steps.evidence.cumsum(),
            "humans": found.steps.human_count,
            "agents": found.steps.agent_count,
        }
    )
