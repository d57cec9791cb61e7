"""Rules tab: a model distilled into a small tree, its fidelity, and its rules."""

from collections.abc import Callable
from typing import Final

import streamlit as st

from phantom_core.approvals.limits import read_banned_features
from phantom_core.core.estimate import Estimate
from phantom_core.core.settings import Settings
from phantom_core.distil.grow import MAX_DEPTH, METHODS
from phantom_core.features.catalogue import feature_names
from phantom_core.use_cases.explanations.distil import teachings
from phantom_core.use_cases.explanations.job_distil import DistilRequest
from phantom_core.views.explain.distilled import (
    DistilledView,
    distilled_titles,
    distilled_view,
    find_path,
    frontier_table,
    leaf_table,
)
from phantom_core.views.workspace.snapshot import Snapshot
from ui.accounts.account import start_job
from ui.charts.distil import frontier_chart, leakage_lost_chart
from ui.charts.frame import show_chart
from ui.explain.tree_picture import tree_picture
from ui.frame.handles import open_jobs
from ui.frame.job_watch import watch_job
from ui.frame.metrics import show_metric
from ui.frame.tables import csv_button
from ui.frame.wording import (
    NOTHING,
    escape,
    feature_name,
    format_count,
    format_moment,
    format_number_of,
    format_percent,
)

KIND: Final = DistilRequest.kind
_DEFAULT: Final = DistilRequest()
NEWEST: Final = "newest"
_METHOD_NAMES: Final = {
    "tree": "Tree (CART)",
    "ahead": "Tree with lookahead",
    "hstree": "Tree with shrunk leaves (HSTree)",
    "figs": "Sum of trees (FIGS)",
}
_TEACHER_HELP: Final = (
    "The model whose mark-ups are learned. The classifier and the network set 1 + 0.5 · P(agent), "
    "the network less 0.3 · P(purchase). The optimal mark-up maximises the network's expected "
    "revenue net of leakage."
)
_FEW_RULES: Final = 8
_RULES_PX: Final = 380
_WHAT: Final = """\
A small tree learns the mark-ups of the model, so that you can read, question and edit them. Its \
fidelity to the model is measured on actors held out from both. It imitates and earns nothing by \
itself: for rules to publish, open the tab Learn of the page Rules.
"""


def rules_tab(settings: Settings, snapshot: Snapshot, session_id: str) -> None:
    """Distil a tree, show its fidelity, picture and rules."""
    titles = distilled_titles(settings)
    with st.expander(
        "Distil a tree", icon=":material/account_tree:", expanded=not titles, key="distil_form"
    ):
        st.markdown(_WHAT)
        _form(settings)
    job = watch_job(KIND, "Distilling")
    if not titles:
        if job is None or not job.is_active:
            st.caption("No trees yet. Distilling one takes a few seconds.")
        return
    shown = st.selectbox(
        "Tree",
        [NEWEST, *titles],
        format_func=lambda name: (
            f"newest: {next(iter(titles.values()))}" if name == NEWEST else titles.get(name, name)
        ),
        key="tree",
        bind="query-params",
    )
    version = next(iter(titles)) if shown not in titles else str(shown)
    view = distilled_view(settings, version)
    _headline(view)
    _frontier(view)
    way = find_path(view, snapshot, session_id) if session_id else None
    st.subheader("The tree")
    if way:
        st.markdown(
            f"Session **{escape(way.session_id)}** is quoted **×{way.markup_ratio:.2f}**: "
            f"{escape(', '.join(way.conditions)) or 'all sessions are'}."
        )
    else:
        st.caption("Enter a session ID above to highlight its path through the tree.")
    tree_picture(view, way)
    _leaves(view)
    _rules(view)


def _form(settings: Settings) -> None:
    busy = any(job.kind == KIND for job in open_jobs().active())
    with st.grid(4, min_column_width=200, gap="medium"):
        names_of = {one.name: one.title for one in teachings()}
        teacher = st.selectbox(
            "Teacher",
            list(names_of),
            format_func=lambda name: names_of[name],
            key="distil_teacher",
            help=_TEACHER_HELP,
        )
        method = st.selectbox(
            "Method", METHODS, format_func=lambda name: _METHOD_NAMES[name], key="distil_method"
        )
        depth = st.slider("Maximum depth", 1, MAX_DEPTH, _DEFAULT.depth, key="distil_depth")
        leaf = st.number_input(
            "Minimum sessions per leaf", 1, 10_000, _DEFAULT.leaf_sessions, key="distil_leaf"
        )
    without = st.multiselect(
        "Excluded features",
        feature_names(),
        list(read_banned_features(settings)),
        format_func=feature_name,
        key="distil_without",
        help="Preset by the banned features, which an administrator sets on the page People. The "
        "loss of fidelity is shown.",
    )
    if method == "ahead":
        st.caption(
            "The first two splits are chosen by the trees below them. Higher fidelity; takes a "
            "minute or two."
        )
    if method == "figs":
        st.caption(
            "Higher fidelity with the same number of splits, but more rules: one for every "
            "combination of paths."
        )
    if st.button(
        "Distil tree",
        type="primary",
        icon=":material/account_tree:",
        disabled=busy,
        help="A tree is being distilled." if busy else None,
        key="distil",
    ):
        start_job(
            DistilRequest(
                teacher=teacher,
                method=method,
                depth=depth,
                leaf_sessions=int(leaf),
                without=tuple(without),
            )
        )
        st.rerun()


def _headline(view: DistilledView) -> None:
    made, fidelity = view.distillation, view.distillation.fidelity
    st.caption(
        f"Learned from the {_teacher_name(made.teacher)} {escape(made.teacher_version)} on "
        f"{format_number_of(made.sessions, 'labelled session')} at "
        f"{format_moment(made.created_ms)} UTC; evaluated on held-out actors, with 95 % intervals "
        "over actors."
    )
    free = made.unrestricted or fidelity
    bands = "Share of sessions in the teacher's band: ×1.0, ×1.1 or ×1.3."
    with st.grid(5, min_column_width=200, gap="small"):
        show_metric(
            "R² to the teacher",
            _figure(fidelity.r2),
            _beside(view, fidelity.r2, free.r2),
            _range(fidelity.r2),
        )
        correlation = fidelity.rank_correlation
        show_metric(
            "Rank correlation",
            _figure(correlation),
            _beside(view, correlation, free.rank_correlation),
            _range(correlation),
        )
        same = fidelity.band_agreement
        show_metric(
            "Same band",
            _share(same),
            _beside(view, same, free.band_agreement, _share),
            f"{bands} {_range(same)}",
        )
        lost = fidelity.leakage_lost
        show_metric(
            "Leakage not recovered",
            _share(lost),
            _beside(view, lost, free.leakage_lost, _share),
            f"{_leakage(view)} {_range(lost)}",
        )
        kind = f"depth {made.recipe.depth}, {_METHOD_NAMES[made.recipe.method]}"
        show_metric(
            "Leaves",
            format_count(len(leaf_table(view))),
            kind,
            f"At least {made.recipe.leaf_sessions} sessions each, except for a sum of trees.",
        )
    if made.without:
        left_out = ", ".join(feature_name(name) for name in made.without)
        st.caption(
            f"Excluded features: {left_out}. Below each figure is its value with every feature."
        )


def _teacher_name(teacher: str) -> str:
    name = {one.name: one.title for one in teachings()}.get(teacher, teacher)
    return escape(f"{name[0].lower()}{name[1:]}")


def _leakage(view: DistilledView) -> str:
    buyers = format_number_of(view.distillation.buyers, "agent session")
    return (
        f"Share of the leakage recovered by the teacher from {buyers} with a purchase (reference "
        "price ×1.2) that the tree does not recover."
    )


def _frontier(view: DistilledView) -> None:
    made = view.distillation
    with st.grid(2, min_column_width=420, gap="medium") as grid:
        with grid.cell():
            show_chart(
                frontier_chart(made.frontier, made.recipe.depth),
                _frontier_finding(view),
                "Fidelity by depth: deeper trees are more faithful and harder to read. The dotted "
                "line is "
                "this tree.",
                key="frontier",
                download="frontier",
            )
        with grid.cell():
            show_chart(
                leakage_lost_chart(made.frontier, made.recipe.depth),
                _lost_finding(view),
                "Share by depth, reference price ×1.2. Leakage is lost only where an agent is "
                "marked "
                "up too little, so shallow trees may suffice.",
                key="leakage_lost",
                download="leakage_lost",
            )


def _frontier_finding(view: DistilledView) -> str:
    made = view.distillation
    if made.fidelity.r2 is None:
        return "The teacher gives all sessions the same price, so there is nothing to distil"
    return (
        f"Depth {made.recipe.depth} explains {format_percent(made.fidelity.r2.value)} of the "
        "variance of the teacher's mark-ups"
    )


def _lost_finding(view: DistilledView) -> str:
    made = view.distillation
    if made.fidelity.leakage_lost is None:
        return "Leakage recovered by the teacher is undefined"
    return (
        f"Depth {made.recipe.depth} loses {format_percent(made.fidelity.leakage_lost.value, 1)} of "
        "the leakage that the teacher recovers"
    )


def _leaves(view: DistilledView) -> None:
    share = st.column_config.ProgressColumn
    st.markdown("**Leaves, highest mark-up first**")
    table = leaf_table(view)
    st.dataframe(
        table,
        hide_index=True,
        placeholder=NOTHING,
        column_config={
            "leaf": st.column_config.NumberColumn(
                "Leaf", width=55, help="From top to bottom of the tree."
            ),
            "markup_ratio": st.column_config.NumberColumn("Mark-up", format="×%.2f", width=80),
            "sessions": st.column_config.NumberColumn("Sessions", format="localized", width=80),
            "human_share": share(
                "Humans", format="percent", min_value=0, max_value=1, color="blue", width=110
            ),
            "agent_share": share(
                "Agents", format="percent", min_value=0, max_value=1, color="orange", width=110
            ),
            "human_value": st.column_config.NumberColumn(
                "Bought by humans", format="localized", width=110, help="At base prices."
            ),
            "agent_value": st.column_config.NumberColumn(
                "Bought by agents", format="localized", width=110, help="At base prices."
            ),
            "when": st.column_config.TextColumn("Conditions", width=600),
        },
    )


def _rules(view: DistilledView) -> None:
    st.markdown("**Rules of the tree**")
    st.code(
        view.rules_text,
        language=None,
        wrap_lines=True,
        height=_RULES_PX if view.rules_text.count("\n") > _FEW_RULES else "content",
    )
    version = view.distillation.version
    with st.container(horizontal=True):
        kinds = (
            ("Download rules as text", view.rules_text.encode(), f"{version}.txt", "text/plain"),
            (
                "Download all as JSON",
                view.distillation.to_file(),
                f"{version}.json",
                "application/json",
            ),
        )
        for label, content, name, mime in kinds:
            st.download_button(
                label,
                content,
                name,
                mime,
                icon=":material/download:",
                on_click="ignore",
                key=f"download_{name}",
            )
        csv_button(
            "Download leaves as CSV", leaf_table(view), f"{version}_leaves.csv", "leaves_csv"
        )
        csv_button(
            "Download depths as CSV", frontier_table(view), f"{version}_depths.csv", "frontier_csv"
        )


def _figure(estimate: Estimate | None) -> str:
    return NOTHING if estimate is None else f"{estimate.value:.3f}"


def _range(estimate: Estimate | None) -> str:
    return (
        "Not defined here."
        if estimate is None
        else f"95 % interval {estimate.low:.3f}–{estimate.high:.3f}."
    )


def _share(estimate: Estimate | None) -> str:
    return NOTHING if estimate is None else format_percent(estimate.value, 1)


def _beside(
    view: DistilledView,
    own: Estimate | None,
    free: Estimate | None,
    shown: Callable[[Estimate | None], str] = _figure,
) -> str:
    """The figure with every feature where some are excluded, else its interval."""
    if own is None or free is None:
        return NOTHING
    return (
        f"{shown(free)} with every feature"
        if view.distillation.without
        else f"{own.low:.3f}–{own.high:.3f}"
    )
