"""Alerts reach real receivers, and a receiver that takes nothing is named without its secrets."""

import pytest

from phantom_core.alerts.channels import Mail, Notice, Webhook, channels_of
from phantom_core.core.errors import InputError, UnavailableError
from phantom_core.core.settings import AlertSettings, Settings
from tests.alerts.receivers import mailbox, webhook

NOTICE = Notice(
    "detection_rate", "The share of agents moved from 20 % to 30 %.", False, 1_772_452_800_000
)


def test_a_webhook_gets_one_object_that_chat_services_show() -> None:
    with webhook() as received:
        Webhook(received.address).send(NOTICE)
    (message,) = received.messages
    assert (
        message["text"]
        == "PHANTOM: detection rate needs a look. The share of agents moved from 20 % to 30 %."
    )
    assert (message["name"], message["state"], message["moment_ms"]) == (
        "detection_rate",
        "raised",
        1_772_452_800_000,
    )


def test_mail_reaches_every_recipient() -> None:
    with mailbox() as received:
        Mail(
            received.address, "phantom@shop.example", ("ann@shop.example", "ben@shop.example")
        ).send(NOTICE)
    (message,) = received.messages
    assert message["to"] == "ann@shop.example,ben@shop.example"
    assert "Subject: PHANTOM: detection rate needs a look" in message["text"]
    assert "The share of agents moved from 20 % to 30 %." in message["text"]


def test_a_refusal_is_one_sentence_without_the_token_in_the_address() -> None:
    with webhook() as received:
        received.is_down = True
        with pytest.raises(
            UnavailableError, match="did not accept an alert: it answered 503"
        ) as refusal:
            Webhook(f"{received.address}?token=secret").send(NOTICE)
    assert "secret" not in str(refusal.value)


def test_a_mail_server_that_is_gone_is_one_sentence() -> None:
    with mailbox() as received:
        pass
    with pytest.raises(UnavailableError, match="The mail server did not accept an alert"):
        Mail(received.address, "a@b.example", ("c@d.example",)).send(NOTICE)


def test_channels_follow_the_settings() -> None:
    assert [channel.name for channel in channels_of(Settings())] == ["log"]
    everything = Settings(
        alerts=AlertSettings(
            webhook="https://chat.example/x",
            smtp="smtps://mail.example",
            recipients=("a@b.example",),
        )
    )
    assert [channel.name for channel in channels_of(everything)] == ["log", "webhook", "mail"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"webhook": "file:///etc/passwd"}, "not an http address"),
        ({"smtp": "mail.example", "recipients": ("a@b.example",)}, "not the URL of a mail server"),
        ({"smtp": "smtp://mail.example"}, "no recipient"),
    ],
)
def test_channels_that_cannot_be_used_are_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        channels_of(Settings(alerts=AlertSettings.model_validate(wrong)))
