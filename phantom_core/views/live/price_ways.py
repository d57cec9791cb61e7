"""Price ways: every way in which a price can come about now, its share and measured traffic."""

from dataclasses import dataclass
from typing import Final

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals import releases
from phantom_core.approvals.releases import PublishedRelease
from phantom_core.core.kill_file import read_kill_file
from phantom_core.core.settings import Settings
from phantom_core.lake.lake import open_lake
from phantom_core.publishing.experiments import AS_LIVE, LiveArm
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.live_experiments import live_epoch, served_experiments
from phantom_core.use_cases.approvals.price_overrides import price_overrides

WINDOW_MS: Final = 3_600_000
_DECISIONS: Final = "decisions"
_MEASURED: Final = """
SELECT source, COALESCE(rules_version, ''), COALESCE(price_experiment, ''), COALESCE(variant, ''),
  COUNT(*)
FROM decisions WHERE decided_ms >= ? GROUP BY ALL
"""


@dataclass(frozen=True, slots=True)
class PriceWay:
    """One way in which a price comes about.

    Attributes:
        name: of the way, in words.
        version: of its rules; empty without rules.
        share: of the sessions by what was approved, in [0, 1]; None where single sessions or
            products have it.
        measured: share of the decisions of the last hour, in [0, 1]; None without decisions.
        n_decisions: of the last hour.
        is_approved: whether the control side published this way; False calls for a look.
    """

    name: str
    version: str
    share: float | None
    measured: float | None
    n_decisions: int
    is_approved: bool = True


@dataclass(frozen=True, slots=True)
class _Seen:
    """Decisions of the last hour that came about in one way."""

    source: str
    version: str
    experiment: str
    variant: str
    n: int


@dataclass(frozen=True, slots=True)
class _Expected:
    """A way that was published, and how its decisions are recognised."""

    name: str
    share: float | None
    sources: tuple[str, ...]
    version: str | None = None
    experiment: str = ""
    variant: str = ""

    def is_of(self, seen: _Seen) -> bool:
        """Whether decisions came about in this way."""
        return (
            seen.source in self.sources
            and self.version in (None, seen.version)
            and (self.experiment, self.variant) == (seen.experiment, seen.variant)
        )


@requires(Permission.READ)
def price_ways(settings: Settings, *, now_ms: int) -> tuple[PriceWay, ...]:
    """Every way in which a price can come about now, then what was measured beside them.

    Args:
        settings: workspace and database.
        now_ms: UTC milliseconds.
    """
    left = _measured(settings, now_ms)
    total = sum(one.n for one in left)
    found = []
    for way in _expected(settings):
        mine = [one for one in left if way.is_of(one)]
        left = [one for one in left if one not in mine]
        n = sum(one.n for one in mine)
        measured = n / total if total else None
        found.append(PriceWay(way.name, way.version or "", way.share, measured, n))
    found += [
        PriceWay(_title(one), one.version, None, one.n / total, one.n, is_approved=False)
        for one in left
    ]
    return tuple(found)


def _expected(settings: Settings) -> list[_Expected]:
    with control_database(settings).connect() as connection:
        release = releases.current_release(connection)
        experiments = served_experiments(connection, live_epoch(connection)).experiments
    is_file = read_kill_file(settings) is not None
    if is_file or (release is not None and release.is_killed):
        how = "kill file" if is_file else "published kill switch"
        return [_Expected(f"Base price for everybody: {how}", 1.0, ("kill_switch",))]
    overrides = price_overrides(settings)
    # Without an approved table, a global price is no way that was published.
    base = ("base_price", *(("global_price",) if overrides.table else ()))
    ways = []
    if overrides.sessions:
        name = f"Signed price of a single session (change {overrides.sessions.change_id})"
        ways.append(_Expected(name, None, ("session_price",)))
    if overrides.table:
        name = f"Global price where no rules apply (change {overrides.table.change_id})"
        ways.append(_Expected(name, None, ("global_price",)))
    for experiment in experiments[:1]:
        for arm in experiment.arms:
            ways += _of_arm(experiment.experiment_id, arm, release, base)
    if not experiments:
        ways += _of_release(release, 1.0, base)
    # Requests without a session take part in nothing; they get the rules outside a canary.
    ways.append(_Expected("Base price where something was missing", None, ("base_price",)))
    return ways


def _of_arm(
    experiment_id: str, arm: LiveArm, release: PublishedRelease | None, base: tuple[str, ...]
) -> list[_Expected]:
    if arm.version == AS_LIVE:
        return _of_release(release, arm.share, base, experiment_id, arm.name)
    name = f"Experiment {experiment_id}, arm {arm.name}"
    if not arm.version:
        return [_Expected(name, arm.share, ("experiment",), "", experiment_id, arm.name)]
    return [
        _Expected(name, arm.share, ("rules", "base_price"), arm.version, experiment_id, arm.name)
    ]


def _of_release(
    release: PublishedRelease | None,
    share: float,
    base: tuple[str, ...],
    experiment: str = "",
    variant: str = "",
) -> list[_Expected]:
    """The canary and the control of a release, or the base price."""
    arm = f"Experiment {experiment}, arm {variant}: " if experiment else ""
    if release is None or not release.version:
        return [
            _Expected(f"{arm}Base price", share, base, "", experiment, variant),
        ]
    by = "Network's price, rules as fallback" if release.policy == "model" else "Rules"
    rules = ("rules", "model", "base_price")
    title = f"{arm}{by}{' (canary)' if release.share < 1 else ''}"
    found = [_Expected(title, share * release.share, rules, release.version, experiment, variant)]
    if release.share < 1:
        found.append(
            _Expected(
                f"{arm}{'Rules' if release.stable else 'Base price'} (control)",
                share * (1 - release.share),
                ("rules", "base_price") if release.stable else base,
                release.stable,
                experiment,
                variant,
            )
        )
    return found


def _measured(settings: Settings, now_ms: int) -> list[_Seen]:
    """Decisions of the last hour that are in the lake."""
    lake = open_lake(settings)
    if lake.version(_DECISIONS) < 0:
        return []
    with lake.connect((_DECISIONS,)) as connection:
        rows = connection.execute(_MEASURED, [now_ms - WINDOW_MS]).fetchall()
    return [_Seen(*row) for row in rows]


def _title(seen: _Seen) -> str:
    words = f"Not published now: {seen.source.replace('_', ' ')}"
    return f"{words}, experiment {seen.experiment}" if seen.experiment else words
