"""Load form: files, their mapping, and the labels of the sessions."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import InputError
from phantom_core.core.settings import Settings
from phantom_core.events.formats.source_format import format_list
from phantom_core.events.mapping import parse_mapping
from phantom_core.use_cases.data.allowed_sources import allowed_sources
from phantom_core.use_cases.data.job_ingest import IngestRequest
from phantom_core.use_cases.data.save_mapping import save_mapping
from ui.accounts.account import is_allowed, start_job
from ui.data.mapping_choice import describe_mapping, mapping_advice, mapping_options
from ui.frame.errors import friendly_errors, show_error
from ui.frame.fragments import callback
from ui.frame.handles import open_jobs
from ui.frame.uploads import save_uploads
from ui.frame.wording import escape

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile


SERVER_PATHS: Final = (
    "A file, a folder or a glob below the folders of this server that PHANTOM_SERVER_FOLDERS "
    "allows; none by default."
)


def load_form(settings: Settings) -> None:
    """Choose files and start a load."""
    if not is_allowed(Permission.WORK):
        st.caption("Analysts and pricing managers load data.")
        return
    # A new number in the keys empties the uploaders once a load has started.
    turn = st.session_state.setdefault("load_turn", 0)
    with st.grid(2, min_column_width=360, gap="medium") as grid:
        with grid.cell():
            st.markdown("**Events and quotes**")
            uploads = st.file_uploader(
                "Files", accept_multiple_files=True, key=f"load_files_{turn}", help=format_list()
            )
            where = st.text_input(
                "Or a path on this server",
                placeholder="/data/clicks/*.jsonl.gz",
                key=f"load_path_{turn}",
                help=SERVER_PATHS,
            )
            paths = [
                *map(str, save_uploads(settings, uploads)),
                *([_allowed(settings, where.strip())] if where.strip() else []),
            ]
            mapping = _mapping(settings, [Path(path) for path in paths if Path(path).is_file()])
        with grid.cell():
            st.markdown("**Labels and catalogue** (optional)")
            labels = st.file_uploader(
                "Labels",
                key=f"load_labels_{turn}",
                help="Columns session and label (agent or human), optionally family.",
            )
            experiments = st.file_uploader(
                "Experiments",
                key=f"load_experiments_{turn}",
                help="Columns id and xp_human_only: the experiment's sessions are human or agent.",
            )
            catalogue = st.file_uploader(
                "Catalogue",
                key=f"load_catalogue_{turn}",
                help="Products: product_id and base_price, optionally stock, n_amenities, "
                "is_refundable, competitor_price.",
            )
            url = st.text_input(
                "Or a database with experiments",
                placeholder="postgresql://user@host/shop",
                key=f"load_url_{turn}",
                type="password",
            )
    busy = any(job.kind == IngestRequest.kind for job in open_jobs().active())
    if st.button(
        "Load",
        type="primary",
        icon=":material/upload:",
        disabled=busy,
        help="A load is running." if busy else None,
    ):
        with friendly_errors():
            request = IngestRequest(
                paths=tuple(paths),
                mapping=mapping,
                labels=_one(settings, labels),
                experiments=_one(settings, experiments) or url.strip(),
                catalogue=_one(settings, catalogue),
            )
            if not any((request.paths, request.labels, request.experiments, request.catalogue)):
                raise InputError(
                    "No file was chosen.",
                    hint="Choose a file, or enter a path on this server.",
                )
            start_job(request)
            st.session_state["load_turn"] = turn + 1
            st.rerun()


def _allowed(settings: Settings, where: str) -> str:
    """The path, before anything looks at it.

    Raises:
        NotAllowedError: the reader may not read files there.
    """
    allowed_sources(settings).require_file(where)
    return where


def _one(settings: Settings, upload: "UploadedFile | None") -> str:
    return str(save_uploads(settings, [upload])[0]) if upload else ""


def _mapping(settings: Settings, files: list[Path]) -> str:
    """Choose the mapping of the files; warn where another one fits better."""
    options = mapping_options(settings)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shown = st.selectbox(
            "Column mapping",
            list(options),
            key="load_mapping",
            help="Create your own mapping in the tab Map columns.",
        )
        with st.popover("", icon=":material/upload_file:", help="Add a mapping file"):
            _add_mapping(settings)
    choice = options[shown]
    sentence, better = mapping_advice(files, choice)
    if better:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f":orange[:material/lightbulb:] {sentence}", width="content")
            better_shown = next(name for name, value in options.items() if value == better)
            st.button(
                f"Use {better}",
                on_click=callback(_choose),
                args=(better_shown,),
                key="load_use_better",
            )
    elif sentence:
        st.warning(sentence, icon=":material/help:")
    else:
        st.caption(describe_mapping(choice))
    return choice


def _choose(shown: str) -> None:
    st.session_state["load_mapping"] = shown


def _add_mapping(settings: Settings) -> None:
    upload = st.file_uploader("Mapping as TOML", type="toml", key="load_mapping_file")
    if upload and st.session_state.get("load_mapping_seen") != upload.file_id:
        try:
            mapping = parse_mapping(upload.getvalue().decode("utf-8", "replace"), upload.name)
            save_mapping(settings, mapping)
        except InputError as error:
            show_error(error.message, error.hint)
        else:
            st.session_state["load_mapping_seen"] = upload.file_id
            st.toast(
                f"Saved mapping {escape(mapping.name)} in the workspace.", icon=":material/check:"
            )
            st.rerun()
