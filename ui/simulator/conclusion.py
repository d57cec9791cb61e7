"""Conclusion: the results of a run in sentences that name both sides of each trade-off."""

from collections.abc import Sequence

from phantom_core.market.figures import TrialFigure
from phantom_core.market.trial import MarketTrial, PolicyResult
from phantom_core.views.simulator.policy_choice import policy_title
from phantom_core.views.simulator.trade_off import TradeOff, trade_off
from phantom_core.views.simulator.trial_tables import ordered_policies
from ui.frame.wording import NOTHING, escape

_REFERENCES = ("fixed", "best_fixed", "optimum")


def conclusion_sentences(trial: MarketTrial) -> list[str]:
    """Sentences in Markdown: the possible gain, the best policy, then each policy against both
    references.
    """
    compared = [
        result for result in ordered_policies(trial.results) if result.name not in _REFERENCES
    ]
    lines = [_compare(trial, result) for result in compared]
    return [f"{_room(trial)} {_best(trial, compared)}", _best_fixed(trial), *lines]


def _room(trial: MarketTrial) -> str:
    best, base = trial.best_fixed.pct_of_optimum, trial.base.pct_of_optimum
    what = (
        "The highest possible reward is "
        f"**{_amount(trial.bound if trial.optimum is None else trial.optimum)}** per episode"
    )
    limit = (
        what if trial.optimum is not None else f"{what}, an upper bound that may not be attainable"
    )
    fixed = f"The best fixed price, ×{trial.best_fixed_ratio:.2f}, reaches **{_pct(best)}** of that"
    return f"{limit}. {fixed}, the base price {_pct(base)}."


def _best(trial: MarketTrial, compared: Sequence[PolicyResult]) -> str:
    winners = [
        escape(policy_title(result.name))
        for result in compared
        if (result.vs_best_fixed.low or 0.0) > 0
    ]
    left = trial.best_fixed.pct_of_optimum.value
    if winners:
        return (
            f"**{' and '.join(winners)}** "
            f"{'outperforms' if len(winners) == 1 else 'outperform'} it."
        )
    gain = (
        ""
        if left is None or left >= 100
        else f"; dynamic prices could gain at most {100.0 - left:.1f} % more"
    )
    return (
        f"No tested policy outperforms it{gain}."
        if compared
        else f"Dynamic prices could gain at most {max(0.0, 100.0 - (left or 100.0)):.1f} %."
    )


def _compare(trial: MarketTrial, result: PolicyResult) -> str:
    against_base = _trade(result, trial.base, result.vs_fixed)
    against_best = _trade(result, trial.best_fixed, result.vs_best_fixed)
    return (
        f"**{escape(policy_title(result.name))}**, {_pct(result.pct_of_optimum)} "
        f"{_badge(result.vs_best_fixed)}  \n"
        f"Versus the base price: {against_base}.  \n"
        f":gray[Versus the best fixed price: {against_best}.]"
    )


def _best_fixed(trial: MarketTrial) -> str:
    against_base = _trade(trial.best_fixed, trial.base, trial.best_fixed.vs_fixed)
    return (
        f"**Best fixed price**, {_pct(trial.best_fixed.pct_of_optimum)}  \nVersus the base "
        f"price: {against_base}."
    )


def _badge(difference: TrialFigure) -> str:
    if difference.low is None or difference.high is None:
        return ""
    if difference.low > 0:
        return ":green-badge[outperforms the best fixed price]"
    return (
        ":orange-badge[underperforms the best fixed price]"
        if difference.high < 0
        else ":gray-badge[on par with the best fixed price]"
    )


def _trade(result: PolicyResult, other: PolicyResult, reward: TrialFigure) -> str:
    change = trade_off(result, other, reward)
    parts = [
        _leaked(change, result, other),
        f"revenue {_moved(change.revenue)}",
        _paid(change.human_price),
    ]
    parts += [_conversion(change.human_conversion), _reward(change.reward)]
    return ", ".join(part for part in parts if part)


def _leaked(change: TradeOff, result: PolicyResult, other: PolicyResult) -> str:
    if change.leakage.value is None and other.leakage.value == 0:
        return (
            f"leakage **{_amount(result.leakage.value)}** instead of none"
            if result.leakage.value
            else "no leakage"
        )
    return f"leakage {_moved(change.leakage)}"


def _reward(difference: TrialFigure) -> str:
    if difference.value is None or difference.low is None or difference.high is None:
        return ""
    if difference.low <= 0 <= difference.high:
        return (
            f"no significant change in reward ({_signed(difference.low)} to "
            f"{_signed(difference.high)})"
        )
    return (
        f"reward **{_signed(difference.value)}** ({_signed(difference.low)} to "
        f"{_signed(difference.high)})"
    )


def _moved(change: TrialFigure) -> str:
    """A relative change with its interval, in words."""
    if change.value is None or change.low is None or change.high is None:
        return NOTHING
    if change.low <= 0 <= change.high and abs(change.value) < 0.005:
        return "unchanged"
    if change.low == change.high:
        return f"**{_sign(change.value)} %**"
    return f"**{_sign(change.value)} %** ({_sign(change.low)} to {_sign(change.high)} %)"


def _paid(change: TrialFigure) -> str:
    if change.value is None:
        return ""
    if abs(change.value) < 0.0005:
        return "humans pay the same"
    return (
        f"humans pay **{abs(change.value) * 100:.1f} % {'more' if change.value > 0 else 'less'}**"
    )


def _conversion(change: TrialFigure) -> str:
    if change.value is None or change.low is None or change.high is None:
        return ""
    if change.low <= 0 <= change.high:
        return "no significant change in human conversion"
    return (
        f"human conversion {'up' if change.value > 0 else 'down'} "
        f"{abs(change.value) * 100:.1f} percentage points"
    )


def _sign(share: float) -> str:
    return (
        f"{share * 100:+.0f}".replace("-", "−").replace("+0", "0").replace("−0", "0")
        if abs(share) < 0.005
        else f"{share * 100:+.0f}".replace("-", "−")
    )


def _signed(value: float) -> str:
    return (
        f"{value:+,.2f}".replace("-", "−")
        if abs(value) < 100
        else f"{value:+,.0f}".replace("-", "−")
    )


def _amount(value: float | None) -> str:
    return NOTHING if value is None else f"{value:,.1f}" if abs(value) < 1_000 else f"{value:,.0f}"


def _pct(figure: TrialFigure) -> str:
    if figure.value is None or figure.low is None or figure.high is None:
        return NOTHING
    return f"{figure.value:.1f} % ({figure.low:.1f}–{figure.high:.1f})"
