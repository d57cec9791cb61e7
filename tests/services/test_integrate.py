"""The examples of the page "Integrate a shop" run against the services as they are."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from phantom_core.core.settings import ServiceSettings, Settings
from phantom_core.messages.local import last_messages, open_inbox
from phantom_core.messages.topic import EVENTS
from phantom_core.services.ingest.app import ingest_app
from tests.services.conftest import Serve
from tests.services.services import served

PAGE = Path("docs/integrate.md")
PROGRAMS = {"python": [sys.executable], "js": ["node"], "php": ["php"]}


def example(language: str) -> str:
    [found] = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return str(found)


@pytest.mark.parametrize("language", PROGRAMS)
def test_an_example_sends_an_event_and_shows_a_price(
    settings: Settings, client: redis.Redis, serve: Serve, tmp_path: Path, language: str
) -> None:
    program = PROGRAMS[language]
    if shutil.which(program[0]) is None:
        pytest.skip(f"{program[0]} is not installed")
    services = ServiceSettings(event_keys=("events",), price_keys=("prices",))
    inbox = Settings(workspace=tmp_path, services=services)
    (file := tmp_path / "example").write_text(example(language), encoding="utf-8")
    with (
        served(ingest_app(inbox)) as ingest,
        serve(settings.model_copy(update={"services": services})) as pricing,
    ):
        told = subprocess.run(
            [*program, str(file)],
            env={
                **os.environ,
                "INGEST_URL": str(ingest.base_url).rstrip("/"),
                "PRICING_URL": str(pricing.base_url).rstrip("/"),
                "EVENT_KEY": "events",
                "PRICE_KEY": "prices",
            },
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
    assert told.stdout.split()[0].lower() == "true", told.stderr
    assert float(told.stdout.split()[1]) == 100.0
    if language != "php":
        assert told.stdout.split()[2] in ("None", "null")  # castle is not sold
    [event] = [json.loads(one) for one in last_messages(open_inbox(tmp_path), EVENTS, 10)]
    assert (event["eventName"], event["metadata"]["price"]) == ("view_item_page", 100.0)
