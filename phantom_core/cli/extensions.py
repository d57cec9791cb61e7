"""Verb about extensions: kinds of models, policies, scenarios, rule checks, file formats."""

from phantom_core.cli.run import Json, Workspace, emit, running


def extensions(*, workspace: Workspace = None, as_json: Json = False) -> None:
    """List kinds of models, simulator policies, scenarios, rule checks and file formats."""
    from phantom_core.views.workspace.extensions import extension_lists

    with running(workspace, "reading", as_json=as_json):
        emit(
            {
                one.name: {row[0].strip("`"): " | ".join(row[1:]) for row in one.rows}
                for one in extension_lists()
            },
            as_json,
        )
