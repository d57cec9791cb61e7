"""Parts of the page Monitoring: checks, feature drift, models in use, and alerts."""

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
    escape,
    feature_name,
    format_moment,
    format_money,
    format_number_of,
    format_percent,
)


def open_alerts(settings: Settings) -> None:
    """Open alerts."""
    for one in all_alerts(settings):
        if one.is_open:
            st.error(
                f"**{escape(one.name.replace('_', ' ').capitalize())}**, since "
                f"{format_moment(one.raised_ms)} UTC. {escape(one.sentence)}",
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
            "Detected agents",
            format_percent(week.agent_share, 1),
            f"{format_percent(before.agent_share, 1)} the week before",
            "Share of sessions that the classifier in use classifies as agents.",
        )
        show_metric(
            "Revenue",
            format_money(week.revenue),
            f"{format_money(before.revenue)} the week before",
            f"{format_number_of(week.purchases, 'session')} with a purchase.",
        )
        share = (
            f"{format_percent(leak.share, 1)} of revenue" if leak else "no purchases, or no classes"
        )
        show_metric(
            "Leakage",
            format_money(leak.money) if leak else NOTHING,
            share,
            "Expected leakage of the last week, reference price ×1.20 of the base price.",
        )


def checks_tab(report: MonitorReport) -> None:
    """Charts by day, and every check beside its threshold."""
    days = days_table(report)
    left, right = st.columns(2, gap="medium")
    reading = "The two compared weeks are shaded; dotted lines are their means."
    if days["agent_share"].notna().any():
        with left:
            chart = daily_chart(
                days,
                "agent_share",
                means=(report.before.agent_share, report.week.agent_share),
                as_of_ms=report.as_of_ms,
                y="share of sessions",
                is_share=True,
            )
            show_chart(
                chart,
                _found(report, "detection_rate", "Share of detected agents by day"),
                reading,
                key="agent_share",
            )
    if len(days):
        with right:
            chart = daily_chart(
                days,
                "revenue",
                means=(report.before.revenue / 7, report.week.revenue / 7),
                as_of_ms=report.as_of_ms,
                y="revenue, currency",
            )
            show_chart(chart, _found(report, "revenue", "Revenue by day"), reading, key="revenue")
    table = checks_table(report)
    st.dataframe(
        table,
        hide_index=True,
        height="content" if len(table) < 12 else 420,
        placeholder=NOTHING,
        column_config={
            "status": st.column_config.TextColumn(
                "Status", width=100, help="watch: beyond the threshold, but not significantly."
            ),
            "check": st.column_config.TextColumn("Check", width=170),
            "found": st.column_config.TextColumn("Finding", width="large"),
            "value": st.column_config.NumberColumn("Value", format="%.3f", width=90),
            "limit": st.column_config.NumberColumn("Threshold", format="%.3f", width=90),
        },
    )
    with st.container(horizontal=True):
        csv_button("Download checks as CSV", checks_table(report), "checks.csv", key="checks_csv")
        csv_button("Download days as CSV", days, "days.csv", key="days_csv")
        content = json.dumps(report.to_json()).encode()
        st.download_button(
            "Download all as JSON",
            content,
            "monitoring.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
            key="monitoring_json",
        )


def drift_part(report: MonitorReport) -> None:
    """Drift of each feature."""
    rows = report.drift
    if not rows:
        show_missing(
            "Drift cannot be measured",
            "The last week has no sessions, or there is no reference period.",
        )
        return
    moved = [row for row in rows if row.reading in ("some shift", "large shift")]
    finding = (
        f"{format_number_of(len(moved), 'feature')} drifted, most of all "
        f"{feature_name(moved[0].name)}"
        if moved
        else "No feature drifted"
    )
    limits = (
        "Dotted: PSI 0.10 some shift, 0.25 a large shift, which raises an alert. Grey ticks: PSI "
        "expected by chance at this number of sessions."
    )
    show_chart(
        drift_chart(rows),
        f"{finding}: last week vs {escape(report.reference)}",
        limits,
        key="drift",
    )


def models_tab(settings: Settings, report: MonitorReport | None) -> None:
    """The models in use, and the outcome of the last retrainings."""
    for model in report.models if report else ():
        why = f" {escape(model.why)}" if model.why else ""
        st.markdown(
            f"**{escape(model.kind.capitalize())}** {escape(model.version)}, trained "
            f"{format_moment(model.trained_ms)} UTC.{why}"
        )
    table = retrainings_table(settings)
    if table.empty:
        show_missing(
            "No retrainings yet",
            "A challenger learns from the last days, and is compared with the model in use on "
            "later sessions held out from both. One that wins waits for a person, unless a "
            "promotion policy is approved. `python -m phantom_core schedule` "
            "retrains every day.",
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
            "why": st.column_config.TextColumn("Reason", width="large"),
            "held_out": st.column_config.NumberColumn(
                "Held-out rows", help="Later rows that neither model was trained on."
            ),
            **{
                name: st.column_config.NumberColumn(name.capitalize(), format="%+.4f")
                for name in ("difference", "low", "high")
            },
        },
    )
    csv_button("Download retrainings as CSV", table, "retrainings.csv", key="retrainings_csv")


def alerts_tab(settings: Settings) -> None:
    """Every alert, and where it was sent."""
    found = all_alerts(settings)
    if not found:
        show_missing(
            "No alerts yet",
            "Alerts go to the log, and to a webhook and e-mail if PHANTOM_ALERT_WEBHOOK and "
            "PHANTOM_ALERT_SMTP are set.",
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
            "found": st.column_config.TextColumn("Finding", width="large"),
        },
    )
    csv_button("Download alerts as CSV", table, "alerts.csv", key="alerts_csv")


def _found(report: MonitorReport, name: str, otherwise: str) -> str:
    """The sentence of a check that has a value."""
    check: Check | None = next((one for one in report.checks if one.name == name), None)
    return (
        escape(check.sentence.rstrip("."))
        if check and check.value is not None
        else escape(otherwise)
    )
