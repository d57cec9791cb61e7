"""Verbs that explain: what a model relies on, why a session was called an agent, and a model as
rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phantom_core.cli.run import Json, Workspace, emit, lake_of, now_ms, running
from phantom_core.use_cases.explanations.job_distil import DistilRequest
from phantom_core.use_cases.explanations.job_explain import ExplainRequest

if TYPE_CHECKING:
    from phantom_core.core.progress import Progress
    from phantom_core.core.settings import Settings
    from phantom_core.explain.explanation import Output

_EXPLAIN, _DISTIL = ExplainRequest(), DistilRequest()


def explain(
    *,
    model: Annotated[
        str, typer.Option(help="classifier, or multitask: the network.")
    ] = _EXPLAIN.model_kind,
    output: Annotated[
        str, typer.Option(help="Which answer of the network: agent or purchase.")
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
            help="Explain at most so many, drawn at random; default 10,000 sessions, 2,000 offers "
            "by the network.",
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
    """Say what the classifier or the network relies on, or why it says what it says of one
    session.
    """
    from phantom_core.core.errors import InputError
    from phantom_core.explain.explanation import output_named

    with running(workspace, "explaining", as_json=as_json) as (settings, progress):
        if model not in ("classifier", "multitask"):
            raise InputError(
                f"There is no model '{model}' to explain.",
                hint="Choose one of classifier, multitask.",
            )
        if model == "multitask":
            emit(
                _of_network(
                    settings,
                    output_named(output),
                    session,
                    product,
                    version,
                    sessions,
                    interactions,
                    progress,
                ),
                as_json,
            )
            return
        if output != "agent" or product is not None:
            raise InputError(
                "The classifier knows agents alone, and no product.",
                hint="Ask the network: --model multitask.",
            )
        emit(_of_classifier(settings, session, version, sessions, interactions, progress), as_json)


def _of_classifier(
    settings: Settings,
    session: str | None,
    version: str | None,
    sessions: int | None,
    interactions: int,
    progress: Progress,
) -> Mapping[str, object]:
    from phantom_core.use_cases.explanations.explain_model import MAX_EXPLAINED, explain_model
    from phantom_core.use_cases.explanations.explain_session import explain_session

    lake = lake_of(settings)
    if session is not None:
        return explain_session(
            settings, lake, session, version=version, progress=progress
        ).to_json()
    asked = sessions or MAX_EXPLAINED
    return explain_model(
        settings, lake, version=version, n_sessions=asked, n_paired=interactions, progress=progress
    ).to_json()


def _of_network(
    settings: Settings,
    output: Output,
    session: str | None,
    product: str | None,
    version: str | None,
    offers: int | None,
    interactions: int,
    progress: Progress,
) -> Mapping[str, object]:
    from phantom_core.core.errors import DataError, InputError
    from phantom_core.use_cases.explanations.explain_network import MAX_EXPLAINED, explain_network
    from phantom_core.use_cases.explanations.explain_offer import explain_offer

    lake = lake_of(settings)
    if session is not None:
        return explain_offer(
            settings, lake, session, output, product_id=product, version=version, progress=progress
        ).to_json()
    if interactions or product is not None:
        raise InputError(
            "Interactions are measured of the classifier, and a product belongs to a session.",
            hint="Leave them out.",
        )
    found = explain_network(
        settings, lake, version=version, n_offers=offers or MAX_EXPLAINED, progress=progress
    )
    if output not in found:
        raise DataError(
            "The network never saw a label, so it cannot tell agents.",
            hint="Ask for --output purchase.",
        )
    return found[output].to_json()


def distil(
    *,
    teacher: Annotated[
        str,
        typer.Option(
            help="What it learns from: classifier, network, or optimal: the network's optimal "
            "mark-up."
        ),
    ] = _DISTIL.teacher,
    method: Annotated[
        str,
        typer.Option(
            help="tree, ahead (looks two questions ahead), hstree (shrunk leaves) or figs (a sum "
            "of trees)."
        ),
    ] = _DISTIL.method,
    depth: Annotated[
        int, typer.Option(min=1, max=8, help="Most questions on a path.")
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
    seed: Annotated[int | None, typer.Option(help="Seed; default PHANTOM_SEED.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the rules to this text file.")] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Turn a model's mark-ups into a small tree and its rules, and say what they keep of it."""
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
