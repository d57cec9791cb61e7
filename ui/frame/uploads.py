"""Uploads: files from the browser, saved in the workspace for a worker to read."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from phantom_core.core.settings import Settings
from phantom_core.use_cases.data.save_upload import save_upload

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile


def save_uploads(settings: Settings, uploads: Sequence["UploadedFile"]) -> list[Path]:
    """Save uploaded files, each once, under its own name in a folder of its own.

    Args:
        settings: names the workspace.
        uploads: from a file uploader.
    Returns:
        Their paths.
    Raises:
        NotAllowedError: the reader may not load data.
        TooLargeError: a file, or all of this person's, exceeds its limit.
    """
    paths: dict[str, Path] = st.session_state.setdefault("uploads_kept", {})
    for upload in uploads:
        if upload.file_id not in paths or not paths[upload.file_id].exists():
            paths[upload.file_id] = save_upload(settings, upload.name, upload.getbuffer())
    return [paths[upload.file_id] for upload in uploads]
