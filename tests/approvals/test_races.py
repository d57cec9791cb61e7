"""Twenty concurrent users."""

import random
import threading
from collections import Counter
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from phantom_core.accounts.people import insert_account
from phantom_core.accounts.roles import Role
from phantom_core.approvals import requests
from phantom_core.approvals.change_request import Proposal
from phantom_core.approvals.tables import DECISIONS
from phantom_core.core.errors import PhantomError
from phantom_core.database import audit
from phantom_core.database.connection import write_transaction

pytestmark = pytest.mark.slow

N = 20


@pytest.fixture
def submitted(engine: sa.Engine) -> sa.Engine:
    with write_transaction(engine) as connection:
        for n in range(N):
            insert_account(
                connection,
                f"m{n}",
                name="",
                role=Role.MANAGER,
                origin="local",
                password="",
                must_change=False,
                now_ms=0,
            )
        requests.create_draft(
            connection,
            "demo-analyst",
            Proposal("a", "{}", "why"),
            base_version="",
            needed=2,
            now_ms=1,
        )
        requests.submit_request(connection, "demo-analyst", 1, 1, "hash", now_ms=1)
    return engine


def at_once(engine: sa.Engine, acts: list[Callable[[sa.Connection], object]]) -> Counter[str]:
    """Whether each act was done, all begun together."""
    start, outcomes = threading.Barrier(len(acts)), Counter[str]()

    def click(act: Callable[[sa.Connection], object]) -> None:
        start.wait()
        try:
            with write_transaction(engine) as connection:
                act(connection)
            outcomes["done"] += 1
        except PhantomError:
            outcomes["refused"] += 1

    threads = [threading.Thread(target=click, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_twenty_approvals_at_once_are_two(submitted: sa.Engine) -> None:
    outcomes = at_once(
        submitted,
        [lambda c, n=n: requests.approve_request(c, f"m{n}", 1, 1, "", now_ms=2) for n in range(N)],
    )
    assert outcomes == {"done": 2, "refused": N - 2}
    with submitted.connect() as connection:
        assert requests.find_request(connection, 1).state == "approved"
        assert connection.execute(sa.select(sa.func.count()).select_from(DECISIONS)).scalar() == 2
        assert audit.verify_audit_chain(connection).holds


def test_approving_and_editing_at_once_has_one_legal_outcome(submitted: sa.Engine) -> None:
    edited = Proposal("b", '{"b": 1}', "why")
    acts: list[Callable[[sa.Connection], object]] = [
        lambda c, n=n: requests.approve_request(c, f"m{n}", 1, 1, "", now_ms=2)
        for n in range(N // 2)
    ]
    acts += [
        lambda c: requests.edit_draft(c, "demo-analyst", 1, edited, base_version="", now_ms=2)
    ] * (N // 2)
    random.Random(1).shuffle(acts)
    outcomes = at_once(submitted, acts)
    with submitted.connect() as connection:
        found = requests.find_request(connection, 1)
        # Every edit went through; approvals only before the first of them, and none of them counts
        # any more.
        assert (found.state, found.revision, found.name) == ("draft", 1 + N // 2, "b")
        assert N // 2 <= outcomes["done"] <= N // 2 + 2
        assert not [
            one for one in requests.decisions_of(connection, 1) if one.revision == found.revision
        ]
        assert audit.verify_audit_chain(connection).holds
