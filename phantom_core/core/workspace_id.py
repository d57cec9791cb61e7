"""Workspace id: distinguishes workspaces that share a control database."""

import uuid
from pathlib import Path

from filelock import FileLock

from phantom_core.core.workspace import WorkspacePaths, make_private_folder


def workspace_id(workspace: Path) -> str:
    """The id of a workspace, created at first use and stored in it.

    It is the same from every machine and mount point that shows this folder, where a path is not;
    a copied folder has the same id until its file is deleted.

    Args:
        workspace: folder of the installation.
    Returns:
        32 hexadecimal digits.
    """
    path = WorkspacePaths(workspace).workspace_id
    make_private_folder(workspace)
    with FileLock(path.with_suffix(".lock")):
        found = path.read_text().strip() if path.exists() else ""
        if not found:
            found = uuid.uuid4().hex
            path.write_text(f"{found}\n")
    return found
