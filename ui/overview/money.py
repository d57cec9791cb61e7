"""Money of the overview: what the last days earned and leaked, beside the days before."""

from typing import Final

import pandas as pd
import streamlit as st

from phantom_core.accounts.roles import Permission
from phantom_core.core.estimate import Estimate
from phantom_core.core.settings import Settings
from phantom_core.leakage.business_summary import (
    BusinessSummary,
    ClassBusiness,
    ComparedFigure,
    LiveRecovery,
)
from phantom_core.use_cases.overview.job_summarise_business import SummariseBusinessRequest
from phantom_core.views.overview.business import BusinessView, business_view
from ui.accounts.account import is_allowed, start_job
from ui.charts.frame import show_chart
from ui.charts.overview import conversion_chart, leakage_trend_chart
from ui.frame.currency import Currency, currency_of
from ui.frame.errors import friendly_errors
from ui.frame.handles import current_snapshot, now_ms, open_jobs
from ui.frame.job_watch import watch_job
from ui.frame.metrics import show_metric
from ui.frame.wording import (
    escape,
    format_change,
    format_duration,
    format_number_of,
    format_percent,
    format_period,
    format_range,
)

KIND: Final = SummariseBusinessRequest.kind
_LENGTHS: Final = {"7 days": 7, "28 days": 28}


def draw_money(settings: Settings) -> None:
    """Choose the length of the period; draw its stored figures and the button that renews them."""
    st.header("Revenue and leakage")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        length = st.segmented_control(
            "Period",
            list(_LENGTHS),
            default="7 days",
            required=True,
            key="period",
            bind="query-params",
            label_visibility="collapsed",
        )
        n_days = _LENGTHS.get(str(length), 7)
        view = business_view(settings, current_snapshot(), n_days)
        _renew_button(view, n_days)
    watch_job(KIND, "Working out revenue and leakage")
    if view is None:
        st.markdown(
            f"The figures of the last {n_days} days have not been worked out yet. It takes a few "
            "seconds and changes no data."
        )
        return
    currency = currency_of(settings)
    _about(view, currency)
    _figures(view.summary, currency)
    with st.grid(2, min_column_width=420, gap="medium") as grid:
        with grid.cell():
            _trend(view.summary, currency)
        with grid.cell():
            _classes(view.summary, currency)
    _segments(view.summary, currency)


def _renew_button(view: BusinessView | None, n_days: int) -> None:
    is_busy = any(job.kind == KIND for job in open_jobs().active())
    is_new = view is None or not view.is_current
    if not is_allowed(Permission.WORK):
        return
    if st.button(
        f"Work out the last {n_days} days",
        type="primary" if is_new else "secondary",
        icon=":material/calculate:",
        disabled=is_busy,
        key="summarise",
        help="Is being worked out." if is_busy else None,
    ):
        with friendly_errors():
            start_job(SummariseBusinessRequest(days=n_days))
            st.rerun()


def _about(view: BusinessView, currency: Currency) -> None:
    found = view.summary
    length_ms = found.end_ms - found.start_ms
    before = (
        f"compared with {format_period(found.start_ms - length_ms, found.start_ms - 1)}"
        if found.leakage.before
        else "the data do not reach back far enough to compare"
    )
    age = format_duration(max(0, now_ms() - found.created_ms) / 1_000)
    st.caption(
        f"{format_period(found.start_ms, found.end_ms - 1)} UTC, the last {found.n_days} days up "
        f"to the newest event; {before}. {currency.note} Intervals are 95 %. Worked out {age} "
        "ago."
    )
    if not view.is_current:
        st.info(
            "New data was loaded since. Work the figures out again to include it.",
            icon=":material/history:",
        )
    if found.unknown:
        st.caption(
            f"The class of {format_number_of(found.unknown, 'session')} is unknown: they count in "
            "no class and in no leakage."
        )


def _figures(found: BusinessSummary, currency: Currency) -> None:
    rate = found.leakage.now.value / found.revenue.now.value if found.revenue.now.value else None
    with st.grid(5, min_column_width=190, gap="small"):
        show_metric(
            f"Leakage, {found.n_days} days",
            currency.money(found.leakage.now.value),
            f"95 %: {format_range(found.leakage.now)}",
            f"What agents paid less than the reference price: {found.says}. "
            f"{format_percent(rate, 1)} of revenue.",
        )
        show_metric(
            "Change of leakage",
            _change(found.leakage, currency),
            _verdict(found.leakage),
            "Against the period before, from the same resamples of actors.",
        )
        recovered = found.live.recovered
        show_metric(
            "Recovered by live rules",
            currency.money(recovered.value) if recovered else "–",
            _recovery(found.live, recovered),
            "Replay of the live rules on the purchases of this period, at their rollout; an upper "
            "bound, since at higher prices some agents would not have bought.",
        )
        show_metric(
            f"Revenue, {found.n_days} days",
            currency.money(found.revenue.now.value),
            f"95 %: {format_range(found.revenue.now)}",
            "Of all shoppers.",
        )
        show_metric(
            "Change of revenue",
            _change(found.revenue, currency),
            _verdict(found.revenue),
            "Against the period before, from the same resamples of actors.",
        )


def _change(figure: ComparedFigure, currency: Currency) -> str:
    if figure.change is None:
        return "–"
    return f"{format_change(figure.change).partition(' (')[0]} {currency.code}".strip()


def _verdict(figure: ComparedFigure) -> str:
    """Whether a change is significant, with its interval."""
    if figure.change is None:
        return "no period before to compare with"
    interval = format_change(figure.change).partition(" ")[2].strip("()")
    if not figure.is_significant:
        return f"no significant change ({interval})"
    return f"{'higher' if figure.change.value > 0 else 'lower'} than before ({interval})"


def _recovery(live: LiveRecovery, recovered: Estimate | None) -> str:
    if recovered is None:
        return live.problem
    return f"95 %: {format_range(recovered)}; {live.version} at {format_percent(live.share)}"


def _trend(found: BusinessSummary, currency: Currency) -> None:
    if found.leakage.change is None:
        finding = f"Leakage of the last {found.n_days} days: {_of(found, currency)}"
    elif found.leakage.is_significant:
        way = "rose" if found.leakage.change.value > 0 else "fell"
        finding = f"Leakage {way} by {_of_change(found, currency)}"
    else:
        finding = "No significant change of leakage against the period before"
    show_chart(
        leakage_trend_chart(found.days, found.start_ms, currency.unit),
        finding,
        f"Each point is 24 hours, with its 95 % interval; the reference price is {found.says}.",
        key="leakage_trend",
        download="leakage_trend",
    )


def _of(found: BusinessSummary, currency: Currency) -> str:
    return f"{currency.money(found.leakage.now.value)} ({format_range(found.leakage.now)})"


def _of_change(found: BusinessSummary, currency: Currency) -> str:
    assert found.leakage.change is not None
    return f"{currency.money(abs(found.leakage.change.value))}, {_verdict(found.leakage)}"


def _classes(found: BusinessSummary, currency: Currency) -> None:
    gap = found.conversion_gap
    if gap.low > 0 or gap.high < 0:
        more = "more" if gap.value > 0 else "less"
        finding = f"Humans convert {more} often than agents: {format_change(gap, as_points=True)}"
    else:
        finding = (
            "No significant difference in conversion between humans and agents: "
            f"{format_change(gap, as_points=True)}"
        )
    show_chart(
        conversion_chart(found.classes),
        finding,
        "Share of sessions with a purchase; whiskers are 95 % intervals. Declared agents name "
        "their tool in the user agent; each session counts by its label, else by P(agent).",
        key="conversion",
        download="conversion_by_class",
    )
    st.dataframe(
        _class_table(found),
        hide_index=True,
        placeholder="–",
        column_config={
            "class": st.column_config.TextColumn("Class"),
            "sessions": st.column_config.NumberColumn("Sessions", format="localized"),
            "revenue": st.column_config.NumberColumn(
                f"Revenue, {currency.unit}", format="localized"
            ),
            "low": st.column_config.NumberColumn("from", format="localized", help="Of 95 %."),
            "high": st.column_config.NumberColumn("to", format="localized", help="Of 95 %."),
            "before": st.column_config.NumberColumn("Before", format="localized"),
        },
    )


def _class_table(found: BusinessSummary) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "class": [one.name for one in found.classes],
            "sessions": [round(one.sessions) for one in found.classes],
            "revenue": [round(one.revenue.now.value) for one in found.classes],
            "low": [_bound(one, one.revenue.now.low) for one in found.classes],
            "high": [_bound(one, one.revenue.now.high) for one in found.classes],
            "before": [
                round(one.revenue.before.value) if one.revenue.before else None
                for one in found.classes
            ],
        }
    )


def _bound(one: ClassBusiness, bound: float) -> int | None:
    """A bound of the revenue; without a single purchase, resamples know none."""
    return round(bound) if one.revenue.now.value else None


def _segments(found: BusinessSummary, currency: Currency) -> None:
    """Segments that leak significantly more than the shop, or that none does."""
    if not found.n_tested:
        st.markdown("**No segment has enough purchases to be compared**")
        return
    tested = format_number_of(found.n_tested, "segment")
    if not found.segments:
        st.markdown(f"**No segment leaks significantly more than the shop** ({tested} compared)")
        return
    top = found.segments[0]
    st.markdown(
        f"**{escape(top.key)} leaks most beyond its share of revenue: "
        f"{currency.money(top.excess.value)} ({format_range(top.excess)})**"
    )
    st.dataframe(
        pd.DataFrame(
            {
                "dimension": [one.dimension for one in found.segments],
                "key": [one.key for one in found.segments],
                "leakage": [round(one.leakage.value) for one in found.segments],
                "share": [one.share_of_revenue for one in found.segments],
                "excess": [round(one.excess.value) for one in found.segments],
                "low": [round(one.excess.low) for one in found.segments],
                "high": [round(one.excess.high) for one in found.segments],
                "purchases": [one.purchases for one in found.segments],
            }
        ),
        hide_index=True,
        height="content",
        column_config={
            "dimension": "By",
            "key": "Segment",
            "leakage": st.column_config.NumberColumn(
                f"Leakage, {currency.unit}", format="localized"
            ),
            "share": st.column_config.NumberColumn("Of its revenue", format="percent"),
            "excess": st.column_config.NumberColumn("Above the shop's rate", format="localized"),
            "low": st.column_config.NumberColumn("from", format="localized"),
            "high": st.column_config.NumberColumn("to", format="localized"),
            "purchases": st.column_config.NumberColumn("Purchases", format="localized"),
        },
    )
    st.caption(
        f"Products, channels, stores and clusters with at least 20 purchases ({tested}); the "
        "intervals hold for all of them at once. Purchases and links are on the page Margin "
        "leakage."
    )
