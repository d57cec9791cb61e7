"""After quiet hours, what arrives is judged by the time it arrives at."""

import json
from pathlib import Path

import pytest

from phantom_core.core.settings import LoadingSettings, Settings
from phantom_core.lake.lake import open_lake
from phantom_core.messages.topic import EVENTS, Message
from phantom_core.services.worker.micro_batch import MicroBatch
from tests.services.worker.traffic import event

HOUR_MS = 3_600_000
START_MS = 1_772_359_200_000  # second 0 of `event`


@pytest.fixture
def batch(tmp_path: Path) -> MicroBatch:
    settings = Settings(workspace=tmp_path, loading=LoadingSettings(future_tolerance_s=2))
    return MicroBatch(open_lake(settings), settings, "buffer", START_MS)


def message(second: float) -> Message:
    content = json.dumps(event(f"s{second}", second)).encode()
    return Message(EVENTS, "0", round(second), content)


def test_an_event_after_a_quiet_hour_is_not_of_the_future(batch: MicroBatch) -> None:
    [found] = batch.add([message(3_600)], START_MS + HOUR_MS)
    assert found.event.event_ms == START_MS + HOUR_MS
    done = batch.commit(START_MS + HOUR_MS)
    assert (done[EVENTS].accepted, done[EVENTS].refused) == (1, {})


def test_a_second_batch_before_the_commit_is_judged_by_its_own_time(batch: MicroBatch) -> None:
    assert len(batch.add([message(0)], START_MS)) == 1
    assert len(batch.add([message(600)], START_MS + 600_000)) == 1
    assert batch.add([message(1_200)], START_MS + 600_000) == []
    assert batch.commit(START_MS + 600_000)[EVENTS].refused == {"future_timestamp": 1}
