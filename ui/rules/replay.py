"""Replay tab: prices of the draft on the logged sessions, beside another rule set."""

import json
from typing import Final

import streamlit as st

from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.estimate import Estimate
from phantom_core.core.settings import Settings
from phantom_core.replay.features_at_quote import AS_OF
from phantom_core.replay.replay import Replay, SetReplay
from phantom_core.rules.text import format_rules
from phantom_core.session_market.market import NO_MARKUP
from phantom_core.use_cases.rules.job_replay_rules import ReplayRulesRequest
from phantom_core.use_cases.rules.replay_rules import replay_store
from phantom_core.views.rules.replays import figures_table, uses_table
from phantom_core.views.workspace.saved_runs import SavedRun, run_to_show, saved_replays
from ui.accounts.account import start_job
from ui.charts.frame import show_chart
from ui.charts.rules import markup_chart, recovered_chart, value_chart
from ui.frame.day_range import choose_days, iso_days
from ui.frame.empty import show_missing
from ui.frame.errors import show_error
from ui.frame.handles import current_snapshot, open_jobs
from ui.frame.job_watch import watch_job
from ui.frame.metrics import show_metric
from ui.frame.run_choice import choose_run, origin_note
from ui.frame.tables import csv_button
from ui.frame.wording import (
    escape,
    format_count,
    format_interval,
    format_moment,
    format_money,
    format_number_of,
    format_percent,
    format_period,
)
from ui.rules.draft import draft_name, draft_names, draft_text, readable_draft, rule_set_choices

KIND: Final = ReplayRulesRequest.kind
_AS_OF_HELP: Final = (
    "At the quote, rules see only earlier events, as in production. At the end of the session "
    "they see all of its events."
)


def replay_tab(settings: Settings) -> None:
    """Choose the other rule set and the days, replay, show the results."""
    _form(settings)
    watch_job(KIND, "Rule replay")
    chosen = choose_replay(settings)
    found = saved_replay(settings, chosen)
    if found is None or chosen is None:
        show_missing(
            "No replays yet",
            f"{escape(draft_name())} has not been replayed. A replay applies the rules to the "
            "quote log and reports prices by class and the leakage recovered.",
        )
        return
    _about(found, chosen)
    _figures(found)
    with st.grid(2, min_column_width=420, gap="medium") as grid:
        with grid.cell():
            _markups(found.rules)
        with grid.cell():
            _leakage(found)
        with grid.cell():
            _value(found.rules, found.difference, found.against.name)
        with grid.cell():
            _uses(found.rules)
    _downloads(found)


def choose_replay(settings: Settings) -> SavedRun | None:
    """Choose a replay; it opens with the reader's newest of the open rule set."""
    runs = saved_replays(settings)
    return choose_run("Replay shown", runs, run_to_show(runs, draft_names()), "replay_shown")


def saved_replay(settings: Settings, chosen: SavedRun | None) -> Replay | None:
    """A replay; None without one. A damaged file is shown as an error."""
    if chosen is None:
        return None
    try:
        return replay_store(settings).open(chosen.name)
    except NotFoundError:
        return None
    except DataError as error:
        show_error(error.message, error.hint)
        return None


def _form(settings: Settings) -> None:
    rules, busy = readable_draft(), any(job.kind == KIND for job in open_jobs().active())
    choices = rule_set_choices(settings)
    with (
        st.container(border=True, key="replay_form"),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        against = st.selectbox(
            "Compare with",
            choices,
            index=choices.index(NO_MARKUP.name),
            key="against",
            bind="query-params",
            width=200,
            help="The live rule set or any other; none is the base price.",
        )
        days = choose_days(current_snapshot(), "replay_from", "replay_to")
        as_of = st.selectbox(
            "Evaluate rules",
            AS_OF,
            key="as_of",
            bind="query-params",
            format_func=_as_of,
            width=220,
            help=_AS_OF_HELP,
        )
        why = (
            "A replay is running."
            if busy
            else "Fix the rules first: see the tab Check."
            if rules is None
            else None
        )
        clicked = st.button(
            "Replay rules",
            type="primary",
            icon=":material/replay:",
            disabled=busy or rules is None,
            help=why,
            key="replay",
        )
    if clicked and rules is not None:
        first_day, last_day = iso_days(days)
        start_job(
            ReplayRulesRequest(
                rules=rules.name,
                rules_text=format_rules(rules),
                against=str(against),
                as_of=as_of,
                first_day=first_day,
                last_day=last_day,
            )
        )
        st.rerun()


def _as_of(name: str) -> str:
    return "at the quote" if name == "quote" else "at its end"


def _about(found: Replay, chosen: SavedRun) -> None:
    st.subheader(f"{escape(found.rules.name)} vs {escape(found.against.name)}")
    moment = f"rules evaluated {_as_of(found.as_of)}"
    days = format_period(found.first_ms, found.last_ms)
    st.caption(
        f"{format_number_of(found.quotes, 'quote')} of "
        f"{format_number_of(found.sessions, 'session')}, {days}; {moment}; replayed "
        f"{format_moment(found.created_ms)} UTC. {origin_note(chosen)} "
        "Intervals are 95 %, bootstrapped over actors. Classes are labels where known, else "
        "P(agent)."
    )
    if found.rules.name not in draft_names():
        st.info(
            f"This replay is of {escape(found.rules.name)}; open in the editor is "
            f"{escape(draft_name())}.",
            icon=":material/history:",
        )
    elif found.rules.text != _normal(draft_text()):
        st.info(
            "The draft has changed since this replay. Replay again to update the figures.",
            icon=":material/history:",
        )
    if found.unknown:
        st.warning(
            f"The class of {format_number_of(found.unknown, 'quote')} is unknown; they are "
            "excluded "
            "from the figures of humans and agents."
        )


def _normal(text: str) -> str:
    rules = readable_draft()
    return format_rules(rules) if rules else text


def _figures(found: Replay) -> None:
    human, agent = found.rules.human, found.rules.agent
    with st.grid(5, min_column_width=190, gap="small"):
        if human and agent:
            show_metric(
                "Humans marked up",
                format_percent(human.marked_up.value, 1),
                format_interval(human.marked_up, 1),
                "Share of humans with a quote above the base price.",
            )
            show_metric(
                "Average premium paid by humans",
                format_percent(human.premium.value, 1),
                format_interval(human.premium, 1),
                "Mean of price / base price − 1 over all their quotes.",
            )
            show_metric(
                "Agents marked up",
                format_percent(agent.marked_up.value, 1),
                format_interval(agent.marked_up, 1),
                "Share of agents with a quote above the base price.",
            )
        recovered, other = found.rules.recovered[0].recovered, found.against.recovered[0].recovered
        show_metric(
            "Leakage recovered",
            format_money(recovered.value),
            f"{format_money(recovered.low)} to {format_money(recovered.high)}; under "
            f"{found.against.name} "
            f"{format_money(other.value)}",
            "Of the leakage at logged prices, if every purchase had still been made; reference "
            f"price {found.rules.recovered[0].says}.",
        )
        show_metric(
            "Sessions with a different price",
            format_percent(found.share_changed.value, 1),
            format_number_of(found.changed, "session"),
            f"Compared with {found.against.name}.",
        )


def _markups(one: SetReplay) -> None:
    if not one.human or not one.agent:
        show_missing(
            "No labels and no classifier",
            "Load labels or train the classifier to see prices by class.",
            "pages/classifier.py",
            "Train a classifier",
        )
        return
    finding = (
        f"Agents would have been quoted ×{one.agent.mean_markup.value:.2f} on average, humans "
        f"×{one.human.mean_markup.value:.2f}"
    )
    show_chart(
        markup_chart(one),
        finding,
        "Each session is weighted by its probability of being in the class.",
        key="replay_markups",
        download="markups",
    )


def _leakage(found: Replay) -> None:
    recovered = found.rules.recovered[0]
    finding = (
        f"Leakage would fall from {format_money(recovered.logged.value)} to "
        f"{format_money(recovered.left.value)}"
    )
    reading = "Assumes the logged purchases; at higher prices some agents would not have bought. "
    problems = " ".join(
        f"{one.reference.replace('_', ' ')}: {escape(one.problem)}"
        for one in found.rules.recovered
        if one.problem
    )
    show_chart(
        recovered_chart(found),
        finding,
        reading + problems,
        key="replay_leakage",
        download="leakage_recovered",
    )


def _value(one: SetReplay, difference: Estimate | None, against: str) -> None:
    value = one.value
    if value.logged is None:
        st.markdown("**Revenue under these rules cannot be identified**")
        st.markdown(f"{escape(value.problem)} {escape(value.hint)}")
        return
    lead = value.against_logged
    finding = (
        "Revenue under these rules, from the demand curve alone"
        if value.problem
        else "Revenue under these rules"
    )
    if lead:
        change = f"{lead.value:+,.2f} a session ({lead.low:+,.2f} to {lead.high:+,.2f})"
        finding = f"{finding}: {change}".replace("-", "−")
    reading = (
        f"{format_percent(value.randomised)} of the quotes were randomised; "
        f"{format_count(value.matched)} have the price of the rules (effective sample size "
        f"{format_count(value.effective)}). "
        f"{_overlap(value.problem, value.overlap)}"
    )
    if value.warning:
        st.warning(escape(value.warning), icon=":material/warning:")
    if difference:
        st.markdown(_difference(difference, against))
    show_chart(value_chart(value), finding, reading, key="replay_value", download="revenue")


def _difference(difference: Estimate, against: str) -> str:
    """Revenue against the other rule set, in the same resamples."""
    sure = "" if difference.low > 0 or difference.high < 0 else ", no significant difference"
    found = (
        f"{difference.value:+,.2f} a session against {escape(against)} "
        f"({difference.low:+,.2f} to {difference.high:+,.2f}, paired{sure})."
    )
    return found.replace("-", "−")


def _overlap(problem: str, overlap: float) -> str:
    return (
        f"{escape(problem)} {format_percent(1 - overlap)} of the quotes rely on the demand curve "
        "alone."
        if problem
        else ""
    )


def _uses(one: SetReplay) -> None:
    st.markdown("**Use of each rule**")
    st.dataframe(
        uses_table(one),
        hide_index=True,
        height="content",
        placeholder="–",
        column_config={
            "rule": st.column_config.TextColumn("Rule"),
            "markup": st.column_config.NumberColumn("Mark-up", format="×%.2f", width=80),
            "quotes": st.column_config.NumberColumn("Quotes", format="localized", width=80),
            "share_human": st.column_config.ProgressColumn(
                "Share of humans' quotes", format="percent", min_value=0, max_value=1
            ),
            "share_agent": st.column_config.ProgressColumn(
                "Share of agents' quotes",
                format="percent",
                min_value=0,
                max_value=1,
                color="orange",
            ),
        },
    )


def _downloads(found: Replay) -> None:
    with st.container(horizontal=True):
        csv_button(
            "Download figures as CSV", figures_table(found), "replay_figures.csv", "replay_csv"
        )
        st.download_button(
            "Download all as JSON",
            json.dumps(found.to_json()).encode(),
            "replay.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
            key="replay_json",
        )
