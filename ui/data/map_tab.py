"""Map tab: create a mapping from a sample, with a preview before anything is loaded."""

import hashlib
import re
from pathlib import Path

import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import MappingError, PhantomError
from phantom_core.core.settings import Settings
from phantom_core.events.columns import look_like_data
from phantom_core.events.mapping import Mapping
from phantom_core.events.text_options import TextOptions
from phantom_core.use_cases.data.save_mapping import save_mapping
from phantom_core.views.data.reasons import reason_of
from phantom_core.views.data.sample import FileSample, Preview, preview_mapping, read_sample
from ui.accounts.account import is_allowed
from ui.data.load_form import SERVER_PATHS
from ui.data.map_form import SUGGESTION, map_form, start_mapping
from ui.data.mapping_choice import mapping_options
from ui.frame.errors import show_error
from ui.frame.handles import now_ms
from ui.frame.uploads import save_uploads
from ui.frame.wording import escape, format_count, format_percent

DELIMITERS = {"": "detected automatically", ",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
ENCODINGS = {
    "": "detected automatically",
    "utf-8": "utf-8",
    "utf-16": "utf-16",
    "latin-1": "latin-1",
    "cp1252": "Windows 1252",
}
SHOWN_ROWS = 6


def map_tab(settings: Settings) -> None:
    """From a sample to a saved mapping."""
    if not is_allowed(Permission.WORK):
        st.caption("Analysts and pricing managers map columns.")
        return
    path, delimiter, encoding = _choose_sample(settings)
    if path is None:
        st.caption("Choose a file. The first 2,000 rows are read as a sample; nothing is loaded.")
        return
    try:
        sample = _read(path, settings, delimiter, encoding)
    except PhantomError as error:
        show_error(error.message, error.hint)
        return
    _show_sample(path, sample)
    start, token = _start(settings, path, sample, _token(str(path), delimiter, encoding))
    start = start.model_copy(
        update={"delimiter": delimiter or start.delimiter, "encoding": encoding or start.encoding}
    )
    summary = st.container()
    try:
        mapping = map_form(sample, start, token)
        result = preview_mapping(sample, mapping, settings, now_ms())
    except MappingError as error:
        with summary:
            st.warning(f"{escape(error.message)} {escape(error.hint)}", icon=":material/pending:")
        return
    _summary(summary, mapping, result)
    _preview(result)
    _save_buttons(settings, mapping, path)


def _choose_sample(settings: Settings) -> tuple[Path | None, str, str]:
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
            with st.container(horizontal=True):
                delimiter = st.selectbox(
                    "Delimiter",
                    list(DELIMITERS),
                    format_func=lambda name: DELIMITERS[name],
                    key="map_delimiter",
                    persist_state="page",
                )
                encoding = st.selectbox(
                    "Encoding",
                    list(ENCODINGS),
                    format_func=lambda name: ENCODINGS[name],
                    key="map_encoding",
                    persist_state="page",
                )
    path = save_uploads(settings, [upload])[0] if upload else Path(where) if where else None
    return path, delimiter or "", encoding or ""


@st.cache_data(
    show_spinner="Reading the sample …",
    max_entries=8,
    hash_funcs={Settings: Settings.model_dump_json},
    scope="session",
)
def _read(path: Path, settings: Settings, delimiter: str, encoding: str) -> FileSample:
    options = TextOptions(delimiter=delimiter or None, encoding=encoding or None)
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


def _start(settings: Settings, path: Path, sample: FileSample, token: str) -> tuple[Mapping, str]:
    options = {SUGGESTION: SUGGESTION} | {
        name: value for name, value in mapping_options(settings).items() if value
    }
    fitting = next((name for name, value in options.items() if value in sample.fitting), SUGGESTION)
    with st.container(horizontal=True):
        shown = st.selectbox(
            "Start from",
            list(options),
            index=list(options).index(fitting),
            key=f"map_start_{token}",
            width=300,
        )
        name = st.text_input("Mapping name", _slug(path), key=f"map_name_{token}", width=300)
        choice = options[shown]
        start = start_mapping(sample, name.strip(), choice)
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
    except PhantomError as error:
        show_error(error.message, error.hint)
        return
    # The widgets of the other tab are drawn already, so their state is set in the next run.
    st.session_state["load_next"] = f"{mapping.name} (saved)", str(path)
    st.rerun()
