"""Parts of the page Monitoring: what was found, how features moved, what is in use, who was
told.
"""

import json

import streamlit as st

from phantom_core.core.settings import Settings
from phantom_core.monitoring.comparison import Check
from phantom_core.monitoring.report import MonitorReport
from phantom_core.views.monitoring.monitoring import (
    alerts_table,
    all_alerts,
    checks_table,
    days_table,
    retrainings_table,
)
from ui.charts.features import drift_chart
from ui.charts.frame import show_chart
from ui.charts.monitoring import daily_chart
from ui.frame.empty import show_missing
from ui.frame.metrics import show_metric
from ui.frame.tables import csv_button
from ui.frame.wording import (
    NOTHING,
    feature_name,
    format_moment,
    format_money,
    format_number_of,
    format_percent,
)


def open_alerts(settings: Settings) -> None:
    """What needs a look now."""
    for one in all_alerts(settings):
        if one.is_open:
            st.error(
                f"**{one.name.replace('_', ' ').capitalize()}**, since "
                f"{format_moment(one.raised_ms)} UTC. {one.sentence}",
                icon=":material/warning:",
            )


def draw_figures(report: MonitorReport) -> None:
    """The last week beside the one before."""
    week, before, leak = report.week, report.before, report.leakage
    with st.container(horizontal=True):
        show_metric(
            "Sessions",
            f"{week.sessions:,}",
            f"{before.sessions:,} the week before",
            "Sessions that began in the last week.",
        )
        show_metric(
            "Called agents", format_percent(week.agent_share, 1), f"{format_percent(before.agent_share, 1)} the week before",
            "Share of the sessions that the classifier in use calls an agent's.",
        )  # fmt: skip
        show_metric(
            "Revenue",
            format_money(week.revenue),
            f"{format_money(before.revenue)} the week before",
            f"{format_number_of(week.purchases, 'session')} bought.",
        )
        share = (
            f"{format_percent(leak.share, 1)} of the revenue"
            if leak
            else "nothing bought, or nobody knows by whom"
        )
        show_metric(
            "Leakage",
            format_money(leak.money) if leak else NOTHING,
            share,
            "Expected, of the last week, under ×1.20 of the base price.",
        )


def checks_tab(report: MonitorReport) -> None:
    """Charts by day, and every figure beside its limit."""
    days = days_table(report)
    left, right = st.columns(2, gap="medium")
    reading = "The two weeks that are compared are shaded; dotted: their means."
    if days["agent_share"].notna().any():
        with left:
            chart = daily_chart(
                days, "agent_share", as_of_ms=report.as_of_ms, y="share of sessions", is_share=True
            )
            show_chart(
                chart,
                _found(report, "detection_rate", "Sessions called agents, by day"),
                reading,
                key="agent_share",
            )
    if len(days):
        with right:
            chart = daily_chart(days, "revenue", as_of_ms=report.as_of_ms, y="revenue")
            show_chart(chart, _found(report, "revenue", "Revenue by day"), reading, key="revenue")
    table = checks_table(report)
    st.dataframe(
        table,
        hide_index=True,
        height="content" if len(table) < 12 else 420,
        placeholder=NOTHING,
        column_config={
            "status": st.column_config.TextColumn(
                "Status", width=100, help="watch: past the limit, but chance alone may explain it."
            ),
            "check": st.column_config.TextColumn("Check", width=170),
            "found": st.column_config.TextColumn("Found", width="large"),
            "value": st.column_config.NumberColumn("Figure", format="%.3f", width=90),
            "limit": st.column_config.NumberColumn("Limit", format="%.3f", width=90),
        },
    )
    with st.container(horizontal=True):
        csv_button("Checks as CSV", checks_table(report), "checks.csv", key="checks_csv")
        csv_button("Days as CSV", days, "days.csv", key="days_csv")
        content = json.dumps(report.to_json()).encode()
        st.download_button(
            "Everything as JSON",
            content,
            "monitoring.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
            key="monitoring_json",
        )


def drift_part(report: MonitorReport) -> None:
    """How far each feature moved."""
    rows = report.drift
    if not rows:
        show_missing(
            "Features cannot be compared.",
            "The last week has no session, or there is nothing to compare it with.",
        )
        return
    moved = [row for row in rows if row.reading in ("some shift", "large shift")]
    said = (
        f"{format_number_of(len(moved), 'feature')} moved, most of all "
        f"{feature_name(moved[0].name)}"
        if moved
        else "No feature moved"
    )
    limits = (
        "Dotted: 0.10 some shift, 0.25 a large one, which is an alert. Grey ticks: what "
        "chance alone shows with as many sessions."
    )
    show_chart(
        drift_chart(rows), f"{said}: the last week against {report.reference}", limits, key="drift"
    )


def models_tab(settings: Settings, report: MonitorReport | None) -> None:
    """What is in use, and what came of the last retrainings."""
    for model in report.models if report else ():
        why = f" {model.why}" if model.why else ""
        st.markdown(
            f"**{model.kind.capitalize()}** {model.version}, trained "
            f"{format_moment(model.trained_ms)} UTC.{why}"
        )
    table = retrainings_table(settings)
    if table.empty:
        show_missing(
            "No model was retrained yet.",
            "A retraining learns from the last days, and is used only if it beats the model in "
            "use on later sessions that neither learned "
            "from. `python -m phantom_core schedule` does so every day.",
        )
        return
    st.dataframe(
        table,
        hide_index=True,
        placeholder=NOTHING,
        column_config={
            "when": st.column_config.DatetimeColumn(
                "When (UTC)", format="YYYY-MM-DD HH:mm", width=135
            ),
            "why": st.column_config.TextColumn("Why", width="large"),
            "held_out": st.column_config.NumberColumn(
                "Judged on", help="Later rows that neither learned from."
            ),
            **{
                name: st.column_config.NumberColumn(name.capitalize(), format="%+.4f")
                for name in ("difference", "low", "high")
            },
        },
    )
    csv_button("Retrainings as CSV", table, "retrainings.csv", key="retrainings_csv")


def alerts_tab(settings: Settings) -> None:
    """Every alert, and who was told."""
    found = all_alerts(settings)
    if not found:
        show_missing(
            "There was no alert yet.",
            "Alerts go to the log, and to a webhook and by e-mail where PHANTOM_ALERT_WEBHOOK and "
            "_SMTP are set.",
        )
        return
    table = alerts_table(found)
    st.dataframe(
        table,
        hide_index=True,
        placeholder="open",
        column_config={
            **{
                name: st.column_config.DatetimeColumn(
                    f"{name.capitalize()} (UTC)", format="YYYY-MM-DD HH:mm"
                )
                for name in ("raised", "cleared")
            },
            "found": st.column_config.TextColumn("Found", width="large"),
        },
    )
    csv_button("Alerts as CSV", table, "alerts.csv", key="alerts_csv")


def _found(report: MonitorReport, name: str, otherwise: str) -> str:
    """The sentence of a check that has an answer."""
    check: Check | None = next((one for one in report.checks if one.name == name), None)
    return check.sentence.rstrip(".") if check and check.value is not None else otherwise
