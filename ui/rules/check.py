"""Check tab: what is wrong with the draft, and how to mend it."""

from typing import Final, Literal

import streamlit as st

from phantom_core.approvals.limits import read_price_limits
from phantom_core.core.errors import InputError
from phantom_core.core.limits import GuardRails
from phantom_core.core.settings import Settings
from phantom_core.rules.checks.check import check_rules, count_findings
from phantom_core.rules.checks.finding import Finding, Severity
from phantom_core.rules.checks.limits import RuleLimits
from phantom_core.rules.rule_set import RuleSet
from phantom_core.views.rules.rule_check import snapshot_limits, zen_agreement
from phantom_core.views.workspace.snapshot import Snapshot, Stamp
from ui.frame.errors import show_error
from ui.frame.handles import current_snapshot
from ui.frame.wording import format_count, format_number_of
from ui.rules.draft import draft_rules

_LOOK: Final[dict[Severity, tuple[str, str, Literal["red", "orange", "blue"]]]] = {
    "error": (":material/error:", "must be mended", "red"),
    "warning": (":material/warning:", "look at it", "orange"),
    "note": (":material/info:", "can be left", "blue"),
}


def check_tab(settings: Settings) -> None:
    """Show every finding, and whether the engine that shops run agrees."""
    try:
        rules = draft_rules()
    except InputError as error:
        show_error(error.message, error.hint)
        return
    guard_rails = read_price_limits(settings).guard_rails
    found = draft_findings(settings, rules, guard_rails)
    numbers = count_findings(found)
    with st.container(horizontal=True):
        for severity, (icon, meaning, colour) in _LOOK.items():
            st.badge(
                f"{format_number_of(numbers[severity], severity)}: {meaning}",
                icon=icon,
                color=colour if numbers[severity] else "gray",
            )
    if not found:
        st.success(
            "There is nothing to be said against these rules.", icon=":material/check_circle:"
        )
    for finding in found:
        _show(finding)
    _engine(rules)
    st.caption(
        f"Guard rails {guard_rails}: the limits in force, which an administrator changes on the "
        "page People. Prices may not depend on "
        f"{', '.join(settings.rules.banned_features) or 'nothing in particular'}: a setting of the "
        "installation."
    )


def draft_findings(
    settings: Settings, rules: RuleSet, guard_rails: GuardRails
) -> tuple[Finding, ...]:
    """What there is to say of the draft, with the loaded sessions in view.

    Args:
        settings: banned features.
        rules: the draft.
        guard_rails: in force.
    """
    data = current_snapshot()
    return check_rules(rules, _limits(settings, guard_rails, data.stamp, data))


def _show(finding: Finding) -> None:
    icon, _, colour = _LOOK[finding.severity]
    with st.container(border=True, gap="xsmall"):
        rules = " · ".join(finding.rules)
        st.markdown(
            f":{colour}[{icon}] "
            f"**{finding.kind[0].upper()}{finding.kind[1:]}**{f' · {rules}' if rules else ''}"
        )
        st.markdown(finding.says)
        st.caption(f"To mend it: {finding.fix}")


def _engine(rules: RuleSet) -> None:
    data = current_snapshot()
    if not data.n_sessions:
        return
    try:
        agreed = zen_agreement(rules, data)
    except InputError:
        return
    if agreed.same == agreed.sessions:
        st.markdown(
            f":material/done_all: As JDM in a Zen engine, {format_count(agreed.sessions)} loaded "
            "sessions get the same mark-up by the same rule."
        )
    else:
        st.error(
            f"A Zen engine disagrees on {format_count(agreed.sessions - agreed.same)} of "
            f"{format_count(agreed.sessions)} loaded sessions."
        )


@st.cache_data(show_spinner=False, max_entries=4, hash_funcs={Settings: Settings.model_dump_json})
def _limits(
    settings: Settings, guard_rails: GuardRails, stamp: Stamp, _data: Snapshot
) -> RuleLimits:
    del stamp
    return snapshot_limits(settings, guard_rails, _data)
