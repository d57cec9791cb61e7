"""Verbs about rules: check, replay and convert them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from phantom_core.cli.run import Json, Seed, Workspace, emit, now_ms, running
from phantom_core.core.errors import InputError
from phantom_core.use_cases.rules.job_replay_rules import ReplayRulesRequest

if TYPE_CHECKING:
    from phantom_core.core.estimate import Estimate
    from phantom_core.replay.replay import Replay, SetReplay

File = Annotated[
    str,
    typer.Argument(
        help="A file of rules (text, JSON or JDM), or the name of a saved or built-in set."
    ),
]

_DEFAULT = ReplayRulesRequest(rules="none")


def check(
    file: File,
    *,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Check rules for errors, warnings and notes; exit code 1 where an error is found."""
    from phantom_core.rules.checks.check import count_findings
    from phantom_core.use_cases.rules.check_rules import check_rule_set
    from phantom_core.use_cases.rules.rule_sets import open_rule_set

    with running(workspace, "checking", as_json=as_json) as (settings, _):
        rules = open_rule_set(settings, file)
        found = check_rule_set(settings, rules)
    if as_json:
        emit(
            {
                "rules": rules.name,
                "counts": dict(count_findings(found)),
                "findings": [finding.to_json() for finding in found],
            },
            as_json,
        )
    else:
        for finding in found:
            print(f"{finding.severity:<8} {finding.kind}: {finding.says} {finding.fix}")
        print(
            "No issues found."
            if not found
            else ", ".join(f"{kind}s: {n}" for kind, n in count_findings(found).items())
        )
    if count_findings(found)["error"]:
        raise typer.Exit(1)


def expect(
    file: File,
    session: Annotated[str, typer.Argument(help="Id of a loaded session.")],
    *,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """A test for rules from a session: its features and the mark-up that it gets now."""
    from phantom_core.rules.document import tests_to_json
    from phantom_core.rules.text import format_expectation
    from phantom_core.use_cases.rules.expect_session import expect_session
    from phantom_core.use_cases.rules.rule_sets import open_rule_set

    with running(workspace, "reading a session", as_json=as_json) as (settings, _):
        found = expect_session(settings, open_rule_set(settings, file), session)
    if as_json:
        [test] = tests_to_json((found,))
        emit(test, as_json)
    else:
        print(format_expectation(found))


def replay(
    file: File,
    *,
    against: Annotated[
        str, typer.Option(help="Another rule set to compare with.")
    ] = _DEFAULT.against,
    first: Annotated[str, typer.Option("--from", help="First day, UTC: 2026-01-05.")] = "",
    last: Annotated[str, typer.Option("--to", help="Last day, UTC.")] = "",
    at_end: Annotated[
        bool,
        typer.Option(
            "--session-end", help="Let rules read whole sessions, not features at the quote."
        ),
    ] = False,
    changed: Annotated[
        Path | None,
        typer.Option(help="Write the sessions whose price changes to this CSV or Parquet file."),
    ] = None,
    seed: Seed = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """What rules would have quoted the logged sessions."""
    import pyarrow.parquet as pq

    from phantom_core.core.csv_file import write_table
    from phantom_core.replay.period import period_of
    from phantom_core.use_cases.rules.replay_rules import changed_sessions_file, replay_rules
    from phantom_core.use_cases.rules.rule_sets import open_rule_set

    with running(workspace, "replaying", as_json=as_json) as (settings, progress):
        found = replay_rules(
            settings,
            open_rule_set(settings, file),
            open_rule_set(settings, against),
            now_ms=now_ms(),
            period=period_of(first, last),
            as_of="session end" if at_end else "quote",
            seed=seed,
            progress=progress,
        )
        if changed:
            write_table(pq.read_table(changed_sessions_file(settings)), changed)
        if as_json:
            emit(found.to_json(), as_json)
            return
    _print_replay(found)


def convert(
    file: File,
    *,
    to: Annotated[str, typer.Option(help="text, json or jdm.")] = "text",
    out: Annotated[Path | None, typer.Option(help="Write it to this file.")] = None,
    workspace: Workspace = None,
) -> None:
    """Write rules in another form; converting back gives the same rules."""
    from phantom_core.rules.forms import FORMS, write_form
    from phantom_core.use_cases.rules.rule_sets import open_rule_set

    with running(workspace, "converting") as (settings, _):
        form = next((form for form in FORMS if form == to), None)
        if form is None:
            raise InputError(
                f"'{to}' is not a form of rules.", hint=f"Choose one of {', '.join(FORMS)}."
            )
        text = write_form(open_rule_set(settings, file), form)
        if out:
            out.write_text(text, encoding="utf-8")
        else:
            print(text, end="")


def _print_replay(found: "Replay") -> None:
    quotes = f"{found.quotes:,} quotes of {found.sessions:,} sessions, 95 % intervals"
    table = Table("figure", found.rules.name, found.against.name, title=quotes, box=SIMPLE)
    rows = [_figures(one) for one in (found.rules, found.against)]
    for name in dict.fromkeys((*rows[0], *rows[1])):
        table.add_row(name, *(row.get(name, "–") for row in rows))
    table.add_row(
        "sessions with a changed price",
        f"{found.changed:,} ({100 * found.share_changed.value:.1f} %)",
        "",
    )
    if found.difference:
        table.add_row("revenue per session, difference", _shown(found.difference), "")
    Console().print(table)
    for one in (found.rules, found.against):
        if one.value.problem or one.value.warning:
            print(f"{one.name}: {one.value.problem or one.value.warning}")


def _figures(one: "SetReplay") -> dict[str, str]:
    found: dict[str, str] = {}
    for who, figures in (("humans", one.human), ("agents", one.agent)):
        if figures:
            found[f"{who} marked up, %"] = _shown(figures.marked_up, 100.0)
            found[f"{who} premium, %"] = _shown(figures.premium, 100.0)
    for recovery in one.recovered:
        if not recovery.problem:
            found[f"leakage recovered, {recovery.reference}"] = _shown(recovery.recovered)
    for name in ("logged", "self_normalised", "doubly_robust"):
        estimate = getattr(one.value, name)
        if estimate:
            found[f"revenue per session, {name.replace('_', ' ')}"] = _shown(estimate)
    return found


def _shown(estimate: "Estimate", scale: float = 1.0) -> str:
    value, low, high = (
        f"{scale * end:,.1f}" for end in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} [{low}, {high}]"
