"""The published OpenAPI documents are current, and the services keep to them."""

import subprocess
import sys
from pathlib import Path

import pytest
import redis

from phantom_core.core.settings import Settings
from phantom_core.publishing.live import Live
from phantom_core.publishing.publish import publish_release
from phantom_core.services.openapi import FOLDER, openapi_documents
from tests.services.conftest import Serve
from tests.services.samples import FAST, release

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", openapi_documents())
def test_a_document_is_current(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == openapi_documents()[name], (
        "Run: python -m phantom_core.services.openapi"
    )


def test_schemathesis_finds_no_500_and_no_answer_that_is_not_documented(
    settings: Settings, client: redis.Redis, serve: Serve, tmp_path: Path
) -> None:
    publish_release(client, Live(1, "first"), [release("first", FAST.format(1.2))])
    with serve(settings) as shop:
        checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
        command = [
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            f"{shop.base_url}/openapi.json",
            "--checks",
            checks,
        ]
        command += [
            "--max-examples",
            "40",
            "--seed",
            "1",
            "--no-color",
            "--suppress-health-check",
            "all",
        ]
        told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert told.returncode == 0, told.stdout[-4_000:] + told.stderr[-2_000:]
