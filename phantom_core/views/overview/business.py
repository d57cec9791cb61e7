"""Business: the stored summary of a period, and how old it is."""

from dataclasses import dataclass

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.leakage.business_summary import BusinessSummary, read_summary
from phantom_core.use_cases.overview.summarise_business import summaries, summary_name
from phantom_core.views.workspace.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class BusinessView:
    """A stored summary.

    Attributes:
        summary: of the period.
        is_current: whether no events were loaded since, and the classifier is the same.
    """

    summary: BusinessSummary
    is_current: bool


@requires(Permission.READ)
def business_view(settings: Settings, snapshot: Snapshot, n_days: int) -> BusinessView | None:
    """The stored summary of a number of days; None without one.

    Raises:
        DataError: its file is damaged.
    """
    store, name = summaries(settings), summary_name(n_days)
    try:
        summary = read_summary(store.read(name).decode(), str(store.path(name)))
    except NotFoundError:
        return None
    is_current = summary.lake_version == snapshot.stamp.versions[0]
    return BusinessView(summary, is_current)
