"""Setup: the scenario, the policies and the size of a run."""

from typing import TYPE_CHECKING, Final

import streamlit as st

from phantom_core.core.errors import InputError
from phantom_core.core.settings import Settings
from phantom_core.market.policies.kind import plain_policies
from phantom_core.market.scenario import Scenario
from phantom_core.market.trial import MOST_EPISODES
from phantom_core.use_cases.markets.job_simulate import SimulateRequest
from phantom_core.use_cases.markets.save_policy_rules import save_policy_rules
from phantom_core.use_cases.markets.save_scenario import save_scenario
from phantom_core.views.simulator.counterfactual import changed_scenario
from phantom_core.views.simulator.policy_choice import (
    EXAMPLE,
    PolicyChoice,
    policy_choices,
)
from phantom_core.views.simulator.scenario_choice import (
    FIRST,
    ScenarioChoice,
    own_key,
    scenario_choices,
)
from ui.accounts.account import start_job
from ui.frame.errors import show_error
from ui.frame.fragments import callback
from ui.frame.handles import open_jobs
from ui.frame.linked import set_widgets
from ui.frame.wording import escape
from ui.simulator.knobs import draw_knobs, set_knobs

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

KIND: Final = SimulateRequest.kind
_USUAL: Final = SimulateRequest()
NOTHING: Final = "nothing"
UNCHANGED: Final = "the same, unchanged"
NEXT: Final = "next_scenario"
SCENARIOS: Final = "Scenarios"


def draw_setup(settings: Settings) -> None:
    """Draw the setup of a run, and start it."""
    choices = scenario_choices(settings)
    if NEXT in st.session_state:
        _turn_to(choices, st.session_state.pop(NEXT))
    with st.container(border=True, key="setup"):
        with st.grid(2, min_column_width=330, gap="medium") as grid:
            with grid.cell():
                chosen = _scenario(settings, choices)
            with grid.cell():
                other = _beside(choices)
        scenario = changed_scenario(chosen.scenario, draw_knobs(chosen.scenario))
        beside = (
            choices[other].scenario
            if other in choices
            else chosen.scenario
            if other == UNCHANGED
            else None
        )
        if other == UNCHANGED and scenario == chosen.scenario:
            st.info(
                "The scenario is unchanged, so there is nothing to compare it with.",
                icon=":material/tune:",
            )
            beside = None
        policies = _policies(settings, (scenario, beside) if beside else (scenario,))
        _start(settings, scenario, beside, policies)


def start_trial(
    settings: Settings,
    scenario: Scenario,
    policies: list[str],
    *,
    beside: Scenario | None = None,
    episodes: int = _USUAL.episodes,
    seed: int | None = None,
) -> None:
    """Start a job that simulates policies in one scenario or two."""
    start_job(
        SimulateRequest(
            scenario=scenario.to_toml(),
            beside=beside.to_toml() if beside else None,
            policies=tuple(policies),
            episodes=episodes,
            seed=settings.seed if seed is None else seed,
        )
    )
    st.rerun()


def is_busy() -> bool:
    """Whether a run is in progress."""
    return any(job.kind == KIND for job in open_jobs().active())


def _scenario(settings: Settings, choices: dict[str, ScenarioChoice]) -> ScenarioChoice:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = st.selectbox(
            "Scenario",
            list(choices),
            index=list(choices).index(FIRST),
            format_func=lambda name: choices[name].title if name in choices else name,
            key="scenario",
            bind="query-params",
            on_change=callback(_changed),
            args=(choices,),
        )
        with st.popover("", icon=":material/upload_file:", help="Add a scenario file"):
            _add_scenario(settings)
    chosen = choices.get(str(key), choices[FIRST])
    st.caption(escape(chosen.scenario.note) or _summary(chosen.scenario))
    return chosen


def _beside(choices: dict[str, ScenarioChoice]) -> str:
    shown = st.selectbox(
        "Compare with",
        [NOTHING, UNCHANGED, *choices],
        format_func=lambda name: choices[name].title if name in choices else name,
        key="second",
        bind="query-params",
        help="Runs the same policies in a second scenario. 'The same, unchanged' compares your "
        "changes below with the original scenario.",
    )
    if shown in choices:
        st.caption(escape(choices[shown].scenario.note) or _summary(choices[shown].scenario))
    return str(shown)


def _summary(scenario: Scenario) -> str:
    stock = sum(product.stock for product in scenario.products)
    return (
        f"{stock:,} units, {scenario.horizon_h:,} hours, {scenario.agent_share:.0%} agents."
    ).replace("%", " %")


def _changed(choices: dict[str, ScenarioChoice]) -> None:
    """Reset the knobs to the values of the scenario that was chosen."""
    key = st.session_state["scenario"]
    if key in choices:
        set_knobs(choices[key].scenario)


def _turn_to(choices: dict[str, ScenarioChoice], key: str) -> None:
    if key in choices:
        set_widgets({"scenario": key})
        set_knobs(choices[key].scenario)


def _add_scenario(settings: Settings) -> None:
    upload = st.file_uploader(
        "A scenario as TOML",
        type="toml",
        key="scenario_file",
        help="Download another scenario as a template.",
    )
    if not upload or st.session_state.get("scenario_seen") == upload.file_id:
        return
    try:
        added = save_scenario(settings, upload.getvalue(), upload.name)
    except InputError as error:
        show_error(error.message, error.hint)
        return
    st.session_state["scenario_seen"], st.session_state[NEXT] = upload.file_id, own_key(added)
    st.toast(f"Saved scenario {escape(added.name)} in the workspace.", icon=":material/check:")
    st.rerun()


def _policies(settings: Settings, scenarios: tuple[Scenario, ...]) -> list[str]:
    choices = policy_choices(settings, scenarios)
    if "next_policy" in st.session_state:
        before = st.session_state.get("policies", list(plain_policies()))
        st.session_state["policies"] = [*before, st.session_state.pop("next_policy")]
    st.session_state["policies"] = [
        name for name in st.session_state.get("policies", plain_policies()) if name in choices
    ]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.multiselect(
            "Policies",
            list(choices),
            format_func=lambda name: choices[name].title if name in choices else name,
            key="policies",
            persist_state="page",
            placeholder="Choose at least one",
        )
        with st.popover("", icon=":material/help:", help="About these policies"):
            _explain(choices, scenarios)
        with st.popover("", icon=":material/rule:", help="Add your own rules"):
            _add_rules(settings)
    return list(chosen)


def _explain(choices: dict[str, PolicyChoice], scenarios: tuple[Scenario, ...]) -> None:
    for choice in choices.values():
        st.markdown(f"**{escape(choice.title)}** · {escape(choice.does)}")
    if "optimum" not in choices:
        st.caption(
            "The exact optimum is known for a single product only; policies are compared with an "
            "upper bound instead."
        )


def _add_rules(settings: Settings) -> None:
    with st.form("own_rules", border=False):
        name = st.text_input("Name", "my-rules", key="rules_name")
        text = st.text_area("Rules", EXAMPLE, height=140, key="rules_text", width=480)
        upload: UploadedFile | None = st.file_uploader(
            "Or upload a rule file", type=["txt", "rules"], key="rules_file"
        )
        st.caption(
            "Rules may read demand, inventory, hour, hours_left, agent_fraction, avg_velocity, "
            "p_agent and p_purchase."
        )
        sent = st.form_submit_button("Add rules", icon=":material/add:")
    if not sent:
        return
    try:
        if upload:
            name, text = (
                upload.name.rpartition(".")[0],
                upload.getvalue().decode("utf-8-sig", "replace"),
            )
        st.session_state["next_policy"] = save_policy_rules(settings, name.strip(), text)
    except InputError as error:
        show_error(error.message, error.hint)
        return
    st.rerun()


def _start(
    settings: Settings, scenario: Scenario, beside: Scenario | None, policies: list[str]
) -> None:
    busy = is_busy()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        episodes = st.number_input(
            "Episodes",
            50,
            MOST_EPISODES,
            _USUAL.episodes,
            50,
            key="episodes",
            bind="query-params",
            width=150,
            help="Simulations per policy; more episodes give narrower intervals.",
        )
        seed = st.number_input(
            "Seed",
            0,
            2**31 - 1,
            settings.seed,
            key="seed",
            bind="query-params",
            width=150,
            help="The same seed gives every policy and every run the same shoppers.",
        )
        why = (
            "A run is in progress." if busy else None if policies else "Choose at least one policy."
        )
        clicked = st.button(
            "Run simulation",
            type="primary",
            icon=":material/play_arrow:",
            disabled=busy or not policies,
            help=why,
            key="try_prices",
        )
        st.download_button(
            "Download scenario as TOML",
            scenario.to_toml().encode(),
            f"{scenario.name}.toml",
            "application/toml",
            icon=":material/download:",
            on_click="ignore",
            key="changed_toml",
            help="Includes your changes.",
        )
    if clicked:
        start_trial(
            settings, scenario, policies, beside=beside, episodes=int(episodes), seed=int(seed)
        )
