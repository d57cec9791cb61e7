"""Uploads: files from the browser, saved in the workspace for a worker to read."""

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from phantom_core.core.settings import Settings

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile


def save_uploads(settings: Settings, uploads: Sequence["UploadedFile"]) -> list[Path]:
    """Save uploaded files, each once, under its own name in a folder of its own.

    Args:
        settings: names the workspace.
        uploads: from a file uploader.
    Returns:
        Their paths.
    """
    paths: dict[str, Path] = st.session_state.setdefault("uploads_kept", {})
    for upload in uploads:
        if upload.file_id not in paths or not paths[upload.file_id].exists():
            folder = settings.paths.uploads / uuid.uuid4().hex[:12]
            folder.mkdir(parents=True)
            # A browser may send a path; only its last part names the file.
            path = folder / (Path(upload.name.replace("\\", "/")).name or "upload")
            path.write_bytes(upload.getbuffer())
            paths[upload.file_id] = path
    return [paths[upload.file_id] for upload in uploads]
