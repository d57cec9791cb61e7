"""Names that scripts, links and servers rely on are listed; a rename changes `names.txt`."""

import ast
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import pytest
import redis
import streamlit
import typer
from streamlit.navigation.page import Page
from streamlit.testing.v1 import AppTest
from typer.core import TyperCommand, TyperGroup

from phantom_core.cli import app
from phantom_core.core.settings import Settings, setting_groups, variable_name
from phantom_core.model_kinds.model_kind import MODEL_KINDS
from phantom_core.publishing import names
from phantom_core.publishing.experiments import (
    LiveArm,
    LiveExperiment,
    LiveExperiments,
    publish_experiments,
)
from phantom_core.publishing.figures import Figures, publish_elasticities, publish_prices
from phantom_core.publishing.models import publish_model
from phantom_core.publishing.publish import publish_release
from phantom_core.publishing.reading import as_text
from phantom_core.publishing.session_features import PublishedFeatures, write_features
from phantom_core.publishing.session_prices import write_session_prices
from phantom_core.publishing.statement import Statement, publish_statement
from phantom_core.services.openapi import openapi_documents
from phantom_core.valkey.server import connect_server, stop_embedded
from tests.contracts.names import FILE, listed
from tests.contracts.query_keys import query_keys
from tests.publishing.samples import FIRST, KEY, LIVE_FIRST, SavedModel

ROOT: Final = Path(__file__).parents[2]
KINDS: Final = ("cli", "env", "http", "json", "page", "redis")


def test_the_list_is_sorted_and_has_every_kind() -> None:
    lines = FILE.read_text(encoding="utf-8").splitlines()
    assert lines == sorted(set(lines))
    assert {line.split()[0] for line in lines} == set(KINDS)


def test_every_verb_option_and_argument_is_listed() -> None:
    assert sorted(verbs(typer.main.get_command(app))) == listed("cli")


def test_every_variable_is_listed() -> None:
    groups = setting_groups()
    own = {
        variable_name(group, name)
        for group in groups.values()
        for name in group.model_fields
        if name not in groups
    }
    assert sorted(own | set(variables())) == listed("env")


def test_every_route_is_listed() -> None:
    found = [
        line
        for name, text in openapi_documents().items()
        for line in routes(name.removesuffix(".json"), json.loads(text))
    ]
    assert sorted(found) == listed("http")


def test_every_page_and_query_key_is_listed(
    components: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PHANTOM_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("PHANTOM_WATCH_EVERY_S", "0")
    shown: list[str] = []

    def navigation(pages: Mapping[str, Sequence[Page]], position: Literal["top"]) -> Page:
        shown.extend(f"/{page.url_path}" for group in pages.values() for page in group)
        return draw(pages, position=position)

    draw = streamlit.navigation
    monkeypatch.setattr(streamlit, "navigation", navigation)
    app_test = AppTest.from_file(str(ROOT / "main.py"), default_timeout=60).run()
    assert not app_test.exception
    assert sorted({*shown, *(f"?{key}" for key in query_keys())}) == listed("page")


def test_every_key_of_the_server_is_listed(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path, redis_url="")
    with connect_server(settings) as client:
        publish_everything(client)
        found = [*keys(client), f"channel {names.CHANNEL}"]
    stop_embedded(settings)
    assert sorted(found) == listed("redis")


def verbs(command: object, path: tuple[str, ...] = ()) -> Iterator[str]:
    """A verb a line, and each of its arguments and options."""
    if isinstance(command, TyperGroup):
        for name, inner in command.commands.items():
            yield from verbs(inner, (*path, name))
    elif isinstance(command, TyperCommand):
        verb = " ".join(path)
        yield verb
        for parameter in command.params:
            is_option = parameter.param_type_name == "option"
            names = (
                (*parameter.opts, *parameter.secondary_opts)
                if is_option
                else (str(parameter.name).upper(),)
            )
            yield from (f"{verb} {name}" for name in names)


def variables() -> Iterator[str]:
    """PHANTOM_* variables that code names."""
    for path in (
        path for room in ("phantom_core", "ui", "pages") for path in (ROOT / room).rglob("*.py")
    ):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from re.findall(r"\bPHANTOM_[A-Z_]*[A-Z]\b(?!_)", node.value)


def routes(
    service: str, document: dict[str, dict[str, dict[str, dict[str, object]]]]
) -> Iterator[str]:
    """A route a line, and each of its parameters."""
    for path, methods in document["paths"].items():
        for method, what in methods.items():
            route = f"{service} {method.upper()} {path}"
            yield route
            given = what.get("parameters", [])
            assert isinstance(given, list)
            yield from (f"{route} {one['in']} {one['name']}" for one in given)


def publish_everything(client: redis.Redis) -> None:
    """One of each kind that servers read."""
    publish_release(client, KEY, LIVE_FIRST, [FIRST])
    for kind in MODEL_KINDS.names():
        publish_model(client, KEY, kind, SavedModel("v1"), now_ms=1)
    publish_prices(client, KEY, Figures("p-1", 1, {"item": 9.5}))
    publish_elasticities(client, KEY, Figures("e-1", 1, {"item": -2.0}))
    arms = (LiveArm("control", 0.5, "live"), LiveArm("none", 0.5, ""))
    publish_experiments(client, KEY, LiveExperiments(1, (LiveExperiment("x1", "salt", arms),)))
    write_features(client, [PublishedFeatures("s1", 1, 1, 1, "hotel", {"item_views": 1})])
    publish_statement(client, KEY, Statement(1, {}))
    write_session_prices(client, KEY, "s1", {"item": 9.5}, now_ms=time.time_ns() // 1_000_000)


def keys(client: redis.Redis) -> Iterator[str]:
    """Keys that stand in a server, with fields where they are hashes."""
    for key in client.scan_iter():
        name, kind = as_text(key), as_text(client.type(key))
        yield f"{kind} {name}"
        if kind == "hash":
            yield from (f"hash {name} {as_text(field)}" for field in client.hkeys(key))
