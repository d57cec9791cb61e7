"""Check tab: issues of the draft, each with its fix."""

from typing import Final, Literal

import streamlit as st

from phantom_core.approvals.limits import read_banned_features, read_price_limits
from phantom_core.core.errors import InputError
from phantom_core.core.limits import GuardRails
from phantom_core.core.settings import Settings
from phantom_core.rules.checks.check import check_rules, count_findings
from phantom_core.rules.checks.finding import Finding, Severity
from phantom_core.rules.checks.limits import RuleLimits
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.text import format_rules
from phantom_core.views.rules.rule_check import snapshot_limits, zen_agreement
from phantom_core.views.workspace.snapshot import Snapshot, Stamp
from ui.frame.errors import show_error
from ui.frame.handles import current_snapshot
from ui.frame.wording import escape, format_count, format_number_of
from ui.rules.draft import draft_rules

_BADGES: Final[dict[Severity, tuple[str, Literal["red", "orange", "blue"]]]] = {
    "error": (":material/error:", "red"),
    "warning": (":material/warning:", "orange"),
    "note": (":material/info:", "blue"),
}


def check_tab(settings: Settings) -> None:
    """Show every finding, and whether a Zen rule engine agrees with the rules."""
    try:
        rules = draft_rules()
    except InputError as error:
        show_error(error.message, error.hint)
        return
    guard_rails = read_price_limits(settings).guard_rails
    found = draft_findings(settings, rules, guard_rails)
    numbers = count_findings(found)
    with st.container(horizontal=True):
        for severity, (icon, colour) in _BADGES.items():
            st.badge(
                format_number_of(numbers[severity], severity),
                icon=icon,
                color=colour if numbers[severity] else "gray",
            )
    if not found:
        st.success("No issues found", icon=":material/check_circle:")
    for finding in found:
        _show(finding)
    _engine(rules)
    st.caption(
        f"Guard rails {guard_rails}, set by an administrator on the page People. "
        f"Banned features: {escape(', '.join(read_banned_features(settings))) or 'none'}, set "
        "there too."
    )


def draft_findings(
    settings: Settings, rules: RuleSet, guard_rails: GuardRails
) -> tuple[Finding, ...]:
    """Findings of the check of the draft, on the loaded sessions.

    Args:
        settings: name the control database.
        rules: the draft.
        guard_rails: in force.
    """
    data = current_snapshot()
    return _findings(settings, guard_rails, data.stamp, format_rules(rules), rules)


@st.cache_data(show_spinner=False, max_entries=32, hash_funcs={Settings: Settings.model_dump_json})
def _findings(
    settings: Settings, guard_rails: GuardRails, stamp: Stamp, text: str, _rules: RuleSet
) -> tuple[Finding, ...]:
    """Findings by the content of the draft: a page that redraws itself checks nothing again."""
    return check_rules(_rules, _limits(settings, guard_rails, stamp, current_snapshot()))


def _show(finding: Finding) -> None:
    icon, colour = _BADGES[finding.severity]
    with st.container(border=True, gap="xsmall"):
        rules = " · ".join(escape(rule) for rule in finding.rules)
        st.markdown(
            f":{colour}[{icon}] "
            f"**{finding.kind[0].upper()}{finding.kind[1:]}**{f' · {rules}' if rules else ''}"
        )
        st.markdown(escape(finding.says))
        st.caption(f"Fix: {escape(finding.fix)}")


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
            ":material/done_all: The JDM export in a Zen engine gives the same mark-up by the "
            "same "
            f"rule for {format_number_of(agreed.sessions, 'loaded session')}."
        )
    else:
        st.error(
            f"The JDM export in a Zen engine disagrees on "
            f"{format_count(agreed.sessions - agreed.same)} of {format_count(agreed.sessions)} "
            "loaded sessions."
        )


@st.cache_data(show_spinner=False, max_entries=4, hash_funcs={Settings: Settings.model_dump_json})
def _limits(
    settings: Settings, guard_rails: GuardRails, stamp: Stamp, _data: Snapshot
) -> RuleLimits:
    del stamp
    return snapshot_limits(settings, guard_rails, _data)
