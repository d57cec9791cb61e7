"""The published OpenAPI documents are current, and the services keep to them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import redis
from fastapi import FastAPI

from phantom_core.core.settings import ServiceSettings, Settings
from phantom_core.publishing.publish import publish_release
from phantom_core.services.openapi import FOLDER, openapi_documents
from phantom_core.services.web.guards import OPEN_PATHS
from phantom_core.services.web.service import add_guards
from tests.publishing.samples import KEY, make_live
from tests.services.conftest import Serve
from tests.services.samples import FAST, release
from tests.services.services import served

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", openapi_documents())
def test_a_document_is_current(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == openapi_documents()[name], (
        "Run: python -m phantom_core.services.openapi"
    )


@pytest.mark.parametrize("name", openapi_documents())
def test_a_document_says_which_routes_need_a_key(name: str) -> None:
    document = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    assert "/health" in document["paths"]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            keyed: list[dict[str, list[str]]] = (
                []
                if path in OPEN_PATHS
                else [{scheme: []} for scheme in document["components"]["securitySchemes"]]
            )
            assert operation.get("security", []) == keyed, path


def test_a_key_opens_the_door_in_each_way_that_the_document_names() -> None:
    app = FastAPI()
    add_guards(app, Settings(services=ServiceSettings(api_keys=("secret",))), "test")
    app.get("/held")(lambda: "open")
    with served(app) as client:
        assert client.get("/held").status_code == 401
        document = client.get("/openapi.json").json()
        named = document["paths"]["/held"]["get"]["security"]
        ways = [document["components"]["securitySchemes"][name] for one in named for name in one]
        assert len(ways) == 2
        for way in ways:
            is_header = way["type"] == "apiKey"
            header = (
                {way["name"]: "secret"}
                if is_header
                else {"Authorization": f"{way['scheme']} secret"}
            )
            assert client.get("/held", headers=header).status_code == 200, way


def test_schemathesis_finds_no_500_and_no_answer_that_is_not_documented(
    settings: Settings, client: redis.Redis, serve: Serve, tmp_path: Path
) -> None:
    publish_release(client, KEY, make_live(1, "first"), [release("first", FAST.format(1.2))])
    with serve(settings) as shop:
        checks = (
            "not_a_server_error,status_code_conformance,content_type_conformance,"
            "response_schema_conformance"
        )
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
