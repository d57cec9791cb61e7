"""Run choice: which stored result a page shows, and whose it is."""

from collections.abc import Sequence
from datetime import date

import streamlit as st

from phantom_core.accounts.actors import is_internal
from phantom_core.replay.origin import Origin
from phantom_core.views.workspace.saved_runs import SavedRun
from ui.frame.model_choice import NEWEST
from ui.frame.wording import escape, format_day, format_days, format_moment


def choose_run(
    label: str, runs: Sequence[SavedRun], default: SavedRun | None, run_key: str
) -> SavedRun | None:
    """Choose a stored result; until one is chosen, the default is shown.

    Args:
        label: of the chooser.
        runs: to choose from, the newest first.
        default: what is shown otherwise; None for nothing.
        run_key: of the widget, and in the URL.
    """
    by_name = {run.name: run for run in runs}
    titles = {name: run_title(run) for name, run in by_name.items()}
    if len(runs) < 2 and default is not None:
        return default
    if not runs:
        return None
    first = f"newest: {run_title(default)}" if default else "choose one"
    shown = st.selectbox(
        label,
        [NEWEST, *by_name],
        format_func=lambda name: {NEWEST: first, **titles}.get(name, name),
        key=run_key,
        bind="query-params",
        width=460,
        help="Results stay until their author has stored 20 newer ones.",
    )
    return by_name.get(str(shown), default)


def run_title(run: SavedRun) -> str:
    """A stored result in one line."""
    if run.is_damaged:
        return f"cannot be read · {run.name}"
    rules = f"{run.rules} vs {run.against}" if run.against else run.rules
    return f"{rules} · {asked_days(run.origin)} · {author(run)} · {format_moment(run.created_ms)}"


def asked_days(origin: Origin) -> str:
    """The days that were asked for.

    >>> asked_days(Origin("ana", "2026-02-09", "2026-02-15")), asked_days(Origin("ana"))
    ('9 Feb – 15 Feb 2026', 'all days')
    """
    first, last = (_date(text) for text in (origin.first_day, origin.last_day))
    if first and last:
        return format_days(first, last)
    if first:
        return f"from {format_day(first)}"
    return f"to {format_day(last)}" if last else "all days"


def author(run: SavedRun) -> str:
    """Whose result it is."""
    if is_internal(run.origin.who):
        return "without an account"
    return "yours" if run.is_own else run.origin.who


def origin_note(run: SavedRun) -> str:
    """Whose result a page shows, and for which days it was asked, as Markdown."""
    if is_internal(run.origin.who):
        return f"Asked for without an account, {asked_days(run.origin)}."
    whose = "you" if run.is_own else run.origin.who
    return f"Asked for by {escape(whose)}, {asked_days(run.origin)}."


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
