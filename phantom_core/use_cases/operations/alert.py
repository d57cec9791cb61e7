"""Alert: tell every channel once of what needs a look, and once more when it is over."""

from collections.abc import Sequence

from phantom_core.alerts.alerts import Alert, Alerts
from phantom_core.alerts.channels import Channel, Notice, channels_of
from phantom_core.core.errors import UnavailableError
from phantom_core.core.settings import Settings
from phantom_core.monitoring.comparison import Check


def send_alerts(settings: Settings, checks: Sequence[Check], now_ms: int) -> tuple[str, ...]:
    """Follow what was found.

    A check without an answer changes nothing: an alert stays open until its check says that it is
    over. A channel that takes nothing is told at the next look.

    Args:
        settings: channels and workspace.
        checks: of one look.
        now_ms: when this is, UTC milliseconds.
    Returns:
        What could not be told, a sentence per channel.
    Raises:
        InputError: a channel that cannot be used.
    """
    channels, alerts = channels_of(settings), Alerts(settings)
    raised = {check.name: check.sentence for check in checks if check.status == "alert"}
    alerts.follow(
        raised, frozenset(check.name for check in checks if check.status in ("ok", "watch")), now_ms
    )
    sentences = {check.name: check.sentence for check in checks}
    return tuple(problem for channel in channels if (problem := _tell(alerts, channel, sentences)))


def _tell(alerts: Alerts, channel: Channel, sentences: dict[str, str]) -> str:
    """Tell a channel what it does not know; returns why it took nothing, or nothing."""
    for one in reversed(alerts.all()):
        if _knows(one, channel.name) or not alerts.claim_notification(one, channel.name):
            continue
        try:
            channel.send(_notice(one, sentences))
        except UnavailableError as error:
            alerts.release_notification(one, channel.name)
            return str(error)
    return ""


def _knows(one: Alert, channel: str) -> bool:
    """Whether a channel needs to hear nothing; what it never heard of is not told when it is
    over.
    """
    return channel in (one.notified_raised if one.is_open else one.notified_cleared) or (
        not one.is_open and channel not in one.notified_raised
    )


def _notice(one: Alert, sentences: dict[str, str]) -> Notice:
    if one.cleared_ms is None:
        return Notice(one.name, one.sentence, False, one.raised_ms)
    return Notice(
        one.name,
        sentences.get(one.name, "The figure is back within its limit."),
        True,
        one.cleared_ms,
    )
