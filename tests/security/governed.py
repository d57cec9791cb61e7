"""An installation with five accounts, and requests whose evidence is made, not gathered."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from phantom_core.accounts.people import insert_account
from phantom_core.accounts.roles import Role
from phantom_core.approvals import requests
from phantom_core.approvals.change_request import Policy, Request
from phantom_core.approvals.limits import read_price_limits
from phantom_core.approvals.ramp import RampStep
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.database.connection import write_transaction
from phantom_core.rules.text import format_rules, parse_rules
from phantom_core.use_cases.approvals import change_requests
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.valkey.server import stop_embedded
from tests.evidence.samples import evidence

NOW = 1_772_500_000_000
HOUR = 3_600_000
PEOPLE = {
    "ana": Role.ANALYST,
    "max": Role.MANAGER,
    "mia": Role.MANAGER,
    "moe": Role.MANAGER,
    "vera": Role.VIEWER,
    "root": Role.ADMINISTRATOR,
}
GENTLE = "IF item_views > 3 THEN markup 1.10\nELSE markup 1.00"
CHEAPER = "IF item_views > 3 THEN markup 0.95\nELSE markup 1.00"


@contextmanager
def installation(workspace: Path, **more: Any) -> Iterator[Settings]:
    """Settings of an installation with the accounts of PEOPLE, and limits that let all pass."""
    settings = Settings(workspace=workspace, redis_url=more.pop("redis_url", ""), **more)
    engine = control_database(settings)
    with write_transaction(engine) as connection:
        for login, role in PEOPLE.items():
            insert_account(
                connection,
                login,
                name=login,
                role=role,
                origin="local",
                password="",
                must_change=False,
                now_ms=1,
            )
            known = {"role": role.value, "password": audit.fingerprint("")}
            audit.append_entry(connection, 1, "@shell", "person.added", f"person {login}", known)
    yield settings
    if not settings.redis_url:
        stop_embedded(settings)
    engine.dispose()


def submitted(
    settings: Settings,
    author: str = "ana",
    text: str = GENTLE,
    *,
    share: float = 0.1,
    ramp: tuple[RampStep, ...] = (),
    policy: Policy = "rules",
    now_ms: int = NOW,
    **changes: Any,
) -> Request:
    """A submitted request, with evidence that closes no gate but those that `changes` close."""
    rules = parse_rules(text, "rules")
    request = change_requests.propose_rules(
        settings,
        author,
        rules,
        why="Less leakage.",
        share=share,
        ramp=ramp,
        policy=policy,
        now_ms=now_ms,
    )
    return resubmitted(settings, request, now_ms=now_ms, **changes)


def resubmitted(
    settings: Settings, request: Request, *, now_ms: int = NOW, **changes: Any
) -> Request:
    """A draft, submitted with made evidence."""
    rules = change_requests.rules_of(request)
    markups = [*(rule.markup_ratio for rule in rules.rules), rules.otherwise]
    found = evidence()
    assert found.replay.found
    replay = replace(found.replay, found=replace(found.replay.found, moved=()))
    made = replace(
        found,
        **{
            "request_id": request.request_id,
            "revision": request.revision,
            "rules": rules,
            "text": format_rules(rules),
            "policy": request.policy,
            "share": request.share,
            "base_version": request.base_version,
            "lowest_markup": min(markups),
            "highest_markup": max(markups),
            "largest_step": max(abs(one - 1.0) for one in markups),
            "replay": replay,
            "created_ms": now_ms,
            **changes,
        },
    )
    with write_transaction(control_database(settings)) as connection:
        change_requests._freeze(connection, made)
        return requests.submit_request(
            connection,
            request.author,
            request.request_id,
            request.revision,
            made.sha256,
            now_ms=now_ms,
            needed=read_price_limits(settings, connection).approvals_needed,
        )


def approved(settings: Settings, request: Request, who: str = "max", now_ms: int = NOW) -> int:
    """Approve a request; returns its number."""
    change_requests.approve_request(
        settings, who, request.request_id, request.revision, now_ms=now_ms
    )
    return request.request_id
