"""The whole life of change requests, held against a model that knows only the rules of the game."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from phantom_core.accounts.people import insert_account
from phantom_core.accounts.roles import Role
from phantom_core.approvals import releases, requests
from phantom_core.approvals.change_request import Proposal
from phantom_core.approvals.ramp import RampStep, ramp_text
from phantom_core.approvals.releases import Switch
from phantom_core.approvals.states import EDITABLE, OPEN, STATES, STEPS
from phantom_core.approvals.tables import REQUESTS
from phantom_core.core.errors import PhantomError
from phantom_core.core.limits import GuardRails
from phantom_core.database import audit
from phantom_core.database.connection import open_database, write_transaction
from tests.databases import HAS_POSTGRES, fresh_schema

pytestmark = pytest.mark.slow

PEOPLE = {
    "ana": Role.ANALYST,
    "max": Role.MANAGER,
    "mia": Role.MANAGER,
    "vic": Role.VIEWER,
    "root": Role.ADMINISTRATOR,
}
LOGINS = st.sampled_from(list(PEOPLE))
MANAGERS = ("max", "mia")
PROPOSERS = ("ana", "max", "mia")


class Life(RuleBasedStateMachine):
    """Arbitrary actions in any order, compared with a model of what is allowed."""

    url = ""
    made = Bundle("made")

    def __init__(self) -> None:
        super().__init__()
        self.engine = open_database(self.url, Path(tempfile.mkdtemp()))
        with write_transaction(self.engine) as connection:
            for table in ("change_requests", "decisions", "releases", "audit", "people"):
                empty(connection, table)
        with write_transaction(self.engine) as connection:
            for login, role in PEOPLE.items():
                insert_account(
                    connection,
                    login,
                    name=login,
                    role=role,
                    origin="local",
                    password="",
                    must_change=False,
                    now_ms=0,
                )
        self.model: dict[int, dict[str, Any]] = {}
        self.live: tuple[int, float, int] | None = None  # request, share, what stands beside it
        self.clock = 1

    def teardown(self) -> None:
        self.engine.dispose()

    def ask(self, is_legal: bool, act: Any) -> bool:
        """Perform an action, which must succeed exactly where the model allows it."""
        self.clock += 1
        try:
            with write_transaction(self.engine) as connection:
                act(connection)
        except PhantomError:
            assert not is_legal
            return False
        assert is_legal
        return True

    @rule(target=made, who=LOGINS, needed=st.integers(1, 2), share=st.sampled_from([0.1, 1.0]))
    def draft(self, who: str, needed: int, share: float) -> Any:
        number = len(self.model) + 1
        done = self.ask(
            who in PROPOSERS,
            lambda c: requests.create_draft(
                c, who, proposal("a", share), base_version="", needed=needed, now_ms=self.clock
            ),
        )
        if not done:
            return multiple()
        self.model[number] = {
            "state": "draft",
            "author": who,
            "revision": 1,
            "needed": needed,
            "said": {},
            "share": share,
            "submitted": 0,
        }
        return number

    @rule(number=made, who=LOGINS, text=st.sampled_from("abc"))
    def edit(self, number: int, who: str, text: str) -> None:
        one = self.model[number]
        is_legal = who == one["author"] and one["state"] in EDITABLE
        changed = proposal(text, one["share"])
        if self.ask(
            is_legal,
            lambda c: requests.edit_draft(
                c, who, number, changed, base_version="", now_ms=self.clock
            ),
        ):
            one |= {"state": "draft", "revision": one["revision"] + 1, "said": {}}

    @rule(number=made, who=LOGINS, stale=st.booleans())
    def submit(self, number: int, who: str, stale: bool) -> None:
        one = self.model[number]
        is_legal = who == one["author"] and one["state"] == "draft" and not stale
        revision = one["revision"] - stale
        if self.ask(
            is_legal,
            lambda c: requests.submit_request(c, who, number, revision, "hash", now_ms=self.clock),
        ):
            one |= {"state": "submitted", "submitted": revision}

    @rule(number=made, who=LOGINS, stale=st.booleans())
    def approve(self, number: int, who: str, stale: bool) -> None:
        one = self.model[number]
        is_legal = (
            who in MANAGERS
            and who != one["author"]
            and one["state"] == "submitted"
            and who not in one["said"]
            and not stale
        )
        revision = one["revision"] - stale
        if self.ask(
            is_legal,
            lambda c: requests.approve_request(c, who, number, revision, "", now_ms=self.clock),
        ):
            one["said"][who] = "approve"
            if len(one["said"]) >= one["needed"]:
                one["state"] = "approved"

    @rule(number=made, who=LOGINS)
    def decline(self, number: int, who: str) -> None:
        one = self.model[number]
        is_legal = who in MANAGERS and one["state"] in OPEN and who not in one["said"]
        if self.ask(
            is_legal,
            lambda c: requests.reject_request(
                c, who, number, one["revision"], "no", now_ms=self.clock
            ),
        ):
            one["said"][who] = "decline"
            one["state"] = "rejected"

    @rule(number=made, works=st.booleans())
    def take_the_natural_next_step(self, number: int, works: bool) -> None:
        """So that walks get far: submit, approve, publish."""
        one = self.model[number]
        if one["state"] == "draft":
            self.submit(number, one["author"], False)
        elif one["state"] == "submitted":
            for who in MANAGERS:
                if who != one["author"] and who not in one["said"]:
                    return self.approve(number, who, False)
        elif one["state"] in ("approved", "scheduled"):
            self.publish(number, "max", works)
            self.promote("mia", works)
        elif one["state"] in ("superseded", "rolled back"):
            self.roll_back(number, "mia", works)
        return None

    @rule(number=made, who=LOGINS)
    def withdraw(self, number: int, who: str) -> None:
        one = self.model[number]
        is_legal = who == one["author"] and "withdrawn" in STEPS[one["state"]]
        if self.ask(
            is_legal, lambda c: requests.withdraw_request(c, who, number, now_ms=self.clock)
        ):
            one["state"] = "withdrawn"

    @rule(number=made, who=LOGINS, later=st.booleans())
    def schedule(self, number: int, who: str, later: bool) -> None:
        one = self.model[number]
        at = self.clock + (1_000_000 if later else -1)
        is_legal = who in MANAGERS and later and one["state"] in ("approved", "scheduled")
        if self.ask(
            is_legal,
            lambda c: requests.schedule_request(c, who, number, at, "UTC", now_ms=self.clock),
        ):
            one["state"] = "scheduled"

    @rule(number=made, who=LOGINS, works=st.booleans())
    def publish(self, number: int, who: str, works: bool) -> None:
        """As the workflow does it: no second version beside a canary."""
        one = self.model[number]
        if one["state"] not in ("approved", "scheduled") or (self.live and self.live[1] < 1):
            return
        beside = self.live[0] if self.live else 0
        share = one["share"]
        switch = Switch(
            "publish",
            number,
            f"v{number}",
            share,
            f"v{beside}" if share < 1 and beside else "",
            False,
            "rules",
        )
        if self.release(who, MANAGERS, switch, works):
            self.take(number, share, beside, "superseded")

    @rule(who=LOGINS, works=st.booleans())
    def promote(self, who: str, works: bool) -> None:
        if not self.live or self.live[1] >= 1:
            return
        number, _, beside = self.live
        if self.release(
            who,
            MANAGERS,
            Switch("share", number, f"v{number}", 1.0, f"v{number}", False, "rules"),
            works,
        ):
            self.take(number, 1.0, beside, "superseded")

    @rule(number=made, who=LOGINS, works=st.booleans())
    def roll_back(self, number: int, who: str, works: bool) -> None:
        """To a version that was live before."""
        one = self.model[number]
        if one["state"] not in ("superseded", "rolled back") or not self.live:
            return
        if self.release(
            who,
            MANAGERS,
            Switch("roll back", number, f"v{number}", 1.0, f"v{number}", False, "rules"),
            works,
        ):
            self.take(number, 1.0, self.live[2], "rolled back")

    def release(self, who: str, allowed: tuple[str, ...], switch: Switch, works: bool) -> bool:
        begun: list[releases.PublishedRelease] = []
        rails = GuardRails(0.7, 1.5)
        if not self.ask(
            who in allowed,
            lambda c: begun.append(
                releases.begin_release(
                    c, who, switch, "why", salt="s", guard_rails=rails, now_ms=self.clock
                )
            ),
        ):
            return False
        # Until this is reconciled, nothing else is published and the request cannot change.
        self.ask(
            False,
            lambda c: releases.begin_release(
                c, "max", switch, "why", salt="s", guard_rails=rails, now_ms=self.clock
            ),
        )
        author = self.model[switch.request_id]["author"]
        edited = proposal("x", 1.0)
        self.ask(
            False,
            lambda c: requests.edit_draft(
                c, author, switch.request_id, edited, base_version="", now_ms=self.clock
            ),
        )
        with write_transaction(self.engine) as connection:
            if works:
                releases.finish_release(connection, begun[0], now_ms=self.clock)
            else:
                releases.fail_release(connection, begun[0], "no server", now_ms=self.clock)
        return works

    def take(self, number: int, share: float, beside: int, left: str) -> None:
        for other in {self.live[0], self.live[2]} - {number, 0} if self.live else set():
            if self.model[other]["state"] == "live" and not (share < 1 and other == beside):
                self.model[other]["state"] = left
        self.model[number]["state"] = "live"
        self.live = (number, share, beside if share < 1 else 0)

    @rule(number=made, state=st.sampled_from(STATES))
    def somebody_writes_into_the_database(self, number: int, state: str) -> None:
        """Even direct SQL can make allowed transitions only, and none to live without approvals."""
        one = self.model[number]
        if state in STEPS[one["state"]] or state == one["state"]:
            return
        with pytest.raises(sa.exc.IntegrityError), self.engine.begin() as connection:
            connection.execute(
                REQUESTS.update().where(REQUESTS.c.request_id == number).values(state=state)
            )

    @invariant()
    def the_engine_agrees_with_the_model(self) -> None:
        with self.engine.connect() as connection:
            for number, one in self.model.items():
                found = requests.find_request(connection, number)
                assert (found.state, found.revision, found.author) == (
                    one["state"],
                    one["revision"],
                    one["author"],
                )
                assert bool(found.evidence) == (one["submitted"] == one["revision"])
            assert audit.verify_audit_chain(connection).holds
            live = [
                one for one in requests.list_requests(connection, ("live",)) if one.live_share >= 1
            ]
            assert len(live) <= 1


def proposal(text: str, share: float) -> Proposal:
    ramp = ramp_text(share, [RampStep(1.0, 1.0)] if share < 1 else [])
    return Proposal(text, f'{{"rules": "{text}"}}', "why", share=share, ramp=ramp)


def empty(connection: sa.Connection, table: str) -> None:
    if connection.dialect.name == "postgresql":
        # As only the database's owner can: constraints refuse it to all others.
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        connection.execute(sa.text(f"TRUNCATE {table}"))


def run(url: str, examples: int) -> None:
    machine = type("LifeHere", (Life,), {"url": url})
    quick = settings(
        max_examples=examples,
        stateful_step_count=50,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=quick)


def test_requests_live_as_the_model_says_on_sqlite() -> None:
    run("", 15)


@HAS_POSTGRES
@pytest.mark.postgres
def test_requests_live_as_the_model_says_on_postgres() -> None:
    with fresh_schema() as url:
        run(url, 6)
