"""Calibration tab: a market fitted to the shop's own data, and its goodness of fit."""

from typing import Final

import streamlit as st

from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.market.calibration.calibration import Calibration
from phantom_core.market.calibration.replay_check import ReplayCheck
from phantom_core.market.calibration.sensitivity import Sensitivities
from phantom_core.use_cases.markets.calibrate import latest_calibration
from phantom_core.use_cases.markets.job_calibrate import CalibrateRequest
from phantom_core.views.simulator.scenario_choice import CALIBRATED
from ui.accounts.account import start_job
from ui.charts.calibration import arrivals_chart, replay_chart, sensitivity_chart
from ui.charts.frame import show_chart
from ui.frame.empty import nothing_loaded, show_missing
from ui.frame.errors import show_error
from ui.frame.fragments import callback
from ui.frame.handles import current_snapshot, open_jobs
from ui.frame.job_watch import watch_job
from ui.frame.metrics import show_metric
from ui.frame.wording import (
    escape,
    format_interval,
    format_moment,
    format_money,
    format_number_of,
    format_percent,
)
from ui.simulator.setup import NEXT, SCENARIOS

KIND: Final = CalibrateRequest.kind


def calibration_tab(settings: Settings) -> None:
    """Calibrate a market, show the results, hand it to the simulator."""
    if not current_snapshot().n_sessions:
        nothing_loaded()
        return
    st.markdown(
        "Estimates arrivals by hour, the share of agents and the price sensitivity of both classes "
        "from the loaded events and quotes."
    )
    busy = any(job.kind == KIND for job in open_jobs().active())
    if st.button(
        "Calibrate the market",
        type="primary",
        icon=":material/straighten:",
        disabled=busy,
        key="calibrate",
    ):
        start_job(CalibrateRequest(seed=settings.seed))
        st.rerun()
    watch_job(KIND, "Calibration")
    try:
        found = latest_calibration(settings)
    except NotFoundError:
        show_missing(
            "Not calibrated yet",
            "Calibration takes a few seconds and does not change the data.",
        )
        return
    except DataError as error:
        show_error(error.message, error.hint)
        return
    _show(found)


def _show(found: Calibration) -> None:
    days = format_number_of(found.visits.days, "day")
    st.caption(
        f"Calibrated {format_moment(found.created_ms)} UTC on {days}, data version "
        f"{found.lake_version}. Intervals are 95 %."
    )
    if not found.identified:
        st.warning(
            "**The market cannot be identified from this data.** "
            f"{escape(found.refusal)}\n\n{escape(found.hint)}",
            icon=":material/block:",
        )
    _figures(found)
    _hand_over(found)
    with st.grid(2, min_column_width=420, gap="medium") as grid:
        with grid.cell():
            _arrivals(found)
        if found.sensitivity:
            with grid.cell():
                _sensitivity(found.sensitivity)
        if found.replay:
            for kind, title in (
                ("hour", "hour of the day (UTC)"),
                ("price", "price, in base prices"),
            ):
                with grid.cell():
                    _replay(found.replay, kind, title)
    if found.notes:
        st.markdown("**Limitations**")
        st.markdown("\n".join(f"- {escape(note)}" for note in found.notes))


def _figures(found: Calibration) -> None:
    share, prices = found.agent_share, found.base_prices
    with st.grid(5, min_column_width=190, gap="small"):
        show_metric(
            "Sessions per day",
            f"{found.visits.per_day:,.1f}",
            f"{found.shoppers.per_day:,.1f} with an add-to-cart quote",
            "Only sessions with an add-to-cart quote arrive in the simulated market.",
        )
        of_sessions = (
            f"of all sessions {format_percent(share.visits.value, 1)}"
            if share.visits
            else share.source
        )
        if share.shoppers:
            show_metric(
                "Agents among shoppers",
                format_percent(share.shoppers.value, 1),
                f"{format_interval(share.shoppers, 1)}; {of_sessions}",
                share.source,
            )
        elif share.visits:
            show_metric(
                "Agents among sessions",
                format_percent(share.visits.value, 1),
                format_interval(share.visits, 1),
                share.source,
            )
        if found.sensitivity:
            for who, one in (
                ("humans", found.sensitivity.human),
                ("agents", found.sensitivity.agent),
            ):
                interval = (
                    f"{one.value.low:.2f}–{one.value.high:.2f}, from {one.quotes:,.0f} quotes"
                )
                show_metric(
                    f"Price sensitivity, {who}",
                    f"{one.value.value:.2f}",
                    interval,
                    "The exponent s; at s = 2 a price 10 % higher loses about 5 of 100 buyers, at "
                    "s = 5 about 12.",
                )
        if prices:
            show_metric(
                "Typical base price",
                format_money(prices.typical),
                f"{format_money(prices.lowest)} to {format_money(prices.highest)}, "
                f"{format_number_of(prices.products, 'product')}",
                "Median over add-to-cart quotes.",
            )
    if not share.visits and not share.shoppers:
        st.caption(f"Agent share: {escape(share.source)}.")


def _hand_over(found: Calibration) -> None:
    try:
        scenario = found.scenario()
    except DataError as error:
        if found.identified:
            st.warning(f"{escape(error.message)} {escape(error.hint)}", icon=":material/block:")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Use as scenario",
            icon=":material/play_arrow:",
            on_click=callback(_use),
            key="use_calibrated",
        )
        st.download_button(
            "Download scenario as TOML",
            scenario.to_toml().encode(),
            "calibrated.toml",
            "application/toml",
            icon=":material/download:",
            on_click="ignore",
            key="calibrated_toml",
        )
        stock = sum(product.stock for product in scenario.products)
        st.caption(
            f"One week with {stock:,} units, the expected sales at the base price; both are "
            "adjustable."
        )


def _use() -> None:
    st.session_state[NEXT], st.session_state["simulator_tab"] = CALIBRATED, SCENARIOS


def _arrivals(found: Calibration) -> None:
    arrivals = found.shoppers
    hours = {hour: one.value for hour, one in enumerate(arrivals.by_hour) if one}
    busiest = max(hours, key=lambda hour: hours[hour])
    source = (
        "bootstrapped over days" if arrivals.interval == "days" else "from the Poisson distribution"
    )
    finding = f"Peak arrivals at {busiest}:00: {hours[busiest]:.1f} shoppers per hour"
    show_chart(
        arrivals_chart(arrivals),
        finding,
        f"Whiskers are 95 % intervals, {source}.",
        key="arrivals",
        download="arrivals",
    )


def _sensitivity(found: Sensitivities) -> None:
    human, agent = found.human.value, found.agent.value
    if agent.low > human.high:
        finding = "Agents are more price-sensitive than humans"
    elif human.low > agent.high:
        finding = "Humans are more price-sensitive than agents"
    else:
        finding = "No significant difference in price sensitivity"
    prices = f"Quoted prices from ×{found.lowest_ratio:.2f} to ×{found.highest_ratio:.2f}"
    reading = f"{prices}; {format_percent(found.randomised)} of them randomised."
    show_chart(
        sensitivity_chart(human, agent), finding, reading, key="sensitivity", download="sensitivity"
    )


def _replay(replay: ReplayCheck, kind: str, x: str) -> None:
    rows = [row for row in replay.rows if row.kind == kind]
    inside = sum(row.is_inside for row in rows)
    finding = (
        f"By {'hour' if kind == 'hour' else 'price'}, {inside} of {len(rows)} logged figures "
        "are within the simulated 95 % intervals"
    )
    fitted = (
        f"Fitted on {format_number_of(replay.fitted_days, 'day')}, validated on the "
        f"{replay.played_days} held-out days between"
    )
    reading = f"{fitted}. Orange points are outside the interval; about 1 in 20 is expected."
    show_chart(
        replay_chart(rows, x), finding, reading, key=f"replay_{kind}", download=f"replay_{kind}"
    )
