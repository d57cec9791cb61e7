"""Demand curve tab: P(purchase) and value by price of one offer, with what-if sliders."""

from dataclasses import replace
from typing import Final

import numpy as np
import streamlit as st

from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.limits import GuardRails
from phantom_core.core.settings import Settings
from phantom_core.evaluation.multitask_report import KIND
from phantom_core.features.catalogue import FEATURES, Feature, feature_names
from phantom_core.model_store.store import ModelStore
from phantom_core.models.multitask.scorer import NetworkScorer
from phantom_core.models.optimal_price import OBJECTIVES, PricingObjective, objective_named
from phantom_core.models.price_curve import PriceCurve, price_curve
from phantom_core.use_cases.models.price import (
    PricedOffer,
    default_objective,
    demand_scorer,
    price_offer,
)
from phantom_core.views.demand.multitask import NetworkView
from phantom_core.views.demand.offer_choice import n_quoted, products_of, quoted_sessions
from ui.charts.demand import demand_curve_chart, money_chart
from ui.charts.frame import show_chart
from ui.frame.empty import show_missing
from ui.frame.errors import show_error
from ui.frame.handles import current_snapshot, workspace_lake
from ui.frame.metrics import show_metric
from ui.frame.wording import (
    escape,
    feature_axis,
    feature_name,
    format_moment,
    format_money,
    format_number_of,
    format_percent,
)

_OBJECTIVES: Final = {
    "net_of_leakage": "revenue minus weighted leakage",
    "as_first_written": "revenue times (1 + λ · P(agent))",
}
_ADJUSTABLE: Final = (
    "interaction_velocity",
    "item_views",
    "cart_adds",
    "hover_events",
    "std_time_between_events",
    "unique_products_viewed",
)


def curve_tab(settings: Settings, view: NetworkView) -> None:
    """Choose a session and a product; show the demand curve, the price and what-if changes."""
    demand = view.report.demand
    if not demand.is_identified:
        show_missing("No demand curve", f"{escape(demand.refusal)} {escape(demand.hint)}")
        return
    chosen = _choose_offer()
    if chosen is None:
        show_missing(
            "No session with a quote",
            "Load a quote log, or change the search.",
            "pages/data.py",
            "Load quotes",
            ":material/database:",
        )
        return
    terms = _terms(settings)
    try:
        offer = price_offer(
            settings, workspace_lake(), *chosen, version=view.manifest.version, objective=terms
        )
    except (DataError, NotFoundError) as error:
        show_error(error.message, error.hint)
        return
    st.caption(
        f"Features as of {format_moment(offer.quote_ms)} UTC, just before the quote. Base price "
        f"{format_money(offer.base_price)}."
    )
    curve, changes = _adjusted(settings, view, offer, terms)
    _figures(offer, curve)
    _charts(offer, curve, changes)


def _choose_offer() -> tuple[str, str] | None:
    data = current_snapshot()
    with st.grid(3, min_column_width=230, gap="medium"):
        search = st.text_input("Search session ID", key="curve_search", bind="query-params")
        sessions = quoted_sessions(data, search.strip())
        session = st.selectbox(
            "Session", sessions, key="curve_session", bind="query-params", placeholder="no match"
        )
        products = products_of(data, str(session)) if session else []
        own = n_quoted(data, str(session)) if session else 0
        product = st.selectbox(
            "Product",
            products,
            key="curve_product",
            help=f"The first {format_number_of(own, 'product')} in the list had a quote in this "
            "session.",
        )
    return (str(session), str(product)) if session and product else None


def _terms(settings: Settings) -> PricingObjective:
    usual = default_objective(settings)
    with (
        st.expander("Pricing objective", icon=":material/balance:", key="terms"),
        st.grid(3, min_column_width=230, gap="medium"),
    ):
        objective = st.selectbox(
            "Objective",
            OBJECTIVES,
            format_func=lambda name: _OBJECTIVES[name],
            key="objective",
            bind="query-params",
            help="λ has no effect in the second: its factor does not depend on the price.",
        )
        weight = st.slider(
            "λ, weight of leakage",
            0.0,
            2.0,
            usual.leakage_weight,
            0.05,
            key="curve_weight",
            bind="query-params",
        )
        reference = st.slider(
            "Reference price / base price",
            0.5,
            2.0,
            usual.reference_ratio,
            0.05,
            key="curve_reference",
            bind="query-params",
        )
        usual_rails = usual.guard_rails.lowest_markup, usual.guard_rails.highest_markup
        low, high = st.slider(
            "Guard rails / base price", 0.3, 3.0, usual_rails, 0.05, key="curve_rails"
        )
    return PricingObjective(
        GuardRails(low, high), reference, weight, objective_named(str(objective))
    )


def _adjusted(
    settings: Settings, view: NetworkView, offer: PricedOffer, terms: PricingObjective
) -> tuple[PriceCurve, str]:
    """The curve of the session, with the changes of the sliders; and a list of them."""
    by_name = {feature.name: feature for feature in FEATURES}
    session, changes = offer.inputs.session.copy(), []
    with st.expander(
        "What-if: change session features", icon=":material/tune:", key="what_if_session"
    ):
        with st.grid(3, min_column_width=230, gap="medium"):
            for name in _ADJUSTABLE:
                column = feature_names().index(name)
                before = float(session[0, column])
                with st.container(gap="xsmall"):
                    after = _adjust(by_name[name], before, f"{offer.session_id}_{offer.product_id}")
                if not np.isclose(after, before, atol=1e-6, equal_nan=True):
                    session[0, column] = after
                    changes.append(
                        f"{feature_name(name)} {before:,.4g} → {after:,.4g}".replace(
                            "nan", "undefined"
                        )
                    )
        st.caption("Each feature changes alone here; in real sessions they are correlated.")
    if not changes:
        return offer.curve, ""
    scorer = _scorer(settings, view.manifest.version)
    return price_curve(scorer, replace(offer.inputs, session=session), terms), ", ".join(changes)


def _adjust(feature: Feature, value: float, key: str) -> float:
    """Choose another value of a feature; NaN for undefined."""
    box = f"undefined_{feature.name}_{key}"
    is_undefined = bool(st.session_state.get(box, np.isnan(value)))
    chosen = _slider(feature, value, key, disabled=is_undefined)
    if feature.null_when == "never" and not np.isnan(value):
        return chosen
    why = "nothing had happened yet" if feature.null_when == "never" else feature.null_when
    return (
        np.nan
        if st.checkbox("undefined", np.isnan(value), key=box, help=f"Undefined: {why}.")
        else chosen
    )


def _slider(feature: Feature, value: float, key: str, *, disabled: bool) -> float:
    at = 0.0 if np.isnan(value) else value
    is_count = feature.unit == "count"
    top = float(max(10.0, np.ceil(3 * at)))
    return float(
        st.slider(
            feature_axis(feature.name, feature.unit),
            0.0,
            top,
            at,
            1.0 if is_count else top / 200,
            format="%d" if is_count else "%.1f",
            key=f"turn_{feature.name}_{key}",
            disabled=disabled,
            help=feature.meaning,
        )
    )


@st.cache_resource(
    show_spinner="Opening the network …",
    max_entries=2,
    hash_funcs={Settings: Settings.model_dump_json},
)
def _scorer(settings: Settings, version: str) -> NetworkScorer:
    return demand_scorer(ModelStore(settings.workspace, KIND).open(version))


def _figures(offer: PricedOffer, curve: PriceCurve) -> None:
    at_base = int(np.abs(curve.ratios - 1.0).argmin())
    rail = ", at a guard rail" if curve.is_at_guard_rail else ""
    with st.grid(4, min_column_width=190, gap="small"):
        show_metric(
            "Best price",
            format_money(round(curve.best_ratio * offer.base_price, 2)),
            f"×{curve.best_ratio:.2f} ({curve.best_low:.2f}–{curve.best_high:.2f}){rail}",
            "Interval by leave-one-fold-out over shoppers.",
        )
        show_metric(
            "P(purchase) at the best price",
            format_percent(curve.p_best, 1),
            f"at the base price {format_percent(float(curve.p_purchase[at_base]), 1)}",
            "Calibrated.",
        )
        show_metric(
            "P(agent)",
            format_percent(curve.p_agent, 0),
            "of this session at the quote",
            "Calibrated.",
        )
        best = int(np.abs(curve.ratios - curve.best_ratio).argmin())
        gain = offer.base_price * (curve.value[best] - curve.value[at_base])
        show_metric(
            "Gain over the base price",
            format_money(float(gain)),
            "expected, per offer",
            "In the objective; small, since few offers are bought.",
        )


def _charts(offer: PricedOffer, curve: PriceCurve, changes: str) -> None:
    changed = f" with {changes}" if changes else ""
    name = f"{offer.session_id}_{offer.product_id}"
    with st.grid(2, min_column_width=400, gap="medium") as grid:
        with grid.cell():
            reading = (
                "P(purchase) by price with its 95 % band, valid within the range of logged prices."
            )
            show_chart(
                demand_curve_chart(curve),
                f"P(purchase) is {format_percent(curve.p_best, 1)} at the best price, "
                f"×{curve.best_ratio:.2f}{changed}",
                reading,
                key="curve",
                download=f"{name}_demand",
            )
        with grid.cell():
            reading = "Expected revenue, leakage and objective per offer, by price."
            show_chart(
                money_chart(curve, offer.base_price),
                "The objective is highest at "
                f"{format_money(round(curve.best_ratio * offer.base_price, 2))}",
                reading,
                key="curve_money",
                download=f"{name}_money",
            )
