"""Rule check: findings for the page, and whether a Zen engine agrees on logged sessions."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.limits import GuardRails
from phantom_core.core.settings import Settings
from phantom_core.features.domains import P_AGENT
from phantom_core.replay.features_at_quote import columns_of
from phantom_core.rules.checks.limits import RuleLimits
from phantom_core.rules.evaluate import evaluate_rules
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.zen import ZenRules
from phantom_core.use_cases.rules.check_rules import limits_of
from phantom_core.views.workspace.snapshot import Snapshot

N_COMPARED: Final = 1_000


@dataclass(frozen=True, slots=True)
class Agreement:
    """Sessions for which two evaluations were compared.

    Attributes:
        sessions: count.
        same: of them with the same mark-up and the same rule.
    """

    sessions: int
    same: int


@requires(Permission.READ)
def snapshot_limits(settings: Settings, guard_rails: GuardRails, snapshot: Snapshot) -> RuleLimits:
    """Limits that rules are checked against, with the value ranges of the loaded sessions."""
    matrix = (
        snapshot.arrow(f"SELECT *, agent_probability AS {P_AGENT} FROM sessions")
        if snapshot.n_sessions
        else None
    )
    return limits_of(settings, guard_rails, matrix)


@requires(Permission.READ)
def zen_agreement(rules: RuleSet, snapshot: Snapshot) -> Agreement:
    """Evaluate up to N_COMPARED loaded sessions here and in a Zen engine.

    Raises:
        InputError: rules the engine cannot hold, or that read features that no session has.
    """
    table: pa.Table = snapshot.arrow(
        f"SELECT *, agent_probability AS {P_AGENT} FROM sessions ORDER BY session_key LIMIT "
        f"{N_COMPARED}"
    )
    columns, zen = columns_of(table), ZenRules(rules)
    decided = evaluate_rules(rules, columns, table.num_rows)
    same = 0
    for i in range(table.num_rows):
        session = {name: _value(columns[name][i]) for name in rules.features}
        answer = zen.decide(session)
        same += (answer.markup_ratio, answer.rule) == (
            decided.markup_ratio[i],
            rules.title(int(decided.rule[i])),
        )
    return Agreement(table.num_rows, same)


def _value(value: object) -> float | str | None:
    return value if isinstance(value, str) or value is None else float(np.float64(str(value)))
