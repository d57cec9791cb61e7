"""Dependencies: advisories and licences are checked, and what cannot be checked is said."""

import http.server
import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PathDistribution, distributions
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

pytestmark = pytest.mark.slow

ROOT: Final = Path(__file__).parents[2]
UV: Final = Path(sys.executable).with_name("uv")


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@contextmanager
def _advisories(bad: str) -> Iterator[str]:
    """A server that answers as osv.dev does, with one advisory for one package."""
    advisory = {
        "id": "TEST-1",
        "modified": "2026-01-01T00:00:00Z",
        "published": "2026-01-01T00:00:00Z",
        "summary": "Bad.",
        "affected": [{"package": {"name": bad, "ecosystem": "PyPI"}}],
    }

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
            self._send(
                {
                    "results": [
                        {"vulns": [{"id": "TEST-1", "modified": advisory["modified"]}]}
                        if one["package"]["name"] == bad
                        else {}
                        for one in asked
                    ]
                }
            )

        def do_GET(self) -> None:
            self._send(advisory)

        def _send(self, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _audit(url: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, ROOT / ".ci" / "audit_dependencies.py", UV, "--service-url", url],
        capture_output=True,
        text=True,
        env={**os.environ, "UV_HTTP_RETRIES": "0", "NO_PROXY": "127.0.0.1", **environment},
        check=False,
    )


@pytest.mark.skipif(not UV.exists(), reason="uv is not installed")
@pytest.mark.parametrize(("bad", "code"), [("certifi", 1), ("no-such-package", 0)])
def test_an_advisory_for_a_locked_package_fails_the_build(bad: str, code: int) -> None:
    with _advisories(bad) as url:
        ended = _audit(url)
    assert ended.returncode == code, ended.stderr
    assert ("certifi" in ended.stdout and "TEST-1" in ended.stdout) == bool(code)


@pytest.mark.skipif(not UV.exists(), reason="uv is not installed")
@pytest.mark.parametrize(("required", "code"), [("0", 0), ("1", 3)])
def test_advisories_out_of_reach_are_said_and_never_silently_green(
    required: str, code: int
) -> None:
    ended = _audit("http://127.0.0.1:9", PHANTOM_AUDIT_REQUIRED=required)
    assert ended.returncode == code
    assert "COULD NOT BE CHECKED" in ended.stderr and "advisories for" not in ended.stdout


@pytest.mark.parametrize(
    ("metadata", "is_fine"),
    [
        ("License-Expression: MIT", True),
        ("License-Expression: LGPL-3.0-only", True),
        ("License-Expression: GPL-3.0-or-later", False),
        ("License-Expression: MIT OR GPL-2.0-only", True),
        ("License: AGPLv3+", False),
        ("Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)", False),
        ("License: SSPL", False),
        ("Summary: says nothing", False),
    ],
)
def test_licences_that_bind_the_product_are_refused(
    metadata: str, is_fine: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "some-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.4\nName: some\nVersion: 1\n{metadata}\n")
    licences = _module("licences")
    found = licences.licence_of(PathDistribution(folder))
    assert found.is_fine is is_fine
    assert licences.report([found]) == (0 if is_fine else 1)


def test_the_installed_packages_may_be_shipped() -> None:
    licences = _module("licences")
    found = [licences.licence_of(package) for package in distributions()]
    assert [one for one in found if not one.is_fine] == []


def test_the_build_runs_both() -> None:
    steps = (ROOT / ".ci" / "run").read_text()
    assert "audit_dependencies.py" in steps and "licences.py" in steps
