"""Whatever is sent to the ingest service, its OpenAPI document says what comes back, and it is
never a 500.
"""

import os
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from phantom_core.core.settings import KafkaSettings, ServiceSettings, Settings
from phantom_core.services.ingest.app import ingest_app
from tests.services.services import served

pytestmark = pytest.mark.slow

# More, and for longer: PHANTOM_CONTRACT_EXAMPLES=500.
MOST_EXAMPLES = int(os.environ.get("PHANTOM_CONTRACT_EXAMPLES", "8"))
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Iterator[schemathesis.BaseSchema]:
    app = ingest_app(
        Settings(
            workspace=tmp_path_factory.mktemp("contract"),
            kafka=KafkaSettings(bootstrap=""),
            services=ServiceSettings(api_keys=()),
        )
    )
    with served(app) as client:
        yield schemathesis.openapi.from_url(f"{client.base_url}/openapi.json")


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
def test_every_answer_is_one_the_contract_names(
    contract: schemathesis.BaseSchema, mode: schemathesis.GenerationMode
) -> None:
    operations = [result.ok() for result in contract.get_all_operations()]
    assert len(operations) == 9
    for operation in operations:
        if mode is schemathesis.GenerationMode.NEGATIVE and not (operation.query or operation.body):
            continue  # nothing can be wrong with it

        @settings(
            max_examples=MOST_EXAMPLES,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: schemathesis.Case) -> None:
            case.call_and_validate(checks=CHECKS)

        check()
