"""Draft: the rule set on the page, as text, until it is saved; the text and the table are two views
of it.

Each rule set has a draft of its own: opening another one leaves what was written where it is, and
coming back finds it again.
"""

from typing import Final

import streamlit as st

from phantom_core.core.errors import InputError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.features.catalogue import feature_names
from phantom_core.features.domains import P_AGENT
from phantom_core.rules.evaluate import check_features
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.text import format_rules, parse_rules
from phantom_core.use_cases.markets.simulate_sessions import BUILT_IN
from phantom_core.use_cases.rules.live_rules import LIVE, is_anything_live
from phantom_core.use_cases.rules.rule_sets import open_rule_set, rule_set_names

FIRST: Final = "bands"
OPENED: Final = "rules"
_TEXT: Final = "rules_draft_text"
_NAME: Final = "rules_draft_name"
_OF: Final = "rules_draft_of"
_VERSION: Final = "rules_draft_version"
_TYPED: Final = "rules_draft_typed"
_SAVED: Final = "rules_draft_saved"
_ASIDE: Final = "rules_drafts_aside"


def rule_set_choices(settings: Settings) -> list[str]:
    """Names of all rule sets, built-in ones first: what a link without a name opens does not depend
    on what is saved or live.
    """
    live = [LIVE] if is_anything_live(settings) else []
    return [*reversed(BUILT_IN), *live, *rule_set_names(settings)]


def open_draft(settings: Settings, opened: str) -> None:
    """Start from a rule set, or from what was written of it earlier, unless it is the one that is
    being worked on.

    Args:
        settings: workspace.
        opened: name of a rule set.
    """
    if st.session_state.get(_OF) == opened:
        return
    _lay_aside()
    name, text = _aside().pop(opened, (opened, saved_text(settings, opened)))
    put_draft(name, text, of=opened)
    st.session_state[_SAVED] = saved_text(settings, opened)


def saved_text(settings: Settings, name: str) -> str:
    """A rule set as it is saved; empty where it cannot be read."""
    try:
        return format_rules(open_rule_set(settings, name))
    except (InputError, NotFoundError):
        return ""


def drafts_aside() -> list[str]:
    """Other rule sets of which something was written and not saved."""
    return sorted(_aside())


def is_unsaved() -> bool:
    """Whether the draft differs from what is saved."""
    return _typed().strip() != str(st.session_state.get(_SAVED, "")).strip()


def discard_draft() -> None:
    """Go back to what is saved."""
    put_draft(str(st.session_state[_OF]), str(st.session_state.get(_SAVED, "")))


def _lay_aside() -> None:
    """Keep what was written of the rule set that was open."""
    if _OF in st.session_state and is_unsaved():
        _aside()[str(st.session_state[_OF])] = draft_name(), _typed()


def _typed() -> str:
    """The draft, with what was typed in the very moment another rule set was chosen."""
    return str(st.session_state.get(editor_key(), draft_text()))


def _aside() -> dict[str, tuple[str, str]]:
    """Names and texts of drafts, by the rule set they belong to."""
    found: dict[str, tuple[str, str]] = st.session_state.setdefault(_ASIDE, {})
    return found


def saved_draft(name: str, text: str) -> None:
    """Go on from a draft that was saved under a name, which need not be that of the set it was
    written in.
    """
    _aside().pop(name, None)
    put_draft(name, text, of=name)
    st.session_state[_SAVED] = text


def put_draft(name: str, text: str, *, of: str | None = None) -> None:
    """Replace the draft from outside its editor.

    Args:
        name: of the rules.
        text: the rules.
        of: rule set it came from; None keeps the one before.
    """
    st.session_state[_NAME], st.session_state[_TEXT] = (
        name if name not in (*BUILT_IN, LIVE) else f"my-{name}",
        text,
    )
    st.session_state[_VERSION] = draft_version() + 1
    if of is not None:
        st.session_state[_OF] = of


def write_draft(text: str, *, by_table: bool = False) -> None:
    """Take what was typed.

    Args:
        text: the rules.
        by_table: the table wrote it; what the text editor wrote has the table start anew.
    """
    if text != draft_text() and not by_table:
        st.session_state[_TYPED] = int(st.session_state.get(_TYPED, 0)) + 1
    st.session_state[_TEXT] = text


def draft_text() -> str:
    """The rules as they stand."""
    return str(st.session_state.get(_TEXT, ""))


def draft_name() -> str:
    """What the rules will be saved as."""
    return str(st.session_state.get(_NAME, FIRST))


def draft_version() -> int:
    """Rises whenever the draft changes from outside its editor, which is then drawn anew."""
    return int(st.session_state.get(_VERSION, 0))


def editor_key() -> str:
    """Key of the text editor."""
    return f"rules_text_{draft_version()}"


def table_version() -> str:
    """Changes whenever the draft changes from outside the table."""
    return f"{draft_version()}_{st.session_state.get(_TYPED, 0)}"


def draft_rules() -> RuleSet:
    """The draft as data.

    Raises:
        InputError: it cannot be read; says where.
    """
    return parse_rules(draft_text(), draft_name())


def readable_draft() -> RuleSet | None:
    """The draft if it can be read and reads what is known of a session, else None."""
    try:
        rules = draft_rules()
        check_features(rules, (*feature_names(), P_AGENT))
    except InputError:
        return None
    return rules
