"""At the quote tab: how good P(agent) is at the moments at which prices are set."""

import streamlit as st

from phantom_core.core.estimate import Estimate
from phantom_core.evaluation.quote_figures import AtQuoteReport, QuoteSlice
from phantom_core.evaluation.report import ClassifierReport
from ui.charts.classifier import paired_estimates_chart
from ui.charts.frame import show_chart
from ui.frame.metrics import show_metric
from ui.frame.wording import format_count, format_percent

AT_QUOTE = "trained at quotes (sets prices)"
WHOLE = "trained on whole sessions (reports)"
_INSTEAD = {
    "quotes": "",
    "item views": " No quotes are recorded, so item views stand for them.",
    "events": " No quotes or item views are recorded, so every event stands for one.",
}


def at_quote_tab(report: ClassifierReport) -> None:
    """Draw the quality at quotes, by events so far and by considered money."""
    found = report.at_quote
    if found is None:
        st.warning(
            "This classifier learned from whole sessions only. Reports can use it; prices cannot, "
            "since its probabilities are wrong at quotes. Train another one.",
            icon=":material/warning:",
        )
        return
    overall = found.overall
    if overall is None:
        st.info(
            "Too few labelled sessions of each kind were shown a price to measure it at quotes.",
            icon=":material/info:",
        )
        return
    _headline(overall)
    _charts(found, overall)
    with st.expander("All figures"):
        _table(found)


def _headline(overall: QuoteSlice) -> None:
    own, whole = overall.at_quote, overall.whole_session
    with st.grid(4, min_column_width=200, gap="small"):
        show_metric(
            "ROC-AUC at quotes",
            f"{own.roc_auc.value:.3f}",
            f"whole-session model {whole.roc_auc.value:.3f}, random 0.5",
            _range(own.roc_auc),
        )
        show_metric(
            "Calibration error (ECE)",
            f"{own.ece.value:.3f}",
            f"whole-session model {whole.ece.value:.3f}, chance {overall.ece_of_chance:.3f}",
            _range(own.ece),
        )
        show_metric(
            "Brier score",
            f"{own.brier.value:.3f}",
            f"base rate {overall.brier_base_rate:.3f}",
            _range(own.brier),
        )
        show_metric(
            "Quotes",
            format_count(overall.n_quotes),
            f"{format_percent(overall.agent_share)} by agents",
            f"Of {format_count(overall.n_sessions)} labelled sessions.",
        )


def _charts(found: AtQuoteReport, overall: QuoteSlice) -> None:
    own, whole = overall.at_quote, overall.whole_session
    caption = (
        "Out of fold; lines are 95 % intervals over actors. Money weighs each quote by the base "
        f"price of a product that went to the cart.{_INSTEAD[found.moments]}"
    )
    with st.grid(2, min_column_width=420, gap="medium") as grid:
        with grid.cell():
            show_chart(
                paired_estimates_chart(
                    [
                        (one.name, one.at_quote.roc_auc, one.whole_session.roc_auc)
                        for one in found.slices
                    ],
                    (AT_QUOTE, WHOLE),
                    "ROC-AUC",
                    reference=0.5,
                ),
                f"At quotes, ROC-AUC is {own.roc_auc.value:.3f} instead of "
                f"{whole.roc_auc.value:.3f}",
                caption,
                key="quote_auc",
            )
        with grid.cell():
            show_chart(
                paired_estimates_chart(
                    [(one.name, one.at_quote.ece, one.whole_session.ece) for one in found.slices],
                    (AT_QUOTE, WHOLE),
                    "Calibration error (ECE)",
                ),
                f"Predicted and observed shares differ by {own.ece.value:.3f} instead of "
                f"{whole.ece.value:.3f}",
                caption,
                key="quote_ece",
            )


def _table(found: AtQuoteReport) -> None:
    columns = {
        "quotes": [one.name for one in found.slices],
        "count": [one.n_quotes for one in found.slices],
        "sessions": [one.n_sessions for one in found.slices],
        "share of agents": [one.agent_share for one in found.slices],
        "ROC-AUC": [one.at_quote.roc_auc.value for one in found.slices],
        "ECE": [one.at_quote.ece.value for one in found.slices],
        "ECE of chance": [one.ece_of_chance for one in found.slices],
        "Brier": [one.at_quote.brier.value for one in found.slices],
        "Brier of the share": [one.brier_base_rate for one in found.slices],
        "ROC-AUC, whole-session model": [one.whole_session.roc_auc.value for one in found.slices],
        "ECE, whole-session model": [one.whole_session.ece.value for one in found.slices],
    }
    st.dataframe(columns, hide_index=True)


def _range(estimate: Estimate) -> str:
    return f"95 % interval {estimate.low:.3f}–{estimate.high:.3f}, over actors."
