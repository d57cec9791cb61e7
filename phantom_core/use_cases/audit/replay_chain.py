"""Replay the audit chain: what the entries say must be what the tables hold.

The chain shows what was done through PHANTOM. A row that no entry explains, or an entry that no row
shows, was made or removed with SQL. Entries of earlier releases say less; what they do not say is
not compared.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

import sqlalchemy as sa

from phantom_core.accounts.people import DEMO, PEOPLE, name_fingerprint
from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.accounts.sign_in import SIGN_INS
from phantom_core.approvals.change_request import Request
from phantom_core.approvals.emergencies import EMERGENCIES, REVIEWS
from phantom_core.approvals.governed_tables import CHANGES, GOVERNED_DECISIONS
from phantom_core.approvals.limits import LIMIT_LISTS, LIMITS
from phantom_core.approvals.price_experiments import EXPERIMENTS, plan_of_row
from phantom_core.approvals.requests import content_fingerprint
from phantom_core.approvals.tables import DECISIONS, DOCUMENTS, EVIDENCE, RELEASES, REQUESTS
from phantom_core.database.audit import AuditEntry, fingerprint
from phantom_core.use_cases.audit.chain_step import Step, read_step
from phantom_core.use_cases.audit.request_states import states_in_chain

_VERDICTS: Final = {
    "request.approved": "approve",
    "request.emergency_confirmed": "confirm",
    "request.rejected": "decline",
}
_PUBLISHED: Final = ("approved", "scheduled", "live")
_CHANGE_STATES: Final = {
    "change.in_force": "approved",
    "change.rejected": "rejected",
    "change.withdrawn": "withdrawn",
    "change.superseded": "superseded",
}
_ENDED: Final = {"release.done": "done", "release.failed": "failed"}


Comparison = Callable[[sa.Connection, Sequence[Step]], Iterator[str]]


@requires(Permission.READ)
def compare_tables(connection: sa.Connection, entries: Sequence[AuditEntry]) -> tuple[str, ...]:
    """Differences between the chain and the tables, one sentence each.

    Args:
        connection: any.
        entries: the whole chain, whose hashes were verified.
    """
    steps = [read_step(entry) for entry in entries]
    return tuple(problem for compare in _COMPARISONS for problem in compare(connection, steps))


@needs_no_permission
def time_reversals(entries: Sequence[AuditEntry]) -> tuple[str, ...]:
    """Entries that are dated before their predecessor, one sentence each.

    Several machines with clocks of their own may cause a few of milliseconds.
    """
    found = [
        (after.seq, before.at_ms - read_step(after).at_ms) for before, after in pairwise(entries)
    ]
    return tuple(
        f"When entry {seq} was written, the clock was {behind_ms / 1_000:,.1f} s behind entry "
        f"{seq - 1}: it was set back, or one of several machines has a wrong clock."
        for seq, behind_ms in found
        if behind_ms > 0
    )


def _decisions(connection: sa.Connection, steps: Sequence[Step]) -> Iterator[str]:
    said = {
        (step.number, step.details.get("revision"), step.entry.who): (
            _VERDICTS[step.entry.action],
            step.details.get("comment"),
            step.at_ms,
        )
        for step in steps
        if step.entry.action in _VERDICTS
    }
    for row in connection.execute(DECISIONS.select()).mappings():
        key = (row["request_id"], row["revision"], row["who"])
        found = (row["verdict"], row["comment"], row["at_ms"])
        what = f"The decision of {row['who']} on request {row['request_id']}"
        if key not in said:
            yield f"{what} stands in the database, but in no audit entry: it was added with SQL."
        elif said.pop(key) != found:
            yield f"{what} is not the one of its audit entry: it was changed with SQL."
    for request_id, _, who in said:
        yield f"The decision of {who} on request {request_id} was removed from the database."


def _requests(connection: sa.Connection, steps: Sequence[Step]) -> Iterator[str]:
    approved: dict[tuple[int, int], str] = {}
    evidence: dict[tuple[int, int], str] = {}
    drafted = {
        step.number: step.entry.who for step in steps if step.entry.action.endswith("drafted")
    }
    for step in steps:
        key = (step.number, int(step.details.get("revision") or 0))
        if step.entry.action == "request.approved" and "content" in step.details:
            approved[key] = step.details["content"]
        if step.entry.action == "request.submitted":
            evidence[key] = step.details.get("evidence", "")
    for row in connection.execute(REQUESTS.select()).mappings():
        request = Request(**{name: row[name] for name in Request.__slots__})
        key = (request.request_id, request.revision)
        what = f"Request {request.request_id}"
        author = drafted.get(request.request_id)
        if author is None:
            yield f"{what} stands in the database, but in no audit entry: it was added with SQL."
        elif author != request.author:
            yield f"{what} is {author}'s in the audit chain, not {request.author}'s."
        if request.evidence and evidence.get(key) != request.evidence:
            yield f"{what} has other evidence than was submitted: it was changed with SQL."
        if request.state in _PUBLISHED and approved.get(key, "") not in (
            "",
            content_fingerprint(request),
        ):
            yield f"{what} is not what was approved: its row was changed with SQL."


def _request_states(connection: sa.Connection, steps: Sequence[Step]) -> Iterator[str]:
    """Requests in another state than their entries left them in."""
    said = states_in_chain(steps)
    query = sa.select(REQUESTS.c.request_id, REQUESTS.c.state).order_by(REQUESTS.c.request_id)
    for request_id, state in connection.execute(query):
        expected = said.get(request_id, state)
        if state != expected:
            yield f"Request {request_id} is {state}, but {expected} in the audit chain."


def _emergencies(connection: sa.Connection, steps: Sequence[Step]) -> Iterator[str]:
    for table, action, what in (
        (EMERGENCIES, "request.glass_broken", "emergency"),
        (REVIEWS, "request.reviewed", "review of the emergency"),
    ):
        said = {
            (step.number, step.details["revision"]): (step.entry.who, step.at_ms)
            for step in steps
            if step.entry.action == action and step.details.keys() & {"prices", "comment"}
        }
        # An upgrade made rows of emergencies from entries that say less.
        earlier = {step.number for step in steps if step.entry.action == action}
        earlier -= {number for number, _ in said}
        for row in connection.execute(table.select()).mappings():
            key = (row["request_id"], row["revision"])
            name = f"The {what} of request {key[0]}"
            if key[0] in earlier:
                continue
            if key not in said:
                yield f"{name} stands in no audit entry: it was added with SQL."
            elif said.pop(key) != (row["who"], row["at_ms"]):
                yield f"{name} is not the one of its audit entry: it was changed with SQL."
        for request_id, _ in said:
            yield f"The {what} of request {request_id} was removed from the database."


def _evidence(connection: sa.Connection, steps: Sequence[Step]) -> Iterator[str]:
    there = set(connection.execute(sa.select(EVIDENCE.c.sha256)).scalars())
    for step in steps:
        named = step.details.get("evidence", "")
        if step.entry.action == "request.submitted" and named and named not in there:
            yield f"The evidence of request {step.number} was removed from the database."


def _releases(connection: sa.Connection, steps: Sequence[Step]) -> Iterator[str]:
    begun: dict[int, Step] = {}
    ended: dict[int, str] = {}
    for step in steps:
        epoch = step.details.get("epoch")
        if not step.entry.action.startswith("release.") or not isinstance(epoch, int):
            continue
        if step.entry.action in _ENDED:
            ended[epoch] = _ENDED[step.entry.action]
        else:
            begun[epoch] = step
    for row in connection.execute(RELEASES.select().order_by(RELEASES.c.epoch)).mappings():
        what = f"Release {row['epoch']}"
        first = begun.pop(row["epoch"], None)
        if first is None:
            yield f"{what} stands in the database, but in no audit entry: it was added with SQL."
            continue
        if changed := sorted(name for name in _said_of_release(first, row)):
            yield f"{what} has another {', '.join(changed)} than its audit entry says."
        if row["state"] != ended.get(row["epoch"], "pending"):
            yield f"{what} is {row['state']} in the database, but not in the audit chain."
    for epoch in begun:
        yield f"Release {epoch} was removed from the database."


def _said_of_release(step: Step, row: sa.RowMapping) -> Iterator[str]:
    """Names of the columns that differ from what the entry says."""
    said = step.details
    found = {
        "version": row["version"],
        "share": row["share"],
        "stable": row["stable"],
        "killed": bool(row["is_killed"]),
        "policy": row["policy"],
        "guard_rails": [row["lowest_markup"], row["highest_markup"]],
        "why": row["why"],
    }
    yield from (
        name.replace("_", " ") for name in found if said.get(name, found[name]) != found[name]
    )
    if row["who"] != step.entry.who:
        yield "account"
    if (row["audit_seq"], row["audit_hash"]) != (step.entry.seq, step.entry.hash):
        yield "audit entry"
    if row["at_ms"] != step.at_ms:
        yield "time"


def _documents(connection: sa.Connection, steps: Sequence[Step]) -> Iterator[str]:
    query = sa.select(DOCUMENTS.c.version, DOCUMENTS.c.document)
    there = {row.version: fingerprint(row.document) for row in connection.execute(query)}
    said = {
        version: digest
        for step in steps
        if step.entry.action.startswith("release.")
        for version, digest in (step.details.get("documents") or {}).items()
    }
    for version, digest in said.items():
        if version not in there:
            yield f"The rules of version {version} were removed from the database."
        elif there[version] != digest:
            yield f"The rules of version {version} are not those that were published."


def _limits(connection: sa.Connection, steps: Sequence[Step]) -> Iterator[str]:
    said: dict[str, object] = {}
    for step in steps:
        if step.entry.action == "limits.seeded":
            said |= step.details
        elif step.entry.action == "limits.changed":
            said |= {
                name: value[1]
                for name, value in step.details.items()
                if isinstance(value, list) and len(value) == 2
            }
    said.pop("clock_ms", None)
    there: dict[str, object] = {
        str(row.name): float(row.value) for row in connection.execute(LIMITS.select())
    }
    there |= {
        str(row.name): json.loads(row.names) for row in connection.execute(LIMIT_LISTS.select())
    }
    for name in sorted(said.keys() | there.keys()):
        if name not in there:
            yield f"The limit {name} was removed from the database."
        elif name not in said:
            yield f"The limit {name} stands in the database, but in no audit entry."
        elif said[name] != there[name]:
            yield f"The limit {name} is {there[name]}, but {said[name]} in the audit chain."


def _people(connection: sa.Connection, steps: Sequence[Step]) -> Iterator[str]:
    said: dict[str, dict[str, Any]] = defaultdict(dict)
    for step in steps:
        if step.entry.action in (
            "person.added",
            "person.changed",
            "person.password",
            "person.confirmed",
        ):
            said[step.subject] |= step.details
        elif step.entry.action == "signed.in" and step.subject in DEMO:
            name, role = DEMO[step.subject]
            said[step.subject].setdefault("role", role.value)
            said[step.subject].setdefault("origin", "demo")
            said[step.subject].setdefault("must_change", False)
            said[step.subject].setdefault("name", name_fingerprint(step.subject, name))
        elif step.entry.action == "demo.ended":
            for login in DEMO:
                if login in said:
                    said[login]["is_active"] = False
    for row in connection.execute(PEOPLE.select()).mappings():
        yield from _compare_person(row, said.pop(row["login"], None))
    for login in said:
        yield f"The account {login} was removed from the database."


def _compare_person(row: sa.RowMapping, known: dict[str, Any] | None) -> Iterator[str]:
    what = f"The account {row['login']}"
    if known is None:
        yield f"{what} stands in the database, but in no audit entry: it was added with SQL."
        return
    if known.get("role", row["role"]) != row["role"]:
        yield f"{what} is {row['role']}, but {known['role']} in the audit chain."
    if known.get("is_active", True) != bool(row["is_active"]):
        yield f"{what} was switched {'on' if row['is_active'] else 'off'} with SQL."
    if known.get("waits_until_ms", 0) != row["waits_until_ms"]:
        yield f"{what} waits for a second administrator otherwise than the audit chain says."
    if known.get("origin", row["origin"]) != row["origin"]:
        yield f"{what} signs in as {row['origin']}, but {known['origin']} in the audit chain."
    if known.get("must_change", row["must_change"]) != bool(row["must_change"]):
        yield f"{what} must{'' if row['must_change'] else ' not'} change its password, with SQL."
    if known.get("name") and known["name"] != name_fingerprint(row["login"], row["name"]):
        yield f"{what} has a name that no audit entry mentions: it was changed with SQL."
    if known.get("password") and known["password"] != fingerprint(row["password"]):
        yield f"{what} has a password that no audit entry mentions."


def _sign_ins(connection: sa.Connection, steps: Sequence[Step]) -> Iterator[str]:
    opened = [step for step in steps if step.entry.action == "signed.in"]
    said = {step.details["sign_in"] for step in opened if "sign_in" in step.details}
    # Sign-ins of an earlier release have no fingerprint.
    earlier = {(step.subject, step.at_ms) for step in opened if "sign_in" not in step.details}
    for row in connection.execute(SIGN_INS.select()).mappings():
        digest = fingerprint(row["token_hash"], row["login"], row["expires_ms"])
        if digest not in said and (row["login"], row["created_ms"]) not in earlier:
            yield f"A sign-in of {row['login']} stands in no audit entry: it was added with SQL."


def _experiments(connection: sa.Connection, steps: Sequence[Step]) -> Iterator[str]:
    said: dict[str, str] = {}
    states = {
        "experiment.drafted": "draft",
        "experiment.started": "running",
        "experiment.stopped": "stopped",
    }
    for step in steps:
        if step.entry.action in states:
            said[step.subject] = states[step.entry.action]
    plans = {
        step.subject: step.details for step in steps if step.entry.action == "experiment.drafted"
    }
    moves = {
        (step.subject, step.entry.action): step
        for step in steps
        if step.entry.action.startswith("experiment.")
    }
    for row in connection.execute(EXPERIMENTS.select()).mappings():
        what = f"The price experiment {row['experiment_id']}"
        said_of_plan = plans.get(row["experiment_id"], {})
        if changed := sorted(
            name
            for name, value in plan_of_row(dict(row)).items()
            if said_of_plan.get(name, value) != value
        ):
            yield (
                f"{what} has other {', '.join(changed)} than were drafted: its row was changed "
                "with SQL."
            )
        for action, who, at in (
            ("drafted", "author", "created_ms"),
            ("started", "started_by", "started_ms"),
            ("stopped", "stopped_by", "stopped_ms"),
        ):
            move = moves.get((row["experiment_id"], f"experiment.{action}"))
            if move and (row[who], row[at]) != (move.entry.who, move.at_ms):
                yield f"{what} was not {action} by {row[who]} then, as the database says."
        expected = said.pop(row["experiment_id"], None)
        if expected is None:
            yield f"{what} stands in the database, but in no audit entry: it was added with SQL."
        elif expected != row["state"]:
            yield f"{what} is {row['state']}, but {expected} in the audit chain."
    for name in said:
        yield f"The price experiment {name} was removed from the database."


def _governed_changes(connection: sa.Connection, steps: Sequence[Step]) -> Iterator[str]:
    said: dict[str, Step] = {}
    states: dict[str, str] = {}
    for step in steps:
        about = step.entry.about
        if step.entry.action == "change.proposed":
            said[about], states[about] = step, "waiting"
        elif step.entry.action in _CHANGE_STATES:
            states[about] = _CHANGE_STATES[step.entry.action]
            if step.details.get("replaces") is not None:
                states[_about_change(step.details["replaces"])] = "superseded"
    for row in connection.execute(CHANGES.select()).mappings():
        about = _about_change(row["change_id"])
        proposed, what = said.pop(about, None), f"The {about}"
        if proposed is None:
            yield f"{what} stands in the database, but in no audit entry: it was added with SQL."
            continue
        digest = hashlib.sha256(row["payload"].encode()).hexdigest()
        if {digest, row["payload_sha256"]} != {proposed.details.get("payload_sha256")}:
            yield f"{what} is not what was proposed: its row was changed with SQL."
        said_about = [proposed.details.get(name, row[name]) for name in ("kind", "subject")]
        if said_about != [row["kind"], row["subject"]]:
            yield f"{what} is about something else than was proposed: its row was changed with SQL."
        if row["author"] != proposed.entry.who:
            yield f"{what} is {proposed.entry.who}'s in the audit chain, not {row['author']}'s."
        if row["state"] != states[about]:
            yield f"{what} is {row['state']}, but {states[about]} in the audit chain."
    for about in said:
        yield f"The {about} was removed from the database."


def _governed_decisions(connection: sa.Connection, steps: Sequence[Step]) -> Iterator[str]:
    verdicts = {"change.approved": "approve", "change.rejected": "reject"}
    said = {
        (step.entry.about, step.entry.who): (
            verdicts[step.entry.action],
            step.details.get("comment"),
            step.at_ms,
        )
        for step in steps
        if step.entry.action in verdicts
    }
    for row in connection.execute(GOVERNED_DECISIONS.select()).mappings():
        key = (_about_change(row["change_id"]), row["who"])
        what = f"The decision of {row['who']} on the {key[0]}"
        if key not in said:
            yield f"{what} stands in the database, but in no audit entry: it was added with SQL."
        elif said.pop(key) != (row["verdict"], row["comment"], row["at_ms"]):
            yield f"{what} is not the one of its audit entry: it was changed with SQL."
    for about, who in said:
        yield f"The decision of {who} on the {about} was removed from the database."


def _about_change(change_id: object) -> str:
    return f"governed change {change_id}"


_COMPARISONS: Final[tuple[Comparison, ...]] = (
    _decisions,
    _requests,
    _request_states,
    _emergencies,
    _evidence,
    _releases,
    _documents,
    _limits,
    _people,
    _sign_ins,
    _experiments,
    _governed_changes,
    _governed_decisions,
)
