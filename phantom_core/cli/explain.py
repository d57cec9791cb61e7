"""Verbs that explain: what a model relies on, why it scored a session so, and a model as rules."""

from pathlib import Path
from typing import Annotated

import typer

from phantom_core.cli.run import Json, Seed, Workspace, emit, lake_of, now_ms, running
from phantom_core.model_kinds.model_kind import MODEL_KINDS, default_kind
from phantom_core.use_cases.explanations.job_distil import DistilRequest
from phantom_core.use_cases.explanations.job_explain import ExplainRequest

_TEACHERS = [one for kind in MODEL_KINDS.all() for one in kind.teachings]

_EXPLAIN, _DISTIL = ExplainRequest(), DistilRequest()


def explain(
    *,
    model: Annotated[
        str, typer.Option(help=f"Kind of model: {', '.join(MODEL_KINDS.names())}.")
    ] = default_kind(),
    output: Annotated[
        str, typer.Option(help="Output of the network: agent or purchase.")
    ] = "agent",
    session: Annotated[
        str | None, typer.Option(help="Explain this session; default the whole model.")
    ] = None,
    product: Annotated[
        str | None,
        typer.Option(help="With a session, by the network: this product; default its first."),
    ] = None,
    version: Annotated[
        str | None, typer.Option(help="Version of the model; default the newest.")
    ] = None,
    sessions: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Explain at most this many, drawn at random; default 10,000 sessions, or 2,000 "
            "offers of the network.",
        ),
    ] = None,
    interactions: Annotated[
        int,
        typer.Option(
            min=0, help="Measure interactions on this many of them; about a second for 30."
        ),
    ] = _EXPLAIN.paired,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Explain what the classifier or the network relies on, or its score of one session."""
    from phantom_core.explain.explanation import output_named
    from phantom_core.use_cases.explanations.explain import ExplanationScope
    from phantom_core.use_cases.explanations.explain import explain as explain_kind

    with running(workspace, "explaining", as_json=as_json) as (settings, progress):
        request = ExplanationScope(
            output_named(output), session, product, version, sessions, interactions
        )
        emit(explain_kind(settings, lake_of(settings), model, request, progress), as_json)


def distil(
    *,
    teacher: Annotated[
        str,
        typer.Option(
            help="Source of the mark-ups: "
            f"{', '.join(f'{one.name} ({one.title})' for one in _TEACHERS)}."
        ),
    ] = _DISTIL.teacher,
    method: Annotated[
        str,
        typer.Option(
            help="tree, ahead (lookahead of two splits), hstree (shrunk leaves) or figs (a sum "
            "of trees)."
        ),
    ] = _DISTIL.method,
    depth: Annotated[
        int, typer.Option(min=1, max=8, help="Most splits on a path.")
    ] = _DISTIL.depth,
    leaf: Annotated[
        int, typer.Option(min=1, help="Fewest sessions in a leaf.")
    ] = _DISTIL.leaf_sessions,
    without: Annotated[
        str | None,
        typer.Option(
            help="Features no price may depend on, with commas; '' for none; default "
            "PHANTOM_BANNED_FEATURES."
        ),
    ] = None,
    seed: Seed = None,
    out: Annotated[Path | None, typer.Option(help="Write the rules to this text file.")] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Distil a model's mark-ups into a small tree and its rules, and measure their fidelity."""
    from phantom_core.rules.text import format_rules

    with running(workspace, "distilling", as_json=as_json) as (settings, progress):
        banned = (
            None
            if without is None
            else tuple(part.strip() for part in without.split(",") if part.strip())
        )
        request = DistilRequest(
            teacher=teacher,
            method=method,
            depth=depth,
            leaf_sessions=leaf,
            without=banned,
            seed=seed,
        )
        made = request.run(settings, now_ms=now_ms(), progress=progress)
        if out:
            out.write_text(format_rules(made.rules), encoding="utf-8")
        figures = made.to_json()
        if as_json:
            emit(figures, as_json)
            return
        emit({name: value for name, value in figures.items() if name != "rules"}, as_json)
        print(f"\n{figures['rules']}", end="")
