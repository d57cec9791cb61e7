"""Trial list: the saved trials of a workspace, with titles."""

from datetime import UTC, datetime

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.use_cases.markets.simulate import SavedTrial, open_trial, saved_trials

_MOST_LISTED = 100


@requires(Permission.READ)
def trial_titles(settings: Settings) -> dict[str, str]:
    """Name → title of the newest readable trials, newest first.

    Titles are unique, since page addresses hold them.
    """
    titles: dict[str, str] = {}
    for trial_id in saved_trials(settings)[:_MOST_LISTED]:
        try:
            title = trial_title(open_trial(settings, trial_id))
        except (DataError, NotFoundError):
            continue
        titles[trial_id] = f"{title} · {trial_id[-8:]}" if title in titles.values() else title
    return titles


@needs_no_permission
def trial_title(saved: SavedTrial) -> str:
    """Time, scenario and number of policies of a trial."""
    trial = saved.trial
    n, scenario = len(trial.results), trial.scenario
    return (
        f"{_moment(saved.trial_id)} · {scenario.title or scenario.name} · {n} "
        f"{'policy' if n == 1 else 'policies'}"
    )


def _moment(trial_id: str) -> str:
    """The time that a trial's name starts with.

    >>> _moment("20260301-120000-0a1b2c3d")
    '2026-03-01 12:00:00'
    """
    try:
        moment = datetime.strptime(trial_id[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return trial_id
    return f"{moment:%Y-%m-%d %H:%M:%S}"
