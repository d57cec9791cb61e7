"""Rule sets of a workspace: saved and opened by name."""

import re
from pathlib import Path
from typing import Final

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import InputError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.features.catalogue import feature_names
from phantom_core.features.domains import P_AGENT
from phantom_core.model_store.store import replace_file
from phantom_core.rules.evaluate import check_features
from phantom_core.rules.forms import read_form
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.text import format_rules, parse_rules
from phantom_core.use_cases.markets.simulate_sessions import BUILT_IN, read_rules
from phantom_core.use_cases.rules.live_rules import LIVE, open_live

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
# How rules that are written out begin, in any form; no name of a set does.
_WRITTEN_OUT: Final = re.compile(r"\s*(\{|#|(IF|ELSE|MARKUP)\s)", re.IGNORECASE)


@requires(Permission.READ)
def rule_set_names(settings: Settings) -> tuple[str, ...]:
    """Names of the rule sets that were saved, in order."""
    return tuple(sorted(path.stem for path in settings.paths.rule_sets.glob("*.txt")))


@requires(Permission.READ)
def rule_set_path(settings: Settings, name: str) -> Path:
    """File of a saved rule set."""
    return settings.paths.rule_sets / f"{name}.txt"


@requires(Permission.READ)
def rules_given(settings: Settings, name: str, text: str | None = None) -> RuleSet:
    """A rule set given in full, so that a draft can be used, or by its name.

    Raises:
        NotFoundError: there is none of this name.
        InputError: it is damaged.
    """
    return parse_rules(text, name) if text else open_rule_set(settings, name)


@requires(Permission.READ)
def open_rule_set(settings: Settings, name: str) -> RuleSet:
    """A built-in rule set, the live one, a saved one, or one from a file.

    Raises:
        NotFoundError: there is none of this name.
        InputError: it is damaged.
    """
    if name == LIVE:
        return open_live(settings)
    if name in BUILT_IN or name not in rule_set_names(settings):
        return read_rules(name)
    try:
        return read_form(rule_set_path(settings, name).read_text(encoding="utf-8"), name)
    except OSError:
        raise NotFoundError(
            f"The rule set '{name}' is missing.", hint="Choose another one."
        ) from None


@requires(Permission.READ)
def read_rule_set(settings: Settings, name_or_text: str, name: str = "rules") -> RuleSet:
    """A rule set by name or file, as `open_rule_set` finds it, or one that is written out.

    Args:
        settings: workspace.
        name_or_text: a name, a path, or rules as text, JSON or JDM.
        name: of rules that are written out.
    Raises:
        NotFoundError: there is none of this name.
        InputError: it is no rule set; says where.
    """
    if _WRITTEN_OUT.match(name_or_text):
        return read_form(name_or_text, name)
    return open_rule_set(settings, name_or_text)


@requires(Permission.WORK)
def save_rule_set(settings: Settings, rules: RuleSet) -> Path:
    """Save a rule set, in place of an earlier one of its name.

    Raises:
        InputError: its name cannot be used.
    """
    if not _NAME.fullmatch(rules.name) or rules.name in (*BUILT_IN, LIVE):
        raise InputError(
            f"'{rules.name}' cannot be the name of a rule set.",
            hint="Use letters, digits, '_', '-' and '.', at most 40, and no built-in name.",
        )
    path = rule_set_path(settings, rules.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, format_rules(rules).encode())
    return path


@requires(Permission.WORK)
def save_session_rules(settings: Settings, name: str, text: str) -> Path:
    """Save a rule set in the workspace, in place of an earlier one of that name.

    Raises:
        InputError: it is invalid, reads features that no session has, or has an invalid name.
    """
    rules = parse_rules(text, name)
    check_features(rules, (*feature_names(), P_AGENT))
    return save_rule_set(settings, rules)
