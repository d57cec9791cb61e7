"""Training tab: teach a policy by playing, watch it learn, stop it and go on."""

from typing import Final

import pandas as pd
import streamlit as st

from phantom_core.core.errors import PhantomError
from phantom_core.core.settings import Settings
from phantom_core.market.observation import ENV_VERSIONS
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
from ui.frame.handles import open_jobs
from ui.frame.job_watch import LOOK_EVERY_S, watch_job

KIND: Final = TrainPolicyRequest.kind
_USUAL: Final = TrainPolicyRequest()
_REMEMBERED: Final = 100
_SEES: Final = {
    "v0": "v0: demand, stock, hour, agent share, velocity",
    "v1": "v1: also time left and what the models say of the visitors",
}
_WHEN: Final = """\
PPO plays the scenario over and over and learns a price for every situation; nobody tells it how the market works.

- **Worth it** where the best fixed price leaves much to gain: stock runs short, visitors come in waves, agents come and go. \
Try prices first; it says how much is left.
- **Not worth it** where a well-chosen fixed price is already near the optimum, as with slack stock. \
There a fixed price is simpler to explain.
- 100,000 steps are a start for one day. What it learned holds for the scenario it was trained on; try it in others before trusting it.
"""


def training_tab(settings: Settings) -> None:
    """Start a training, watch it, list what came of earlier ones."""
    with st.expander(
        "When is a learned policy worth it?", icon=":material/school:", key="when_ppo"
    ):
        st.markdown(_WHEN)
    _form(settings)
    job = watch_job(KIND, "Training a policy", "it can be resumed below")
    if job and job.is_active:
        asked = job.request_as(TrainPolicyRequest)
        _live(
            settings,
            asked.run_name,
            asked.scenario,
            settings.seed if asked.seed is None else asked.seed,
        )
        return
    runs = training_runs(settings)
    if not runs:
        with st.container(border=True):
            st.markdown("**No policy has been trained yet.**")
            st.markdown(
                "100,000 steps in Tight stock take less than a minute, and come close to the "
                "optimum."
            )
        return
    st.subheader("Trained policies")
    _table(runs, _judged())
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
                "What it sees",
                ENV_VERSIONS,
                format_func=lambda name: _SEES[name],
                key="train_env",
                bind="query-params",
            )
            steps = st.number_input(
                "Steps", 1_000, 10_000_000, _USUAL.steps, 50_000, key="train_steps", bind="query-params",
                help="Shop hours to learn from. 100,000 take seconds to a minute; more bring it "
                     "closer to the optimum.",
            )  # fmt: skip
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
            "Train the policy",
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
                    env=str(version),
                    run_name=name.strip(),
                )
            )


def _start(request: TrainPolicyRequest) -> None:
    start_job(request)
    st.session_state.pop("run", None)
    st.rerun()


def _is_busy() -> bool:
    return any(job.kind == KIND for job in open_jobs().active())


@st.fragment(run_every=LOOK_EVERY_S)
def _live(settings: Settings, name: str, scenario_toml: str, seed: int) -> None:
    """The curve of a run that goes on."""
    _curve(curve_table(settings, name), _yardsticks(scenario_toml, seed), name)


def _curve(curve: pd.DataFrame, judged: Yardsticks, name: str) -> None:
    if not len(curve):
        st.caption("The first episodes have not ended yet.")
        return
    last = float(curve["reward"].iloc[-1])
    best = "of the upper bound" if judged.is_bound else "of the optimum"
    said = (
        f"{name}: {last:,.1f} per episode after {int(curve['steps'].iloc[-1]):,} steps, "
        f"{100 * last / judged.best:.1f} % {best}"
    )
    reading = (
        "While it learns it still tries prices at random, so the finished policy mostly "
        "earns more than the end of this line."
    )
    figure = reward_chart(
        curve, best=judged.best, is_bound=judged.is_bound, best_fixed=judged.best_fixed
    )
    show_chart(figure, said, reading, key="curve", download=f"{name}_curve")


def _judged() -> dict[str, float]:
    """Run → percent of the optimum that its finished policy reached when its training ended."""
    found = {}
    for job in reversed(open_jobs().latest(KIND, limit=_REMEMBERED)):
        percent = job.report_as(PolicyOutcome).pct_of_optimum
        if percent is not None:
            found[job.request_as(TrainPolicyRequest).run_name] = percent
    return found


def _table(runs: list[TrainingRun], judged: dict[str, float]) -> None:
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
            "sees": [run.env_version for run in runs],
            "steps": [run.steps for run in runs],
            "judged": [judged.get(run.name) if run.is_finished else None for run in runs],
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
    judging = (
        "Reward of the finished policy in percent of the best possible, on fresh shoppers "
        "of its scenario."
    )
    learning = (
        "Reward of the last episodes of the training, in percent of the best possible. "
        "Prices were still being tried then."
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
            "sees": st.column_config.TextColumn("Sees"),
            "steps": st.column_config.NumberColumn("Steps", format="localized"),
            "judged": st.column_config.NumberColumn(
                "Of the best possible", format="%.1f %%", help=judging
            ),
            "learning": st.column_config.NumberColumn(
                "While learning", format="%.1f %%", help=learning
            ),
            "seed": st.column_config.NumberColumn("Seed", format="%d"),
            "written": st.column_config.DatetimeColumn("Written (UTC)", format="YYYY-MM-DD HH:mm"),
        },
    )


def _one(settings: Settings, runs: list[TrainingRun]) -> None:
    """Look at one run, and go on with it."""
    by_name = {run.name: run for run in runs}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shown = st.selectbox("Run", list(by_name), key="run", bind="query-params", width=320)
        run = by_name.get(str(shown), runs[0])
        if run.is_finished:
            st.button(
                "Try it against the others",
                icon=":material/play_arrow:",
                on_click=_try,
                args=(run.name, run.scenario),
                key="try_run",
            )
        elif st.button("Resume", icon=":material/resume:", type="primary", key="resume_run"):
            _start(
                TrainPolicyRequest(
                    scenario=run.scenario_toml,
                    steps=run.total_steps,
                    seed=run.seed,
                    env=run.env_version,
                    run_name=run.name,
                    resume=True,
                )
            )
    _curve(curve_table(settings, run.name), _yardsticks(run.scenario_toml, run.seed), run.name)


def _try(name: str, scenario: str) -> None:
    """Take a policy to the tab where prices are tried."""
    st.session_state["next_policy"], st.session_state["next_scenario"] = f"ppo:{name}", scenario
    st.session_state["simulator_tab"] = "Try prices"


def _scenario(run: TrainingRun) -> Scenario:
    return parse_scenario(run.scenario_toml.encode(), run.scenario)


@st.cache_data(show_spinner="Working out the optimum …", max_entries=64)
def _yardsticks(scenario_toml: str, seed: int) -> Yardsticks:
    return training_yardsticks(parse_scenario(scenario_toml.encode(), "scenario"), seed)
