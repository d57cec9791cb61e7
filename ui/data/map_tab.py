"""Map tab: create a mapping from a sample, with a preview before anything is loaded."""

import hashlib
import re
from pathlib import Path

import streamlit as st
import tomli_w

from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import MappingError, PhantomError
from phantom_core.core.settings import Settings
from phantom_core.events.columns import look_like_data
from phantom_core.events.mapping import Mapping, parse_mapping
from phantom_core.events.text_options import TextOptions
from phantom_core.use_cases.data.mapping_drafts import (
    MappingDraft,
    read_mapping_draft,
    save_mapping_draft,
)
from phantom_core.use_cases.data.save_mapping import save_mapping
from phantom_core.views.data.reasons import reason_of
from phantom_core.views.data.sample import FileSample, Preview, preview_mapping, read_sample
from ui.accounts.account import is_allowed
from ui.data.load_form import SERVER_PATHS
from ui.data.map_form import DRAFT, SUGGESTION, map_form, start_mapping
from ui.data.map_options import ask_text_options, restore_text_options, with_text_options
from ui.data.mapping_choice import mapping_options
from ui.frame.errors import show_error
from ui.frame.handles import now_ms
from ui.frame.uploads import save_uploads
from ui.frame.wording import escape, format_count, format_percent

SHOWN_ROWS = 6
_DRAFT = "map_draft"
_STORED = "map_draft_stored"


def map_tab(settings: Settings) -> None:
    """From a sample to a saved mapping."""
    if not is_allowed(Permission.WORK):
        st.caption("Analysts and pricing managers map columns.")
        return
    draft = _restored_draft(settings)
    path, options = _choose_sample(settings)
    if path is None:
        st.caption("Choose a file. The first 2,000 rows are read as a sample; nothing is loaded.")
        return
    try:
        sample = _read(path, settings, options)
    except PhantomError as error:
        show_error(error.message, error.hint)
        return
    _show_sample(path, sample)
    here = draft if draft and draft.path == str(path) else None
    start, token = _start(settings, path, sample, _token(str(path), repr(options)), here)
    summary = st.container()
    parts = map_form(sample, with_text_options(start, options), token)
    _save_draft(settings, MappingDraft(str(path), options, parts))
    try:
        mapping = parse_mapping(tomli_w.dumps(parts), "The mapping")
        result = preview_mapping(sample, mapping, settings, now_ms())
    except MappingError as error:
        with summary:
            st.warning(f"{escape(error.message)} {escape(error.hint)}", icon=":material/pending:")
        return
    _summary(summary, mapping, result)
    _preview(result)
    _save_buttons(settings, mapping, path)


def _restored_draft(settings: Settings) -> MappingDraft | None:
    """The draft of a former session, whose sample is chosen again; None without one."""
    if _DRAFT not in st.session_state:
        found = read_mapping_draft(settings)
        if found and not Path(found.path).is_file():
            found = None
        st.session_state[_DRAFT] = found
        if found and not st.session_state.get("map_path"):
            st.session_state["map_path"] = found.path
            restore_text_options(found.options)
    draft: MappingDraft | None = st.session_state[_DRAFT]
    return draft


def _save_draft(settings: Settings, draft: MappingDraft) -> None:
    """Store what was edited, so that a reload of the page finds it."""
    if st.session_state.get(_STORED) != draft:
        save_mapping_draft(settings, draft)
        st.session_state[_STORED] = draft


def _choose_sample(settings: Settings) -> tuple[Path | None, TextOptions]:
    with st.grid(2, min_column_width=360, gap="medium") as grid:
        with grid.cell():
            upload = st.file_uploader("Sample of your export", key="map_file")
        with grid.cell():
            where = st.text_input(
                "Or a path on this server",
                key="map_path",
                persist_state="page",
                help=SERVER_PATHS,
            ).strip()
            options = ask_text_options()
    path = save_uploads(settings, [upload])[0] if upload else Path(where) if where else None
    return path, options


@st.cache_data(
    show_spinner="Reading the sample …",
    max_entries=8,
    hash_funcs={Settings: Settings.model_dump_json},
    scope="session",
)
def _read(path: Path, settings: Settings, options: TextOptions) -> FileSample:
    return read_sample(path, settings, options)


def _show_sample(path: Path, sample: FileSample) -> None:
    kind = "JSON keys" if sample.columns.is_json else "columns"
    st.markdown(
        f"**{escape(path.name)}**: {len(sample.columns.names)} {kind}, sample of "
        f"{format_count(sample.raw.num_rows)} rows"
    )
    if look_like_data(sample.columns.names):
        st.warning(
            'The first line looks like data: name the columns in the mapping, header = ["…", "…"].',
            icon=":material/warning:",
        )
    st.dataframe(sample.values.slice(0, SHOWN_ROWS).to_pandas(), hide_index=True, placeholder="")


def _start(
    settings: Settings, path: Path, sample: FileSample, token: str, draft: MappingDraft | None
) -> tuple[Mapping, str]:
    options = ({DRAFT: DRAFT} if draft else {}) | {SUGGESTION: SUGGESTION}
    options |= {name: value for name, value in mapping_options(settings).items() if value}
    fits = (name for name, value in options.items() if value in sample.fitting)
    first = DRAFT if draft else next(fits, SUGGESTION)
    with st.container(horizontal=True):
        shown = st.selectbox(
            "Start from",
            list(options),
            index=list(options).index(first),
            key=f"map_start_{token}",
            width=300,
        )
        named = (str(draft.mapping.get("name", "")) if draft else "") or _slug(path)
        name = st.text_input("Mapping name", named, key=f"map_name_{token}", width=300)
        choice = options[shown]
        start = start_mapping(sample, name.strip(), choice, draft.mapping if draft else None)
        about = st.text_input(
            "Description",
            start.description,
            key=f"map_about_{_token(token, choice)}",
            placeholder="optional",
        )
    return start.model_copy(update={"description": about.strip()}), _token(token, choice)


def _token(*parts: str) -> str:
    """A short hash for the keys of widgets."""
    return hashlib.md5("\n".join(parts).encode(), usedforsecurity=False).hexdigest()[:8]


def _slug(path: Path) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", path.name.split(".")[0]).strip("_") or "my_export"


def _summary(place: "st.delta_generator.DeltaGenerator", mapping: Mapping, result: Preview) -> None:
    """Share of the sample that is accepted; above the form, so that every change shows."""
    with place:
        share = result.n_accepted / result.n_rows if result.n_rows else 0.0
        what = (
            f"**{format_count(result.n_accepted)} of {format_count(result.n_rows)}** sample "
            f"rows ({format_percent(share, 1)}) are accepted as {mapping.kind}"
        )
        if result.n_duplicates:
            st.warning(
                f"{format_count(result.n_duplicates)} of them would be duplicates: the column of "
                "the event ID has the same value in several rows of a session.",
                icon=":material/content_copy:",
            )
        if result.n_accepted == result.n_rows:
            st.success(f"{what}.", icon=":material/check_circle:")
        else:
            reasons = "\n".join(
                f"- {format_count(n)}: {reason_of(code).meaning} {reason_of(code).fix}"
                for code, n in result.reasons.items()
            )
            st.warning(
                f"{what}; the rest would go into quarantine.\n\n{reasons}",
                icon=":material/report:",
            )


def _preview(result: Preview) -> None:
    st.markdown("**Preview: accepted rows**")
    shown = result.accepted.dropna(axis=1, how="all")
    st.dataframe(
        shown,
        hide_index=True,
        placeholder="",
        height=270,
        column_config={"at": st.column_config.DatetimeColumn("at (UTC)")},
    )
    if len(result.rejected):
        st.markdown("**Preview: quarantine**")
        st.dataframe(
            result.rejected,
            hide_index=True,
            placeholder="",
            height=min(270, 38 + 35 * len(result.rejected)),
        )


def _save_buttons(settings: Settings, mapping: Mapping, path: Path) -> None:
    with st.container(horizontal=True):
        if st.button("Save and use for loading", type="primary", icon=":material/check:"):
            _save(settings, mapping, path)
        st.download_button(
            "Download as TOML",
            mapping.to_toml(),
            f"{mapping.name}.toml",
            "application/toml",
            icon=":material/download:",
            on_click="ignore",
        )
    with st.expander("Mapping as TOML"):
        st.code(mapping.to_toml(), language="toml")


def _save(settings: Settings, mapping: Mapping, path: Path) -> None:
    try:
        save_mapping(settings, mapping)
        save_mapping_draft(settings, None)
    except PhantomError as error:
        show_error(error.message, error.hint)
        return
    # The widgets of the other tab are drawn already, so their state is set in the next run.
    st.session_state[_DRAFT] = None
    st.session_state["load_next"] = f"{mapping.name} (saved)", str(path)
    st.rerun()
