"""Alert: notify every channel once when a check alerts, and once when it is resolved."""

from collections.abc import Sequence

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.alerts.alerts import Alert, Alerts
from phantom_core.alerts.channels import Channel, Notice, channels_of
from phantom_core.core.errors import UnavailableError
from phantom_core.core.settings import Settings
from phantom_core.monitoring.comparison import Check


@requires(Permission.WORK)
def send_alerts(settings: Settings, checks: Sequence[Check], now_ms: int) -> tuple[str, ...]:
    """Raise and resolve alerts by check results, and notify the channels.

    An unknown result changes nothing: an alert stays open until its check is resolved. A channel
    that fails is notified at the next run.

    Args:
        settings: channels and workspace.
        checks: of one run.
        now_ms: UTC milliseconds.
    Returns:
        Channels that could not be notified, a sentence each.
    Raises:
        InputError: an invalid channel.
    """
    channels, alerts = channels_of(settings), Alerts(settings)
    raised = {check.name: check.sentence for check in checks if check.status == "alert"}
    alerts.follow(
        raised, frozenset(check.name for check in checks if check.status in ("ok", "watch")), now_ms
    )
    sentences = {check.name: check.sentence for check in checks}
    return _notify_all(channels, alerts, sentences)


@requires(Permission.READ)
def notify_channels(
    settings: Settings, alerts: Alerts, sentences: dict[str, str]
) -> tuple[str, ...]:
    """Notify every channel of what is new to it.

    Args:
        settings: name the channels.
        alerts: of the workspace.
        sentences: what to say of alerts that are over, by name.
    Returns:
        Channels that could not be notified, a sentence each.
    Raises:
        InputError: an invalid channel.
    """
    return _notify_all(channels_of(settings), alerts, sentences)


def _notify_all(
    channels: Sequence[Channel], alerts: Alerts, sentences: dict[str, str]
) -> tuple[str, ...]:
    return tuple(
        problem for channel in channels if (problem := _notify(alerts, channel, sentences))
    )


def _notify(alerts: Alerts, channel: Channel, sentences: dict[str, str]) -> str:
    """Notify a channel of what is new to it; returns why that failed, or nothing."""
    for one in reversed(alerts.all()):
        if _is_up_to_date(one, channel.name) or not alerts.claim_notification(one, channel.name):
            continue
        try:
            channel.send(_notice(one, sentences))
        except UnavailableError as error:
            alerts.release_notification(one, channel.name)
            return str(error)
    return ""


def _is_up_to_date(one: Alert, channel: str) -> bool:
    """Whether a channel needs no notice; one never notified of an alert is not sent its end."""
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
