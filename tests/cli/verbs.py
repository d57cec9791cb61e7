"""Verbs of the command line, run in this process on a workspace of their own."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from phantom_core.cli import app

ANALYST, MANAGER = "demo-analyst", "demo-manager"
GENTLE = "IF p_agent > 0.7 THEN markup 1.10 (likely agent)\nELSE markup 1.00\n"
# A ramp whose steps wait for milliseconds.
AT_ONCE = "0.5:0.000001,1:0.000001"
PASSWORD = "correct horse battery"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a verb did.

    Attributes:
        code: of its exit.
        out, err: standard output and standard error.
    """

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON object on standard output."""
        found: dict[str, Any] = json.loads(self.out)
        return found


@dataclass(frozen=True, slots=True)
class Phantom:
    """The command line on one workspace, SQLite and the embedded server, without environment."""

    workspace: Path

    def run(self, *arguments: str, who: str = "", typed: str | None = None, **env: str) -> Ran:
        """Run a verb as written; `typed` is what a person answers to prompts."""
        own = {name: None for name in os.environ if name.startswith("PHANTOM_")} | {
            "PHANTOM_REDIS_URL": "",
            **env,
        }
        given = [*arguments, *(["--as", who] if who else []), "--workspace", str(self.workspace)]
        done = CliRunner().invoke(app, given, env=own, input=typed)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Ran(done.exit_code, done.stdout, done.stderr)

    def json(self, *arguments: str, who: str = "", **env: str) -> dict[str, Any]:
        """What a verb prints with --json; it must succeed."""
        done = self.run(*arguments, "--json", who=who, **env)
        assert done.code == 0, done.err
        return done.document

    def refusal(self, *arguments: str, who: str = "", **env: str) -> str:
        """The error of a verb that fails: the same on both outputs, with exit code 1."""
        done = self.run(*arguments, "--json", who=who, **env)
        assert done.code == 1, done.out
        assert set(done.document) == {"error", "hint"}
        sentence = str(done.document["error"])
        # The terminal may break a line anywhere, also within a path.
        assert "".join(done.err.split()).startswith("✗" + "".join(sentence.split()))
        return sentence

    def state(self) -> dict[str, Any]:
        """Everything that governance verbs change; a sign-in alone is no change."""
        steps = self.json("audit", "list", "--newest", "10000")["entries"]
        assert isinstance(steps, list)
        hashes = [
            one["hash"] for one in steps if one["action"] not in ("signed.in", "sign.in.refused")
        ]
        shown = (
            ("rules", "requests"),
            ("rules", "status"),
            ("limits",),
            ("experiments", "status"),
            ("models",),
        )
        return {"steps": len(hashes), **{" ".join(verb): self.json(*verb) for verb in shown}}
