"""Expect a session: a test for a rule set from a session of the workspace, as it is priced now."""

import math

import pyarrow as pa
import pyarrow.compute as pc

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.distil.sample import columns_of
from phantom_core.features.domains import P_AGENT
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import open_lake
from phantom_core.rules.decide import Decider
from phantom_core.rules.expectation import Expectation
from phantom_core.rules.rule_set import RuleSet
from phantom_core.use_cases.models.score import score_sessions


@requires(Permission.READ)
def expect_session(settings: Settings, rules: RuleSet, session_id: str) -> Expectation:
    """The mark-up of a whole session by rules, with the features that they read.

    Args:
        settings: workspace.
        rules: as they are now.
        session_id: of a loaded session.
    Raises:
        NotFoundError: no such session.
        DataError: features were never computed, or no model gives P(agent) and the rules read it.
    """
    row = _row(FeatureStore(open_lake(settings)).matrix(), session_id)
    names = [name for name in rules.features if name in row.column_names]
    given: dict[str, float | str] = {}
    for name, values in columns_of(row, names).items():
        value = values[0]
        if isinstance(value, str):
            given[name] = value
        elif value is not None and not math.isnan(value):
            given[name] = float(value)
    if P_AGENT in rules.features:
        scored = _row(score_sessions(settings, open_lake(settings)), session_id)
        given[P_AGENT] = round(float(scored["agent_probability"][0].as_py()), 6)
    found = Decider(rules).decide(given)
    return Expectation(found.markup_ratio, tuple(given.items()), f"session {session_id}")


def _row(table: pa.Table, session_id: str) -> pa.Table:
    found = table.filter(pc.equal(table["session_id"], session_id))
    if not found.num_rows:
        raise NotFoundError(
            f"There is no session '{session_id}'.",
            hint="See the page Sessions for those there are.",
        )
    if found.num_rows > 1:
        raise DataError(f"There are {found.num_rows} sessions '{session_id}'.")
    return found
