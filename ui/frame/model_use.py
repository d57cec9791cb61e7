"""Model use: the model that prices depend on, how it changes, and what waits for a decision."""

from collections.abc import Callable

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.core.settings import Settings
from phantom_core.model_kinds.model_kind import ModelKind
from phantom_core.use_cases.models.model_use import (
    ModelStatus,
    WaitingModel,
    approve_model,
    end_policy,
    model_status,
    propose_policy,
    reject_model,
    revert_model,
    use_model,
)
from phantom_core.use_cases.models.publish_model import publish_approved
from phantom_core.use_cases.models.retrain import promotion_gates
from phantom_core.views.workspace.saved_models import saved_versions
from ui.accounts.account import current_login, current_person, is_allowed
from ui.frame.errors import friendly_errors, show_error
from ui.frame.handles import now_ms
from ui.frame.wording import escape, format_moment


def model_use(settings: Settings, kind: ModelKind) -> None:
    """Show the model that prices depend on, and let people with the permission change it."""
    status = model_status(settings, kind.name)
    st.header("For pricing")
    _standing(status, kind)
    for one in status.waiting:
        _waiting(settings, kind, one)
    if not is_allowed(Permission.PROPOSE):
        st.caption(
            "An analyst proposes a model for pricing; a pricing manager uses or approves it."
        )
        return
    with st.container(horizontal=True):
        _use(settings, kind, status)
        if status.before and is_allowed(Permission.PUBLISH):
            _revert(settings, kind, status)
        _policy(settings, kind, status)


def _standing(status: ModelStatus, kind: ModelKind) -> None:
    if status.approved:
        readers = f" Read by {escape(', '.join(status.readers))}." if status.readers else ""
        st.markdown(
            f"Prices may depend on **{escape(status.approved)}**.{readers}"
            if status.readers
            else f"Prices may depend on **{escape(status.approved)}**; nothing that is live reads "
            "it."
        )
    else:
        st.markdown(f"No {kind.noun} is approved for pricing.")
    if status.problem:
        show_error(status.problem)
    st.caption(
        status.policy
        or "Training and retraining leave candidates: no promotion policy is approved."
    )


def _waiting(settings: Settings, kind: ModelKind, one: WaitingModel) -> None:
    change = one.change
    what = f"{kind.noun} {escape(one.version)}" if one.version else change.kind
    with st.container(border=True):
        st.markdown(
            f"Waiting for approval: **{escape(what)}** · proposed by {escape(change.author)} "
            f"{format_moment(change.created_ms)} UTC · {len(one.approvals)} of {change.needed} "
            "approvals"
        )
        st.markdown(escape(one.sentence))
        st.caption(escape(f"Reason: {change.why}"))
        person = current_person()
        if not is_allowed(Permission.APPROVE):
            return
        is_author = person is not None and person.login == change.author
        four_eyes = "Four-eyes principle: you cannot decide on your own change."
        with st.container(horizontal=True, vertical_alignment="bottom"):
            comment = st.text_input("Comment", key=f"model_comment_{change.change_id}")
            if st.button(
                f"Approve {what}",
                type="primary",
                key=f"model_approve_{change.change_id}",
                disabled=is_author,
                help=four_eyes if is_author else None,
            ):
                _act(
                    settings,
                    kind,
                    Permission.APPROVE,
                    lambda who: approve_model(
                        settings,
                        who,
                        change.change_id,
                        change.payload_sha256,
                        comment,
                        now_ms=now_ms(),
                    ),
                )
            if st.button("Reject", key=f"model_reject_{change.change_id}", disabled=is_author):
                _act(
                    settings,
                    kind,
                    Permission.APPROVE,
                    lambda who: reject_model(
                        settings,
                        who,
                        change.change_id,
                        change.payload_sha256,
                        comment,
                        now_ms=now_ms(),
                    ),
                )


def _use(settings: Settings, kind: ModelKind, status: ModelStatus) -> None:
    candidates = [one for one in saved_versions(settings, kind) if one != status.approved]
    is_at_once = is_allowed(Permission.PUBLISH) and not status.readers
    label = "Use for pricing" if is_at_once else "Propose for pricing"
    with st.popover(label, icon=":material/swap_horiz:", disabled=not candidates):
        version = st.selectbox(kind.choice_title, candidates, key=f"use_{kind.name}_version")
        why = st.text_input("Reason", key=f"use_{kind.name}_why")
        confirmed = st.checkbox(
            "Also if it is significantly worse, or many labels changed",
            key=f"use_{kind.name}_despite_doubts",
        )
        st.caption(
            "It is compared with the approved one on the same held-out sessions. "
            + ("" if is_at_once else "A second person approves it.")
        )
        if st.button(label, type="primary", key=f"use_{kind.name}"):
            with st.spinner("Comparing …"):
                _act(
                    settings,
                    kind,
                    Permission.PROPOSE,
                    lambda who: use_model(
                        settings,
                        who,
                        kind.name,
                        str(version),
                        why=why,
                        now_ms=now_ms(),
                        despite_doubts=confirmed,
                    ),
                )


def _revert(settings: Settings, kind: ModelKind, status: ModelStatus) -> None:
    with st.popover("Go back", icon=":material/undo:"):
        st.markdown(f"Back to **{escape(status.before)}**, which was approved before.")
        why = st.text_input("Reason", key=f"revert_{kind.name}_why")
        if st.button(f"Go back to {escape(status.before)}", key=f"revert_{kind.name}"):
            _act(
                settings,
                kind,
                Permission.PUBLISH,
                lambda who: revert_model(settings, who, kind.name, why=why, now_ms=now_ms()),
            )


def _policy(settings: Settings, kind: ModelKind, status: ModelStatus) -> None:
    with st.popover("Promotion policy", icon=":material/policy:"):
        why = st.text_input("Reason", key=f"policy_{kind.name}_why")
        if status.policy:
            if is_allowed(Permission.PUBLISH) and st.button(
                "End it", key=f"policy_{kind.name}_end"
            ):
                _act(
                    settings,
                    kind,
                    Permission.PUBLISH,
                    lambda who: end_policy(settings, who, kind.name, why=why, now_ms=now_ms()),
                )
            return
        rule = st.radio(
            "A challenger is promoted where it is",
            ["better", "not_worse"],
            format_func={"better": "significantly better", "not_worse": "not worse"}.__getitem__,
            key=f"policy_{kind.name}_rule",
        )
        margin = st.number_input(
            "Margin of ROC-AUC, for not worse",
            0.0,
            1.0,
            settings.retraining.margin,
            key=f"policy_{kind.name}_margin",
        )
        if st.button("Propose policy", key=f"policy_{kind.name}"):
            _act(
                settings,
                kind,
                Permission.PROPOSE,
                lambda who: propose_policy(
                    settings,
                    who,
                    kind.name,
                    rule=str(rule),
                    margin=float(margin),
                    gates=promotion_gates(settings, kind.name),
                    why=why,
                    now_ms=now_ms(),
                ),
            )


def _act(
    settings: Settings,
    kind: ModelKind,
    permission: Permission,
    decide: Callable[[str], object],
) -> None:
    with friendly_errors():
        decide(current_login(permission))
        if model_status(settings, kind.name).approved:
            st.toast(escape(publish_approved(settings, kind.name, now_ms())))
        st.rerun()
