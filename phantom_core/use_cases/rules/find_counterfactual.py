"""Find a counterfactual: what a session should have done to pay the base price."""

from collections.abc import Callable, Sequence

import numpy as np

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.explain.counterfactual import Counterfactual
from phantom_core.explain.counterfactual import find_counterfactual as search_counterfactual
from phantom_core.features.domains import P_AGENT
from phantom_core.features.online.session import Event
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.model_store.store import ModelStore
from phantom_core.models.encoding import encode_session
from phantom_core.models.saved_classifier import read_quote_classifier
from phantom_core.rules.decide import Session
from phantom_core.rules.rule_set import RuleSet
from phantom_core.use_cases.models.score import check_features
from phantom_core.use_cases.models.train_classifier import KIND

_EVENTS = """
    SELECT event_ms, COALESCE(event_seq, 0), event_id, event_name, page, product_id, price_seen,
        user_agent, store_mode
    FROM events WHERE session_id = ? ORDER BY event_ms, event_seq, event_id
"""


@requires(Permission.READ)
def find_counterfactual(settings: Settings, rules: RuleSet, session_id: str) -> Counterfactual:
    """The least change of behaviour after which a session's next quote is the base price.

    P(agent) is that of the part of the classifier which sets prices, after all of the session.

    Args:
        settings: workspace.
        rules: what prices follow.
        session_id: of a loaded session.
    Raises:
        NotFoundError: no such session, or no classifier and the rules read P(agent).
        DataError: the classifier is damaged, or its features are defined differently now.
    """
    events = _events(open_lake(settings), session_id)
    score = _scorer(settings) if P_AGENT in rules.features else None
    return search_counterfactual(session_id, events, rules, score)


def _events(lake: Lake, session_id: str) -> tuple[Event, ...]:
    with lake.connect(("events",)) as connection:
        rows = connection.execute(_EVENTS, [session_id]).fetchall()
    if not rows:
        raise NotFoundError(
            f"There is no session '{session_id}'.",
            hint="See the page Sessions for those there are.",
        )
    return tuple(Event(*row) for row in rows)


def _scorer(settings: Settings) -> Callable[[Sequence[Session]], Sequence[float]]:
    model = ModelStore(settings.workspace, KIND).open()
    check_features(model)
    classifier = read_quote_classifier(model)

    def score(sessions: Sequence[Session]) -> Sequence[float]:
        values = np.stack([encode_session(one, classifier.names) for one in sessions])
        found: list[float] = classifier.probability_of(values).tolist()
        return found

    return score
