"""Draft: the unsaved text of the open rule set; the text and the table are two views of it.

Each rule set has a draft of its own, which stays when another rule set is opened, and is stored for
its author, so that it outlives a reload.
"""

from typing import Final

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import InputError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.features.catalogue import feature_names
from phantom_core.features.domains import P_AGENT
from phantom_core.rules.evaluate import check_features
from phantom_core.rules.rule_set import RuleSet
from phantom_core.rules.text import format_rules, parse_rules
from phantom_core.use_cases.markets.simulate_sessions import BUILT_IN
from phantom_core.use_cases.rules.live_rules import LIVE, is_anything_live
from phantom_core.use_cases.rules.rule_drafts import (
    RuleDraft,
    read_rule_drafts,
    save_rule_drafts,
)
from phantom_core.use_cases.rules.rule_sets import open_rule_set, rule_set_names
from ui.accounts.account import is_allowed, reader
from ui.frame.handles import now_ms

FIRST: Final = "bands"
OPENED: Final = "rules"
_TEXT: Final = "rules_draft_text"
_NAME: Final = "rules_draft_name"
_OF: Final = "rules_draft_of"
_VERSION: Final = "rules_draft_version"
_TYPED: Final = "rules_draft_typed"
_SAVED: Final = "rules_draft_saved"
_ASIDE: Final = "rules_drafts_aside"
_STORED: Final = "rules_drafts_stored"
_WHOSE: Final = "rules_drafts_whose"
_RESTORED: Final = "rules_drafts_restored"


def rule_set_choices(settings: Settings) -> list[str]:
    """Names of all rule sets, built-in ones first, so that a link without a name always opens the
    same one.
    """
    live = [LIVE] if is_anything_live(settings) else []
    return [*reversed(BUILT_IN), *live, *rule_set_names(settings)]


def open_draft(settings: Settings, opened: str) -> None:
    """Open a rule set, or its unsaved draft, unless it is open already.

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


def restore_drafts(settings: Settings) -> None:
    """Take up the stored drafts of the reader, once per browser session and person."""
    who = str(reader())
    if st.session_state.get(_WHOSE) == who:
        return
    st.session_state[_WHOSE] = who
    st.session_state.pop(_OF, None)
    found = read_rule_drafts(settings)
    st.session_state[_ASIDE] = {name: (draft.name, draft.text) for name, draft in found.items()}
    st.session_state[_STORED] = _unsaved()
    st.session_state[_RESTORED] = {name: draft.changed_ms for name, draft in found.items()}


def restored_ms() -> int | None:
    """When the open draft was last changed before this session; None where it is of this one."""
    found: int | None = st.session_state.get(_RESTORED, {}).get(st.session_state.get(_OF))
    return found


def store_drafts(settings: Settings) -> None:
    """Store the drafts that changed since the last call; at the end of the page."""
    stored: dict[str, tuple[str, str]] = st.session_state[_STORED]
    unsaved = _unsaved()
    changed = {
        name: RuleDraft(*unsaved[name], now_ms()) if name in unsaved else None
        for name in {*stored, *unsaved}
        if stored.get(name) != unsaved.get(name)
    }
    if not changed or not is_allowed(Permission.WORK):
        return
    save_rule_drafts(settings, changed)
    st.session_state[_STORED] = unsaved
    for name in changed:
        st.session_state[_RESTORED].pop(name, None)


def _unsaved() -> dict[str, tuple[str, str]]:
    """Names and texts of all unsaved drafts, by the rule set they belong to."""
    is_open = _OF in st.session_state and is_unsaved()
    opened = {str(st.session_state[_OF]): (draft_name(), draft_text())} if is_open else {}
    return {**_aside(), **opened}


def saved_text(settings: Settings, name: str) -> str:
    """The saved text of a rule set; empty where it cannot be read."""
    try:
        return format_rules(open_rule_set(settings, name))
    except (InputError, NotFoundError):
        return ""


def drafts_aside() -> list[str]:
    """Other rule sets with unsaved changes."""
    return sorted(_aside())


def is_unsaved() -> bool:
    """Whether the draft differs from the saved rule set."""
    return _typed().strip() != str(st.session_state.get(_SAVED, "")).strip()


def discard_draft() -> None:
    """Replace the draft by the saved rule set."""
    put_draft(str(st.session_state[_OF]), str(st.session_state.get(_SAVED, "")))


def _lay_aside() -> None:
    """Put the unsaved draft of the open rule set aside."""
    if _OF in st.session_state and is_unsaved():
        _aside()[str(st.session_state[_OF])] = draft_name(), _typed()


def _typed() -> str:
    """The draft, with text that was typed when another rule set was chosen."""
    return str(st.session_state.get(editor_key(), draft_text()))


def _aside() -> dict[str, tuple[str, str]]:
    """Names and texts of drafts, by the rule set they belong to."""
    found: dict[str, tuple[str, str]] = st.session_state.setdefault(_ASIDE, {})
    return found


def saved_draft(name: str, text: str) -> None:
    """Continue from a draft that was saved, perhaps under another name than it was opened."""
    _aside().pop(name, None)
    put_draft(name, text, of=name)
    st.session_state[_SAVED] = text


def put_draft(name: str, text: str, *, of: str | None = None) -> None:
    """Replace the draft from outside its editor.

    Args:
        name: of the rules.
        text: the rules.
        of: rule set it belongs to; None leaves that unchanged.
    """
    st.session_state[_NAME], st.session_state[_TEXT] = (
        name if name not in (*BUILT_IN, LIVE) else f"my-{name}",
        text,
    )
    st.session_state[_VERSION] = draft_version() + 1
    if of is not None:
        st.session_state[_OF] = of


def write_draft(text: str, *, by_table: bool = False) -> None:
    """Update the draft from an editor.

    Args:
        text: the rules.
        by_table: it comes from the table; text from the editor resets the table.
    """
    if text != draft_text() and not by_table:
        st.session_state[_TYPED] = int(st.session_state.get(_TYPED, 0)) + 1
    st.session_state[_TEXT] = text


def draft_text() -> str:
    """Text of the draft."""
    return str(st.session_state.get(_TEXT, ""))


def draft_name() -> str:
    """Name under which the draft will be saved."""
    return str(st.session_state.get(_NAME, FIRST))


def draft_names() -> tuple[str, ...]:
    """Names by which the draft may have been replayed: its own, and that of the rule set opened."""
    return draft_name(), str(st.session_state.get(_OF, ""))


def draft_version() -> int:
    """Increases when the draft changes from outside its editor, which is then redrawn."""
    return int(st.session_state.get(_VERSION, 0))


def editor_key() -> str:
    """Key of the text editor."""
    return f"rules_text_{draft_version()}"


def table_version() -> str:
    """Changes when the draft changes from outside the table."""
    return f"{draft_version()}_{st.session_state.get(_TYPED, 0)}"


def draft_rules() -> RuleSet:
    """The draft as data.

    Raises:
        InputError: it cannot be parsed; names the line.
    """
    return parse_rules(draft_text(), draft_name())


def readable_draft() -> RuleSet | None:
    """The draft if it can be parsed and reads known features only, else None."""
    try:
        rules = draft_rules()
        check_features(rules, (*feature_names(), P_AGENT))
    except InputError:
        return None
    return rules
