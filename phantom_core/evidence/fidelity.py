"""Fidelity: how closely rules follow the classifier's own mark-up."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from phantom_core.core.limits import GuardRails
from phantom_core.distil.markup import teacher_markup
from phantom_core.evidence.stored_evidence import StoredFidelity
from phantom_core.rules.evaluate import Column, evaluate_rules
from phantom_core.rules.rule_set import RuleSet


def fidelity_to_classifier(
    rules: RuleSet,
    columns: Mapping[str, Column],
    p_agent: NDArray[np.float64],
    guard_rails: GuardRails,
) -> StoredFidelity:
    """R² and rank correlation with 1 + 0.5·P(agent) within the guard rails, over all sessions.

    Args:
        rules: to evaluate.
        columns: the features and p_agent of whole sessions, shape (n_sessions,) each.
        p_agent: of the same sessions; NaN ones are left out.
        guard_rails: in force.
    Returns:
        Both figures are None where either prices all alike.
    """
    known = ~np.isnan(p_agent)
    ratio = evaluate_rules(rules, columns, p_agent.size).markup_ratio[known]
    teacher = teacher_markup(p_agent[known], guard_rails)
    spread = float(((teacher - teacher.mean()) ** 2).sum()) if teacher.size else 0.0
    r2 = 1 - float(((ratio - teacher) ** 2).sum()) / spread if spread > 1e-12 else None
    varies = spread > 1e-12 and bool(np.ptp(ratio) > 0)
    correlation = float(np.corrcoef(rankdata(ratio), rankdata(teacher))[0, 1]) if varies else None
    return StoredFidelity(int(known.sum()), r2, correlation)
