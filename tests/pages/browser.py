"""A running app and a real browser, for tests that need both."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

APP = Path(__file__).parents[2] / "app.py"
CHROMIUM = (
    os.environ.get("PHANTOM_CHROMIUM")
    or shutil.which("chromium")
    or shutil.which("chromium-browser")
    or ""
)
START_WITHIN_S = 60.0
# No function in the page: its policy of content lets nothing be evaluated there.
_STILL = "[data-testid=stApp][data-test-script-state=notRunning]"


@contextmanager
def served(
    workspace: Path,
    *,
    port: int = 0,
    base: str = "",
    arguments: tuple[str, ...] = (),
    **environment: str,
) -> Iterator[str]:
    """The app on a free port of this machine, in a process of its own that starts in another
    folder; yields its address.

    Args:
        workspace: of the app; its log is written there.
        port: 0 takes a free one.
        base: path below which it is served.
        arguments: more options of Streamlit.
        environment: more variables.
    """
    port = port or free_port()
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(APP),
        "--server.port",
        str(port),
        "--server.address",
        "127.0.0.1",
    ]
    command += ["--server.headless", "true", "--server.fileWatcherType", "none"]
    command += ["--server.baseUrlPath", base.strip("/")] if base else []
    command += arguments
    workspace.mkdir(parents=True, exist_ok=True)
    with (workspace / "server.log").open("wb") as log:
        env = {**os.environ, "PHANTOM_WORKSPACE": str(workspace), **environment}
        process = subprocess.Popen(
            command, cwd=workspace, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        wait_for(f"http://127.0.0.1:{port}{base}/_stcore/health", process, workspace / "server.log")
        yield f"http://127.0.0.1:{port}{base}"
    finally:
        process.terminate()
        process.wait(timeout=20)


@contextmanager
def browser_page() -> Iterator[Page]:
    """A page of a browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.set_default_timeout(30_000)
        yield page
        browser.close()


def settle(page: Page) -> None:
    """Wait until the app has drawn what it will draw."""
    page.wait_for_selector(_STILL)
    page.wait_for_timeout(150)
    page.wait_for_selector(_STILL)


def free_port() -> int:
    """A port on which no process listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until a server answers."""
    deadline_s = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline_s:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(f"The app did not start: {log.read_text()}")
