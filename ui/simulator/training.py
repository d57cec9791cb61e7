"""Training tab: train a policy by reinforcement learning, follow it, stop and resume it."""

from typing import Final

import pandas as pd
import streamlit as st

from phantom_core.core.errors import PhantomError
from phantom_core.core.settings import Settings
from phantom_core.market.scenario import Scenario, parse_scenario
from phantom_core.use_cases.markets.job_train_policy import PolicyOutcome, TrainPolicyRequest
from phantom_core.views.simulator.scenario_choice import FIRST, scenario_choices
from phantom_core.views.simulator.training_runs import (
    TrainingRun,
    Yardsticks,
    check_new_run,
    curve_table,
    training_runs,
    training_yardsticks,
)
from ui.accounts.account import start_job
from ui.charts.frame import show_chart
from ui.charts.training import reward_chart
from ui.frame.errors import show_error
from ui.frame.fragments import callback, fragment
from ui.frame.handles import open_jobs
from ui.frame.job_watch import LOOK_EVERY_S, watch_job
from ui.frame.wording import escape
from ui.simulator.setup import SCENARIOS

KIND: Final = TrainPolicyRequest.kind
_USUAL: Final = TrainPolicyRequest()
_REMEMBERED: Final = 100
# v1 with scores of the newest network.
NETWORK: Final = "v1-network"
_SEES: Final = {
    "v0": "v0: demand, stock, hour, agent share, velocity",
    "v1": "v1: also time left and the detector's flags of the visitors",
    NETWORK: "v1, network: also time left and the network's scores of the visitors",
}
_WHEN: Final = """\
PPO (proximal policy optimisation) simulates the scenario many times and learns a price for every \
situation, without a model of the market.

- **Worth it** where the best fixed price leaves much to gain: scarce stock, arrivals in waves, a \
changing share of agents. Run a simulation first; it reports the possible gain.
- **Not worth it** where a fixed price is already close to the optimum, as with ample stock. A \
fixed price is simpler to explain.
- Start with 100,000 steps for a one-day scenario. A policy is valid for the scenario it was \
trained on; simulate it in others before you rely on it.
"""


def training_tab(settings: Settings) -> None:
    """Start a training, follow it, list earlier ones."""
    with st.expander("When a trained policy is worth it", icon=":material/school:", key="when_ppo"):
        st.markdown(_WHEN)
    _form(settings)
    job = watch_job(KIND, "Policy training", "it can be resumed below")
    if job and job.is_active:
        request = job.request_as(TrainPolicyRequest)
        _live(
            settings,
            request.run_name,
            request.scenario,
            settings.seed if request.seed is None else request.seed,
        )
        return
    runs = training_runs(settings)
    if not runs:
        with st.container(border=True):
            st.markdown("**No trained policies yet**")
            st.markdown(
                "Training for 100,000 steps in Tight stock takes less than a minute and comes "
                "close "
                "to the optimum."
            )
        return
    st.subheader("Trained policies")
    _table(runs, _final_percents())
    _one(settings, runs)


def _form(settings: Settings) -> None:
    choices, busy = scenario_choices(settings), _is_busy()
    with st.container(border=True, key="train_policy"):
        with st.grid(3, min_column_width=220, gap="medium"):
            key = st.selectbox(
                "Scenario",
                list(choices),
                index=list(choices).index(FIRST),
                format_func=lambda name: choices[name].title if name in choices else name,
                key="train_scenario",
                bind="query-params",
            )
            version = st.selectbox(
                "Observation",
                list(_SEES),
                format_func=lambda name: _SEES[name],
                key="train_env",
                bind="query-params",
            )
            steps = st.number_input(
                "Steps",
                1_000,
                10_000_000,
                _USUAL.steps,
                50_000,
                key="train_steps",
                bind="query-params",
                help="Simulated shop hours. 100,000 take up to a minute; more steps come closer "
                "to the optimum.",
            )
            seed = st.number_input(
                "Seed",
                0,
                2**31 - 1,
                settings.seed,
                key="train_seed",
                help="The same seed gives the same policy.",
            )
            name = st.text_input(
                "Name of the run",
                f"{key}-{version}-{seed}",
                key=f"train_name_{key}_{version}_{seed}",
            )
        if st.button(
            "Train policy",
            type="primary",
            icon=":material/model_training:",
            disabled=busy,
            help="A training is running." if busy else None,
        ):
            try:
                check_new_run(settings, name.strip())
            except PhantomError as error:
                show_error(error.message, error.hint)
                return
            toml = choices[str(key)].scenario.to_toml()
            _start(
                TrainPolicyRequest(
                    scenario=toml,
                    steps=int(steps),
                    seed=int(seed),
                    env="v1" if version == NETWORK else str(version),
                    scores="network" if version == NETWORK else "detector",
                    run_name=name.strip(),
                )
            )


def _start(request: TrainPolicyRequest) -> None:
    start_job(request)
    st.session_state.pop("run", None)
    st.rerun()


def _is_busy() -> bool:
    return any(job.kind == KIND for job in open_jobs().active())


@fragment(run_every=LOOK_EVERY_S)
def _live(settings: Settings, name: str, scenario_toml: str, seed: int) -> None:
    """Learning curve of a run in progress."""
    _curve(curve_table(settings, name), _yardsticks(scenario_toml, seed), name)


def _curve(curve: pd.DataFrame, references: Yardsticks, name: str) -> None:
    if not len(curve):
        st.caption("The first episodes are still running.")
        return
    last = float(curve["reward"].iloc[-1])
    best = "of the upper bound" if references.is_bound else "of the optimum"
    finding = (
        f"{escape(name)}: {last:,.1f} per episode after {int(curve['steps'].iloc[-1]):,} steps, "
        f"{100 * last / references.best:.1f} % {best}"
    )
    reading = (
        "Mean reward of recent episodes. Training explores random prices, so the finished policy "
        "usually earns more than the end of this line."
    )
    figure = reward_chart(
        curve,
        best=references.best,
        is_bound=references.is_bound,
        best_fixed=references.best_fixed,
    )
    show_chart(figure, finding, reading, key="curve", download=f"{name}_curve")


def _final_percents() -> dict[str, float]:
    """Run → percent of the optimum that its finished policy reached."""
    found = {}
    for job in reversed(open_jobs().latest(KIND, limit=_REMEMBERED)):
        percent = job.report_as(PolicyOutcome).pct_of_optimum
        if percent is not None:
            found[job.request_as(TrainPolicyRequest).run_name] = percent
    return found


def _table(runs: list[TrainingRun], final: dict[str, float]) -> None:
    rows = pd.DataFrame(
        {
            "run": [run.name for run in runs],
            "state": [
                "finished"
                if run.is_finished
                else f"stopped at {100 * run.steps / max(1, run.total_steps):.0f} %"
                for run in runs
            ],
            "scenario": [_scenario(run).title or run.scenario for run in runs],
            "sees": [f"{run.env_version} {run.scores}".strip() for run in runs],
            "steps": [run.steps for run in runs],
            "final": [final.get(run.name) if run.is_finished else None for run in runs],
            "learning": [
                None
                if run.reward is None
                else 100 * run.reward / _yardsticks(run.scenario_toml, run.seed).best
                for run in runs
            ],
            "seed": [run.seed for run in runs],
            "written": pd.to_datetime([run.changed_ms for run in runs], unit="ms", utc=True),
        }
    )
    final_help = (
        "Reward of the finished policy in percent of the optimum, on new shoppers of its scenario."
    )
    training_help = (
        "Reward of the last training episodes in percent of the optimum, while still exploring."
    )
    st.dataframe(
        rows,
        hide_index=True,
        placeholder="–",
        height="content",
        column_config={
            "run": st.column_config.TextColumn("Run"),
            "state": st.column_config.TextColumn("State"),
            "scenario": st.column_config.TextColumn("Trained on"),
            "sees": st.column_config.TextColumn("Observation"),
            "steps": st.column_config.NumberColumn("Steps", format="localized"),
            "final": st.column_config.NumberColumn(
                "Share of optimum", format="%.1f %%", help=final_help
            ),
            "learning": st.column_config.NumberColumn(
                "In training", format="%.1f %%", help=training_help
            ),
            "seed": st.column_config.NumberColumn("Seed", format="%d"),
            "written": st.column_config.DatetimeColumn("Saved (UTC)", format="YYYY-MM-DD HH:mm"),
        },
    )


def _one(settings: Settings, runs: list[TrainingRun]) -> None:
    """Show one training, and simulate or resume it."""
    by_name = {run.name: run for run in runs}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shown = st.selectbox("Run", list(by_name), key="run", bind="query-params", width=320)
        run = by_name.get(str(shown), runs[0])
        if run.is_finished:
            st.button(
                "Compare with other policies",
                icon=":material/play_arrow:",
                on_click=callback(_simulate),
                args=(run.name, run.scenario),
                key="try_run",
            )
        elif st.button(
            "Resume training", icon=":material/resume:", type="primary", key="resume_run"
        ):
            _start(
                TrainPolicyRequest(
                    scenario=run.scenario_toml,
                    steps=run.total_steps,
                    seed=run.seed,
                    env=run.env_version,
                    scores="network" if run.scores else "detector",
                    run_name=run.name,
                    resume=True,
                )
            )
    _curve(curve_table(settings, run.name), _yardsticks(run.scenario_toml, run.seed), run.name)


def _simulate(name: str, scenario: str) -> None:
    """Take a policy to the tab Scenarios."""
    st.session_state["next_policy"], st.session_state["next_scenario"] = f"ppo:{name}", scenario
    st.session_state["simulator_tab"] = SCENARIOS


def _scenario(run: TrainingRun) -> Scenario:
    return parse_scenario(run.scenario_toml.encode(), run.scenario)


@st.cache_data(show_spinner="Computing the optimum …", max_entries=64)
def _yardsticks(scenario_toml: str, seed: int) -> Yardsticks:
    return training_yardsticks(parse_scenario(scenario_toml.encode(), "scenario"), seed)
