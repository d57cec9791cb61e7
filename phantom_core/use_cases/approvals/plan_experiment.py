"""Plan an experiment: its sample size, and a draft of it."""

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.approvals import price_experiments
from phantom_core.approvals.experiment_plan import AS_LIVE, BASE_PRICE, Metric, Plan, PlannedArm
from phantom_core.approvals.price_experiments import Experiment
from phantom_core.core.errors import InputError
from phantom_core.core.registry import choose_named
from phantom_core.core.settings import Settings
from phantom_core.experiments.baseline import human_baseline, read_outcomes
from phantom_core.experiments.experiment_size import Baseline, Size, guard_sessions, size_of
from phantom_core.experiments.report import METRICS
from phantom_core.lake.lake import open_lake

LOOK_BACK_DAYS: Final = 28
GUARD_DROP: Final = 0.2
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Sized:
    """Sample size of a plan that is not saved yet.

    Attributes:
        size: sessions needed.
        baseline: the size was computed from it.
        seen: sessions that the baseline was measured on; 0 where it was given.
        guard_sessions: until the guard sees a loss of GUARD_DROP of human conversion in the
            smallest new arm; 0 where human purchases cannot be told apart.
    """

    size: Size
    baseline: Baseline
    seen: int
    guard_sessions: int = 0


@needs_no_permission
def metric_named(name: str) -> Metric:
    """A metric by its name.

    Raises:
        InputError: there is none.
    """
    return choose_named("metric", name, METRICS)


@needs_no_permission
def parse_arms(texts: Sequence[str]) -> tuple[PlannedArm, ...]:
    """Parse arms written as name=share:version.

    >>> control, none = parse_arms(["control=0.5:live", "none=0.5:base"])
    >>> control.version, none.version
    ('live', '')

    Raises:
        InputError: a text that is not an arm.
    """
    found = []
    for text in texts:
        name, _, rest = text.partition("=")
        share, _, version = rest.partition(":")
        try:
            found.append(
                PlannedArm(
                    name.strip(),
                    float(share),
                    BASE_PRICE if version.strip() == "base" else version.strip() or AS_LIVE,
                )
            )
        except ValueError:
            raise InputError(
                f"'{text}' is not an arm.",
                hint="Write name=share:version, such as control=0.5:live or plus=0.5:base.",
            ) from None
    return tuple(found)


@requires(Permission.READ)
def size_experiment(
    settings: Settings,
    arms: Sequence[PlannedArm],
    metric: Metric,
    effect: float,
    *,
    now_ms: int,
    alpha: float = 0.05,
    power: float = 0.8,
    baseline: Baseline | None = None,
) -> Sized:
    """Compute the sample size of an experiment.

    Args:
        settings: workspace.
        arms: with their shares.
        metric: primary outcome.
        effect: minimum detectable effect, relative.
        now_ms: UTC milliseconds.
        alpha: see `size_of`.
        power: see `size_of`.
        baseline: of a session; None means the newest LOOK_BACK_DAYS of the lake.
    Raises:
        InputError: invalid figures, or a lake without purchases.
    """
    seen, lake = 0, open_lake(settings)
    start_ms = _newest(settings, now_ms) - LOOK_BACK_DAYS * _DAY_MS
    if baseline is None:
        outcomes = read_outcomes(lake, start_ms)
        baseline, seen = outcomes.by_metric[metric], outcomes.sessions
    size = size_of(baseline, effect, [arm.share for arm in arms], alpha=alpha, power=power)
    humans = human_baseline(lake, start_ms)
    return Sized(size, baseline, seen, _guard(humans, arms, alpha) if humans else 0)


def _guard(humans: Baseline, arms: Sequence[PlannedArm], alpha: float) -> int:
    """Sessions of all arms until the guard sees a loss in the smallest new one."""
    control, least = arms[0].share, min(arm.share for arm in arms[1:])
    of_both = control + least
    level = alpha / (len(arms) - 1)
    return math.ceil(guard_sessions(humans, GUARD_DROP, least / of_both, alpha=level) / of_both)


@requires(Permission.PROPOSE)
def plan_experiment(
    settings: Settings,
    who: str,
    experiment_id: str,
    question: str,
    arms: Sequence[PlannedArm],
    sized: Sized,
    *,
    metric: Metric,
    effect: float,
    now_ms: int,
    alpha: float = 0.05,
    power: float = 0.8,
    tolerated_drop: float = 0.0,
) -> Experiment:
    """Save a plan as a draft.

    Raises:
        InputError: invalid arms or names.
        ConflictError: the name is taken.
        NotAllowedError: this person may not plan experiments.
    """
    base = sized.baseline
    per_day = base.per_day if base.per_day == base.per_day else 0.0
    plan = Plan(
        question,
        tuple(arms),
        metric,
        effect,
        alpha,
        power,
        tolerated_drop,
        sized.size.sessions,
        base.mean,
        base.sd,
        per_day,
    )
    return price_experiments.draft_experiment(
        control_engine(settings),
        who,
        experiment_id,
        plan,
        salt=secrets.token_hex(8),
        now_ms=now_ms,
    )


def _newest(settings: Settings, now_ms: int) -> int:
    """Moment of the newest price shown, or now."""
    with open_lake(settings).connect(("quotes", "decisions")) as connection:
        ((newest,),) = connection.execute(
            "SELECT MAX(ms) FROM (SELECT MAX(event_ms) AS ms FROM quotes UNION ALL SELECT "
            "MAX(decided_ms) FROM decisions)"
        ).fetchall()
    return int(newest) if newest is not None else now_ms
