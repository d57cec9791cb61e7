"""Desk tab: one session at a time, its evidence, and one key for each label."""

from typing import Final

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.core.settings import Settings
from phantom_core.labels.verdicts import MAX_REASON, Verdict
from phantom_core.use_cases.labels.give_label import give_label
from phantom_core.views.labels.desk_queue import DeskQueue, QueuedSession, desk_queue
from phantom_core.views.labels.label_state import LabelState, label_state
from phantom_core.views.workspace.snapshot import Snapshot
from ui.accounts.account import current_login, current_person, is_allowed
from ui.frame.fragments import callback
from ui.frame.handles import now_ms
from ui.frame.wording import escape, format_count, format_money
from ui.sessions.session_detail import session_detail

_REASON: Final = "label_reason"
_QUEUE: Final = "label_queue"
_SECOND: Final = "label_second"


def desk_tab(settings: Settings, snapshot: Snapshot) -> None:
    """Show the session whose label is worth most, and take the reader's label of it."""
    if not is_allowed(Permission.WORK):
        st.info("Sign in as an analyst to label sessions.", icon=":material/lock:")
        return
    if current_person() is None:
        st.info(
            "Labels carry the name of the person who gave them: sign in to label sessions.",
            icon=":material/person:",
        )
        return
    login, state = current_login(Permission.WORK), label_state(settings)
    st.toggle(
        "Check what other people labelled",
        key=_SECOND,
        bind="query-params",
        help="Shows sessions that another person labelled and you did not, without the label, so "
        "that agreement can be measured.",
    )
    queue = _queue(snapshot, state, login)
    waiting = [one for one in queue.sessions if login not in state.said.get(one.session_id, {})]
    if not waiting:
        st.success("Nothing waits for a label here.", icon=":material/check:")
        return
    _one_session(settings, snapshot, waiting[0], login, queue)


def _queue(snapshot: Snapshot, state: LabelState, login: str) -> DeskQueue:
    """The queue of this data and reader, worked out once; labels given since only shorten it."""
    second = bool(st.session_state.get(_SECOND))
    key = (snapshot.stamp, login, second)
    stored = st.session_state.get(_QUEUE)
    mine = {name for name, said in state.said.items() if login in said}
    is_used_up = stored is not None and all(one.session_id in mine for one in stored[1].sessions)
    if stored is None or stored[0] != key or (is_used_up and stored[1].sessions):
        others = set(state.said) - mine
        done, only = (mine, others) if second else (set(state.said), None)
        queue = desk_queue(snapshot, done, only=only)
        st.session_state[_QUEUE] = stored = (key, queue)
    found: DeskQueue = stored[1]
    return found


def _one_session(
    settings: Settings, snapshot: Snapshot, one: QueuedSession, login: str, queue: DeskQueue
) -> None:
    st.caption(
        f"{format_count(queue.n_open)} sessions have no label. Ordered by uncertainty × money × "
        f"novelty; probabilities of {queue.source}."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for verdict, text, key, icon in (
            ("agent", "Agent", "a", ":material/smart_toy:"),
            ("human", "Human", "h", ":material/person:"),
            ("skip", "Cannot tell", "s", ":material/skip_next:"),
        ):
            st.button(
                text,
                icon=icon,
                key=f"label_{verdict}",
                shortcut=key,
                on_click=callback(_give),
                args=(settings, login, one.session_id, verdict),
            )
        st.text_input(
            "Reason (optional)",
            key=_REASON,
            max_chars=MAX_REASON,
            placeholder="what decided it",
        )
    with st.grid(4, min_column_width=150, gap="small"):
        st.metric("P(agent)", f"{one.p_agent:.2f}", help=f"Of {queue.source}.")
        st.metric("Uncertainty", f"{one.uncertainty:.2f}", help="4p(1 − p).")
        st.metric(
            "Money at stake",
            "–" if one.at_stake is None else format_money(one.at_stake),
            help="What was paid, else the highest price seen: all of it with a cart, else a tenth.",
        )
        st.metric("Novelty", f"{one.novelty:.2f}", help="Distance to the nearest labelled session.")
    st.markdown(_evidence(one))
    session_detail(snapshot, one.session_id)


def _evidence(one: QueuedSession) -> str:
    if not one.signs:
        return "No weak rule votes on this session."
    colour = {"agent": "orange", "human": "blue"}
    return " ".join(
        f":{colour[sign.says]}-badge[{sign.says}: {escape(sign.title)}]" for sign in one.signs
    )


def _give(settings: Settings, login: str, session_id: str, verdict: Verdict) -> None:
    reason = str(st.session_state.get(_REASON) or "")
    give_label(settings, login, session_id, verdict, reason=reason, now_ms=now_ms())
    st.session_state[_REASON] = ""
