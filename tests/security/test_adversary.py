"""An adversary mixes what every account may do with writes below the application.

They call as any account, run with an environment of their own, and write to the server, to files
and to the control database. Each change has a mark-up of its own, so that an answered price tells
which change it comes from. In every state, a price comes from a change that two people approved,
or health, the watcher or the audit chain say that something is wrong.

PHANTOM_TEST_ADVERSARY_EXAMPLES says how many histories of up to 50 steps are tried.
"""

import asyncio
import os
import random
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from phantom_core.accounts.account_actors import Account
from phantom_core.accounts.actors import Internal, acting_as
from phantom_core.core.errors import PhantomError
from phantom_core.core.settings import LimitSettings
from phantom_core.publishing.live import Live
from phantom_core.publishing.signed import sign_document
from phantom_core.rules.text import parse_rules
from phantom_core.services.pricing.service import Pricing
from phantom_core.signing.keys import SigningKey, rotate_key
from phantom_core.use_cases.approvals.change_requests import (
    approve_request,
    control_database,
    propose_rules,
    withdraw_request,
)
from phantom_core.use_cases.approvals.publish_rules import (
    kill_live_rules,
    lift_kill_switch,
    publish_request,
    roll_back,
    set_share,
)
from phantom_core.use_cases.approvals.watch_server import watch_once
from phantom_core.use_cases.audit.verify_audit import verify_audit
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.valkey.server import connect_server
from tests.security.governed import PEOPLE, installation, resubmitted, submitted

pytestmark = pytest.mark.slow

N_EXAMPLES: Final = int(os.environ.get("PHANTOM_TEST_ADVERSARY_EXAMPLES", "6"))
N_REQUESTS: Final = 4
ROOM: Final = "room-1"
BASE: Final = 100.0
FORGED: Final = 1.45
SESSIONS: Final = tuple(f"session-{n}" for n in range(12))
LOGINS: Final = st.sampled_from(sorted(PEOPLE))
NUMBERS: Final = st.integers(1, N_REQUESTS)
VALUES: Final = st.sampled_from(
    (
        "approved",
        "live",
        "done",
        "draft",
        "max",
        "ana",
        "administrator",
        "pricing manager",
        "",
        0,
        1,
        9,
    )
)
# Statements of an adversary who knows the schema, each tried as it is and with the triggers gone.
STATEMENTS: Final = (
    "UPDATE change_requests SET state = 'approved', needed = 0",
    "UPDATE change_requests SET rules = replace(rules, '1.0', '1.45')",
    "UPDATE change_requests SET share = 1.0, author = 'vera'",
    "INSERT OR REPLACE INTO decisions SELECT request_id, revision, 'vera', 'approve', '', 1, '' "
    "FROM change_requests",
    "INSERT OR REPLACE INTO decisions SELECT request_id, revision, 'mia', 'approve', '', 1, '' "
    "FROM change_requests",
    "UPDATE release_documents SET document = replace(document, '1.0', '1.45')",
    "UPDATE releases SET share = 1.0, highest_markup = 10.0",
    "UPDATE limits SET value = 10",
    "DELETE FROM limits",
    "DELETE FROM audit WHERE seq > 5",
    "UPDATE audit SET who = 'max'",
    "UPDATE people SET role = 'pricing manager'",
    "DELETE FROM decisions",
)


class Adversary(RuleBasedStateMachine):
    """One installation with its pricing service, under attack."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self.clock_ms = time.time_ns() // 1_000_000
        self.shop = self._stack.enter_context(installation(folder / "shop"))
        self._load(BASE)
        self.approved: set[int] = set()
        self.has_forged = False
        assert verify_audit(self.shop).problems == ()
        self._old: dict[str, bytes] = {}
        for n in range(N_REQUESTS):
            self._submit(n + 1)
        with connect_server(self.shop) as client:
            client.ping()
        self._loop = asyncio.new_event_loop()
        self._pricing = Pricing(self.shop)
        self._loop.run_until_complete(self._pricing.start())

    def teardown(self) -> None:
        """Stop the service and the server."""
        self._loop.run_until_complete(self._pricing.stop())
        self._loop.close()
        self._stack.close()

    # What accounts may do, or try.

    @rule(number=NUMBERS, login=LOGINS)
    def approve(self, number: int, login: str) -> None:
        """Approve a request as anybody."""
        revision = self._revision(number)
        if self._tried(
            login,
            lambda: approve_request(self.shop, login, number, revision, now_ms=self.clock_ms),
        ):
            assert PEOPLE[login].value == "pricing manager" and login != "ana"
            if not self.has_forged:
                self.approved.add(number)

    @rule(number=NUMBERS, login=LOGINS, emergency=st.sampled_from(("", "Prices fell over night.")))
    def publish(self, number: int, login: str, emergency: str) -> None:
        """Publish, also in an emergency, with an environment that lifts every limit."""
        everything = LimitSettings(
            highest_markup=10,
            largest_step=100,
            human_premium_cap=100,
            first_markup=10,
            first_share=1,
        )
        lifted = self.shop.model_copy(update={"limits": everything})
        done = self._tried(
            login,
            lambda: publish_request(
                lifted, login, number, now_ms=self.clock_ms, emergency=emergency
            ),
        )
        if done and emergency:
            # One person alone lowers prices; every mark-up below 1 is that of an emergency.
            self.approved.add(number)

    @rule(login=LOGINS, share=st.sampled_from((0.05, 0.5, 1.0)))
    def widen(self, login: str, share: float) -> None:
        """Change the rollout."""
        self._tried(
            login, lambda: set_share(self.shop, login, share, why="More.", now_ms=self.clock_ms)
        )

    @rule(login=LOGINS)
    def back(self, login: str) -> None:
        """Roll back."""
        self._tried(login, lambda: roll_back(self.shop, login, why="Back.", now_ms=self.clock_ms))

    @rule(login=LOGINS, is_on=st.booleans())
    def kill(self, login: str, is_on: bool) -> None:
        """Turn the kill switch on or off."""
        act = kill_live_rules if is_on else lift_kill_switch
        self._tried(login, lambda: act(self.shop, login, why="Look.", now_ms=self.clock_ms))

    @rule(number=NUMBERS)
    def edit(self, number: int) -> None:
        """Edit a request to a forged mark-up after it was approved, and submit it again."""
        text = f"ELSE markup {FORGED}"

        def again() -> None:
            request = propose_rules(
                self.shop,
                "ana",
                parse_rules(text, "rules"),
                why="Changed.",
                share=0.1,
                now_ms=self.clock_ms,
                request_id=number,
            )
            resubmitted(self.shop, request, now_ms=self.clock_ms)

        if self._tried("ana", again):
            self.approved.discard(number)

    @rule(number=NUMBERS)
    def withdraw(self, number: int) -> None:
        """Withdraw a request."""
        self._tried("ana", lambda: withdraw_request(self.shop, "ana", number, now_ms=self.clock_ms))

    @rule(price=st.sampled_from((0.05, 99_999.0, 101.0, 0.0)))
    def load_catalogue(self, price: float) -> None:
        """Load a catalogue as an analyst."""
        with suppress(PhantomError), acting_as(Account("ana"), self.shop):
            self._load(price)

    @rule()
    def rotate(self) -> None:
        """Rotate the signing key."""
        rotate_key(self.shop)

    # What is written below the application.

    @rule(draw=st.randoms(use_true_random=False))
    def write_server(self, draw: random.Random) -> None:
        """Write, move, copy or delete keys of the server, with a key of one's own."""
        with connect_server(self.shop) as client:
            keys = sorted(key.decode() for key in client.keys("*"))  # type: ignore[union-attr]
            for key in keys:
                if client.type(key) == b"string":
                    self._old.setdefault(key, client.get(key))  # type: ignore[arg-type]
            action = draw.choice(("delete", "junk", "old", "forge", "rename", "price", "flush"))
            chosen = draw.choice(keys) if keys else "rules:live"
            if action == "delete":
                client.delete(chosen)
            elif action == "junk":
                client.set(chosen, draw.choice((b"", b"[" * 9_999, b"\xff\x00", b"{}", b"null")))
            elif action == "old" and self._old:
                key = draw.choice(sorted(self._old))
                client.set(draw.choice((key, chosen)), self._old[key])
            elif action == "forge":
                client.set("rules:live", self._forged_live(client.get("rules:live")))  # type: ignore[arg-type]
            elif action == "rename" and keys:
                client.rename(chosen, draw.choice((*keys, "prices:latest", "experiments:live")))
            elif action == "price":
                client.hset(f"session:{SESSIONS[0]}:prices", ROOM, str(BASE * FORGED))
            elif action == "flush":
                client.flushall()
            client.publish("phantom:announcements", b"rules")

    @rule(statement=st.sampled_from(STATEMENTS), is_free=st.booleans())
    def write_database(self, statement: str, is_free: bool) -> None:
        """Change the control database, with its triggers or without."""
        with suppress(sa.exc.SQLAlchemyError), control_database(self.shop).begin() as connection:
            if is_free:
                triggers = sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
                for name in connection.execute(triggers).scalars().all():
                    connection.execute(sa.text(f'DROP TRIGGER "{name}"'))
            connection.execute(sa.text(statement))
            self.has_forged = True

    @rule()
    def forge_files(self) -> None:
        """Overwrite what the pricing service has stored for its next start."""
        for path in self.shop.paths.followed.glob("*"):
            if path.is_file():
                path.write_bytes(path.read_bytes().replace(b"1.0", b"1.45"))

    @rule()
    def watch(self) -> None:
        """Let the watcher look."""
        self.clock_ms += 5_000
        with suppress(PhantomError), acting_as(Internal.WATCHER):
            watch_once(self.shop, now_ms=self.clock_ms)

    @invariant()
    def every_price_is_approved_or_said_to_be_wrong(self) -> None:
        """Compare answered prices with what two people approved.

        Writes to the server and to files alone move no price for a moment; where the
        control database was written to, at most until the watcher has looked.
        """
        if found := self._unapproved():
            assert self.has_forged, (found, self.approved)
            self.watch()
            if self._unapproved():
                assert self._is_said(), (self._unapproved(), self.approved)

    def _unapproved(self) -> list[float]:
        """Answered mark-ups that no approved change has, and prices outside the bounds."""
        with suppress(PhantomError):
            self._pricing._refresh.reload()
        allowed = {1.0} | {_markup(number) for number in self.approved}
        found = []
        for session in SESSIONS:
            answer = self._loop.run_until_complete(
                self._pricing.price("hotel", ROOM, session, None)
            )
            base, price = float(str(answer["base_price"])), float(str(answer["price"]))
            if round(price / base, 4) not in allowed or not 0.7 * BASE <= base <= 1.3 * BASE:
                found.append(round(price / base, 4))
        return found

    def _is_said(self) -> bool:
        if self._pricing.health().status != "healthy":
            return True
        with acting_as(Internal.WATCHER):
            return bool(verify_audit(self.shop).problems)

    def _tried(self, login: str, act: Callable[[], object]) -> bool:
        """Whether an account could do it."""
        self.clock_ms += 1_000
        try:
            with acting_as(Account(login), self.shop):
                act()
        except (PhantomError, sa.exc.SQLAlchemyError):
            return False
        return True

    def _submit(self, number: int) -> None:
        text = f"ELSE markup {_markup(number)}"
        found = submitted(self.shop, "ana", text, share=0.1, now_ms=self.clock_ms)
        assert found.request_id == number

    def _revision(self, number: int) -> int:
        query = sa.text("SELECT revision FROM change_requests WHERE request_id = :number")
        with control_database(self.shop).connect() as connection:
            return int(connection.execute(query, {"number": number}).scalar() or 1)

    def _load(self, price: float) -> None:
        path = self.shop.workspace.parent / "catalogue.csv"
        path.write_text(f"product_id,base_price\n{ROOM},{price}\n")
        ingest_files(self.shop, [], now_ms=self.clock_ms, catalogue=str(path))

    def _forged_live(self, now: bytes | None) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        forged = Live(10**6, "", lowest_markup=0.1, highest_markup=10.0).to_bytes()
        content = now.replace(b"1.0", b"1.45") if now else forged
        return sign_document(SigningKey(Ed25519PrivateKey.generate()), "phantom-live/1", content)


def _markup(number: int) -> float:
    """The mark-up of a request, which no other one has; those of even ones lower prices."""
    return round(1 + number / 100 * (1 if number % 2 else -1), 4)


TestAdversary = Adversary.TestCase
TestAdversary.settings = settings(
    max_examples=N_EXAMPLES,
    stateful_step_count=50 if N_EXAMPLES > 20 else 25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
