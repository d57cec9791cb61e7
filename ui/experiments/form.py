"""The form of an experiment: name, arms, metric, error rates and baseline."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from phantom_core.approvals.experiment_plan import PlannedArm
from phantom_core.experiments.experiment_size import Baseline
from phantom_core.experiments.report import METRICS

_MOST_ARMS: Final = 4
_NAMES: Final = ("control", "new", "second", "third")


@dataclass(frozen=True, slots=True)
class ExperimentForm:
    """Values of the form."""

    name: str
    question: str
    arms: tuple[PlannedArm, ...]
    metric: str
    effect: float
    alpha: float
    power: float
    tolerated_drop: float
    baseline: Baseline | None


def draw_experiment_form(versions: Sequence[str], played: Callable[[str], str]) -> ExperimentForm:
    """Draw the form; changes update the figures below at once."""
    with st.container(border=True, key="experiment_form"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.text_input("Name", key="experiment_name", placeholder="plus5", width=180)
            question = st.text_input(
                "Question",
                key="experiment_question",
                placeholder="Do higher mark-ups on likely agents pay?",
            )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            metric = st.segmented_control(
                "Primary metric",
                list(METRICS),
                default="revenue",
                required=True,
                key="experiment_metric",
                format_func=lambda one: METRICS[one],
            )
            effect = st.slider(
                "Minimum detectable effect",
                1,
                50,
                5,
                format="%d %%",
                key="experiment_effect",
                width=240,
            )
            n_arms = st.segmented_control(
                "Arms", range(2, _MOST_ARMS + 1), default=2, required=True, key="experiment_arms"
            )
        arms = _arms(int(n_arms or 2), versions, played)
        with st.expander("Error rates, guardrail and baseline", icon=":material/tune:"):
            alpha, power, tolerated = _error_rates()
            baseline = _baseline()
    return ExperimentForm(
        name.strip(),
        question.strip(),
        arms,
        str(metric),
        effect / 100,
        alpha,
        power,
        tolerated,
        baseline,
    )


def _arms(n: int, versions: Sequence[str], played: Callable[[str], str]) -> tuple[PlannedArm, ...]:
    st.caption("The first arm is the control. Each session is assigned to one arm and stays in it.")
    shares, versions_served = [], []
    for k in range(n):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.markdown(f"**{_NAMES[k]}**", width=80)
            versions_served.append(
                st.selectbox(
                    "Serves",
                    versions,
                    index=min(k, len(versions) - 1),
                    key=f"experiment_plays_{k}",
                    format_func=played,
                    width=260,
                )
            )
            weight = st.number_input(
                "Weight",
                1,
                100,
                1,
                key=f"experiment_part_{k}",
                width=160,
                help="Relative share of sessions, not per cent.",
            )
            shares.append(float(weight))
    return tuple(
        PlannedArm(_NAMES[k], shares[k] / sum(shares), str(versions_served[k] or ""))
        for k in range(n)
    )


def _error_rates() -> tuple[float, float, float]:
    with st.container(horizontal=True):
        alpha = st.slider(
            "Significance level α",
            1,
            20,
            5,
            format="%d %%",
            key="experiment_alpha",
            width=240,
        )
        power = st.slider("Power", 50, 99, 80, format="%d %%", key="experiment_power", width=240)
        tolerated = st.slider(
            "Guardrail: maximum drop in human conversion",
            0,
            20,
            0,
            format="%d %%",
            key="experiment_tolerated",
            width=300,
            help="The experiment stops automatically when the drop is significantly larger.",
        )
    return alpha / 100, power / 100, tolerated / 100


def _baseline() -> Baseline | None:
    if not st.toggle(
        "Enter the baseline instead of measuring it",
        key="experiment_stated",
    ):
        return None
    with st.container(horizontal=True):
        mean = st.number_input(
            "Mean per session", 0.0001, value=10.0, key="experiment_mean", width=180
        )
        sd = st.number_input(
            "Standard deviation", 0.0001, value=30.0, key="experiment_sd", width=180
        )
        per_day = st.number_input(
            "Sessions per day", 1, value=1_000, key="experiment_per_day", width=180
        )
    return Baseline(float(mean), float(sd), float(per_day))
