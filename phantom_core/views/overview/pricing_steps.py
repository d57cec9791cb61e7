"""Pricing steps: what a pricing manager should do next, from learned rules to a release."""

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals.states import OPEN
from phantom_core.core.errors import NotFoundError
from phantom_core.core.estimate import format_relative_change
from phantom_core.core.settings import Settings
from phantom_core.use_cases.approvals.change_requests import list_requests
from phantom_core.use_cases.overview.prepared_demo import LEARNED
from phantom_core.use_cases.rules.learn_policy import open_learned
from phantom_core.use_cases.rules.live_rules import is_anything_live
from phantom_core.use_cases.rules.rule_sets import rule_set_names
from phantom_core.views.overview.next_steps import NextStep


@requires(Permission.READ)
def pricing_steps(settings: Settings) -> tuple[NextStep, ...]:
    """What to do next where a classifier is in use, while no rules are live or proposed."""
    if is_anything_live(settings) or any(one.state in OPEN for one in list_requests(settings)):
        return ()
    try:
        found = open_learned(settings).figures.by_curves
    except NotFoundError:
        why = "No rules have been learned from the quotes of this shop yet."
        return (NextStep("Learn rules for money", why, "rules", "Learn"),)
    why = (
        f"The rules learned last change leakage by {format_relative_change(found.leakage)} and "
        f"revenue by {format_relative_change(found.revenue)}, for shoppers they were not learned "
        "from."
    )
    if LEARNED in rule_set_names(settings):
        return (NextStep("Propose the learned rules", why, "approvals"),)
    return (NextStep("Save the learned rules", why, "rules", "Learn"),)
