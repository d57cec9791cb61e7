"""Options: every way to price a session now, their probabilities, and the chosen one.

Arms of an experiment and the canary are drawn by stable hashes of the session, so a session keeps
its option while nothing changes.
"""

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

from phantom_core.publishing.canary import in_canary
from phantom_core.publishing.experiments import AS_LIVE, LiveArm, LiveExperiment
from phantom_core.publishing.live import BASE_PRICE, Live

Way = Literal["base", "unruled", "model", "rules"]
_ALL_HASHES: Final = 2**64


@dataclass(frozen=True, slots=True)
class Option:
    """One way to price.

    Attributes:
        share: probability with which a session gets it.
        way: base price, global price where no rules apply, the model's price, or rules.
        version: of the rules, which also decide where the model cannot.
    """

    share: float
    way: Way
    version: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """All options of a session.

    Attributes:
        chosen: the option of this session.
        others: the rest.
        experiment_id, variant: arm of an experiment; None without one.
    """

    chosen: Option
    others: tuple[Option, ...] = ()
    experiment_id: str | None = None
    variant: str | None = None


def options_of(
    live: Live, experiments: tuple[LiveExperiment, ...], session_id: str | None
) -> Options:
    """Determine the options of a session.

    Args:
        live: live rules and rollout.
        experiments: running ones; a session takes part in the first.
        session_id: None for an anonymous request, which takes part in none.
    """
    if session_id is None:
        return Options(
            Option(1.0, "unruled")
            if live.version == BASE_PRICE
            else _live_option(live, live.stable, 1.0)
        )
    if not experiments:
        mine, rest = _split(live, session_id, 1.0)
        return Options(mine, rest)
    return _of_experiment(live, experiments[0], session_id)


def _of_experiment(live: Live, experiment: LiveExperiment, session_id: str) -> Options:
    position = arm_of(experiment, session_id)
    ways = [_of_arm(live, arm, session_id) for arm in experiment.arms]
    mine, *rest = ways.pop(position)
    others = (*rest, *(option for way in ways for option in way))
    return Options(mine, others, experiment.experiment_id, experiment.arms[position].name)


def _of_arm(live: Live, arm: LiveArm, session_id: str) -> tuple[Option, ...]:
    """Options of an arm, the session's first."""
    if arm.version == AS_LIVE:
        mine, rest = _split(live, session_id, arm.share)
        return mine, *rest
    return (Option(arm.share, "rules" if arm.version else "base", arm.version),)


def arm_of(experiment: LiveExperiment, session_id: str) -> int:
    """Position of the session's arm; the same for ever, and on every machine."""
    hashed = hashlib.blake2b(
        f"{experiment.salt}:{session_id}".encode(errors="surrogatepass"), digest_size=8
    ).digest()
    drawn, passed = int.from_bytes(hashed) / _ALL_HASHES, 0.0
    last = 0
    for k, arm in enumerate(experiment.arms):
        if arm.share > 0:
            last = k
            passed += arm.share
            if drawn < passed:
                return k
    return last


def _split(live: Live, session_id: str, share: float) -> tuple[Option, tuple[Option, ...]]:
    """The canary's option and that of the control, the session's first."""
    if live.version == BASE_PRICE:
        return Option(share, "unruled"), ()
    way: Way = "model" if live.policy == "model" else "rules"
    canary = Option(share * live.share, way, live.version)
    stable = _live_option(live, live.stable, share * (1.0 - live.share))
    mine, other = (
        (canary, stable) if in_canary(session_id, live.salt, live.share) else (stable, canary)
    )
    return mine, (other,) if other.share > 0 else ()


def _live_option(live: Live, version: str, share: float) -> Option:
    return Option(share, "rules", version) if version != BASE_PRICE else Option(share, "unruled")
