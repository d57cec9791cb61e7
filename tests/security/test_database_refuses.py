"""What the database itself refuses, whichever program asks: SQL past the engine, on both kinds."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from phantom_core.accounts.people import PEOPLE
from phantom_core.alerts.alerts import Alerts
from phantom_core.approvals.tables import DECISIONS, DOCUMENTS, EVIDENCE, RELEASES, REQUESTS
from phantom_core.core.errors import UnavailableError
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.database.connection import (
    METADATA,
    control_of,
    has_constraints,
    write_transaction,
)
from phantom_core.database.constraints import constraints
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.publish_rules import publish_request
from phantom_core.use_cases.approvals.watch_server import watch_once
from tests.databases import DATABASES, fresh_schema
from tests.security.governed import GENTLE, NOW, approved, installation, submitted

KEPT = (
    "audit",
    "decisions",
    "evidence",
    "release_documents",
    "change_requests",
    "releases",
    "emergencies",
    "emergency_reviews",
    "price_experiments",
    "limits",
    "limit_lists",
    "governed_changes",
    "governed_decisions",
)


@pytest.fixture(params=DATABASES)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """An installation with a live version (request 1), a submitted request (2) and a draft (3)."""
    if request.param == "sqlite":
        with installation(tmp_path / "shop") as settings:
            yield _filled(settings)
        return
    with fresh_schema() as url, installation(tmp_path / "shop", database_url=url) as settings:
        yield _filled(settings)


def _filled(settings: Settings) -> Settings:
    publish_request(settings, "max", approved(settings, submitted(settings)), now_ms=NOW)
    submitted(settings, text=GENTLE.replace("1.10", "1.09"))
    return settings


def refused(settings: Settings, *statements: str | sa.sql.dml.UpdateBase) -> None:
    """Each statement is refused and changes nothing in any table that is kept."""
    engine = control_database(settings)
    before = everything(engine)
    for statement in statements:
        with pytest.raises(sa.exc.IntegrityError), engine.begin() as connection:
            connection.execute(sa.text(statement) if isinstance(statement, str) else statement)
    assert everything(engine) == before


def everything(engine: sa.Engine) -> dict[str, list[tuple[object, ...]]]:
    with engine.connect() as connection:
        return {
            name: sorted(
                (tuple(row) for row in connection.execute(METADATA.tables[name].select())), key=str
            )
            for name in KEPT
        }


def is_sqlite(settings: Settings) -> bool:
    return control_database(settings).dialect.name == "sqlite"


def test_no_table_that_is_kept_loses_a_row(shop: Settings) -> None:
    filled = [name for name, rows in everything(control_database(shop)).items() if rows]
    assert {"audit", "decisions", "evidence", "release_documents", "releases"} <= set(filled)
    refused(shop, *(f"DELETE FROM {name}" for name in filled))
    if not is_sqlite(shop):
        refused(
            shop,
            *(f"TRUNCATE {name}" for name in KEPT),
            *(f"TRUNCATE {name} CASCADE" for name in KEPT),
        )


def test_no_row_is_replaced_by_its_key_or_its_row_number(shop: Settings) -> None:
    """REPLACE removes the old row without a DELETE, as does an upsert."""
    engine = control_database(shop)
    attacks = []
    for name in KEPT:
        table = METADATA.tables[name]
        with engine.connect() as connection:
            row = connection.execute(table.select().limit(1)).mappings().first()
        if row is None:
            continue
        columns = ", ".join(column.name for column in table.columns)
        keys = ", ".join(column.name for column in table.primary_key)
        changed = next(c.name for c in table.columns if not c.primary_key)
        values = f"SELECT {columns} FROM {name} WHERE 1 = 1 LIMIT 1"
        if is_sqlite(shop):
            attacks.append(f"REPLACE INTO {name} ({columns}) {values}")
            attacks.append(
                f"INSERT OR REPLACE INTO {name} (rowid, {columns}) "
                f"SELECT rowid, {columns} FROM {name} LIMIT 1"
            )
        attacks.append(
            f"INSERT INTO {name} ({columns}) {values} "
            f"ON CONFLICT ({keys}) DO UPDATE SET {changed} = excluded.{changed}"
        )
    assert len(attacks) >= 7
    refused(shop, *attacks)


def test_a_row_number_or_a_unique_value_replaces_no_other_row(shop: Settings) -> None:
    engine = control_database(shop)
    with engine.connect() as connection:
        hash_ = connection.execute(sa.select(audit.AUDIT.c.hash).limit(1)).scalar_one()
    entry = "audit (seq, at_ms, who, action, about, details, previous, hash)"
    forged = f"VALUES (99, 1, 'max', 'x', 'x', '{{}}', 'x', '{hash_}')"
    refused(shop, f"INSERT INTO {entry} {forged}")
    if not is_sqlite(shop):
        return  # REPLACE is of SQLite
    refused(
        shop,
        # Another key, but the number of an existing row; another key, but its unique hash.
        "INSERT OR REPLACE INTO evidence "
        "(rowid, sha256, request_id, revision, document, created_ms) "
        "VALUES (1, 'forged', 1, 1, '{}', 1)",
        "INSERT OR REPLACE INTO release_documents (rowid, version, document, sha256) "
        "VALUES (1, 'forged', '{}', 'x')",
        f"INSERT OR REPLACE INTO {entry} {forged}",
        "UPDATE OR REPLACE change_requests SET request_id = 1 WHERE request_id = 2",
        "UPDATE OR REPLACE releases SET epoch = 7",
    )


def test_nobody_decides_who_may_not(shop: Settings) -> None:
    """A viewer, an analyst, an administrator, the author, a ghost, an account switched off."""
    with control_database(shop).begin() as connection:
        connection.execute(PEOPLE.update().where(PEOPLE.c.login == "moe").values(is_active=False))
    decision = {"request_id": 2, "revision": 1, "comment": "", "at_ms": 1}
    for verdict in ("approve", "confirm", "decline"):
        refused(
            shop,
            *(
                DECISIONS.insert().values(**decision, who=who, verdict=verdict)
                for who in ("vera", "ana", "root", "ghost", "moe", "", "this machine")
            ),
        )
    refused(shop, DECISIONS.insert().values(**decision, who="mia", verdict="bless"))
    refused(
        shop, DECISIONS.insert().values(**{**decision, "revision": 2}, who="mia", verdict="approve")
    )


@pytest.mark.parametrize(
    "change",
    [
        {"needed": 0},
        {"evidence": "forged"},
        {"evidence": ""},
        {"revision": 7},
        {"base_version": "other"},
        {"break_revision": 1},
        {"break_revision": 1, "break_glass": "forged"},
        {"author": "vera"},
        {"state": "approved"},
        {"state": "live", "live_share": 0.1, "version": "forged"},
        {"rules": "{}"},
        {"share": 1.0},
        {"top_share": 1.0},
        {"ramp": "[[1.0, 0.1]]"},
        {"policy": "model"},
        {"name": "other"},
        {"why": "other"},
        {"answers": "other"},
        {"expires_ms": 9},
        {"created_ms": 9},
    ],
    ids=str,
)
def test_a_submitted_request_stays_as_it_was_submitted(
    shop: Settings, change: dict[str, object]
) -> None:
    refused(shop, REQUESTS.update().where(REQUESTS.c.request_id == 2).values(change))


def test_a_live_request_stays_as_it_is(shop: Settings) -> None:
    one = REQUESTS.update().where(REQUESTS.c.request_id == 1)
    refused(
        shop,
        one.values(version="forged"),
        one.values(live_share=1.0),
        one.values(needed=0),
        one.values(evidence=""),
        one.values(state="draft", revision=9),
    )


def test_of_a_done_release_nothing_changes(shop: Settings) -> None:
    values: dict[str, object] = {
        column.name: {"INTEGER": 9, "BIGINT": 9, "FLOAT": 0.99, "BOOLEAN": True}.get(
            str(column.type), "forged"
        )
        for column in RELEASES.columns
        if column.name != "state"
    }
    refused(shop, *(RELEASES.update().values({name: value}) for name, value in values.items()))
    refused(shop, RELEASES.update().values(state="failed"))


def test_no_release_is_made_up(shop: Settings) -> None:
    """Of an unapproved request, of no request, for a larger share, done at once, twice."""
    with control_database(shop).connect() as connection:
        row = dict(connection.execute(RELEASES.select()).mappings().one())
    row |= {"epoch": 2, "state": "pending"}
    for change in (
        {"request_id": 2, "version": "rules-2"},
        {"request_id": 9, "version": "rules-9"},
        {"share": 1.0},
        {"state": "done"},
        {"epoch": 1},
        {"epoch": 0},
        {"kind": "revive", "version": "forged"},
        {"kind": "kill", "version": "forged", "request_id": 2},
        {"stable": "forged"},
    ):
        refused(shop, RELEASES.insert().values(row | change))


def test_an_audit_entry_follows_the_newest_one_and_time_never_runs_backwards(
    shop: Settings,
) -> None:
    engine = control_database(shop)
    with engine.connect() as connection:
        last = audit.list_entries(connection, newest=1)[0]

    def entry(**changes: object) -> dict[str, object]:
        made = replace(
            last,
            **{
                "seq": last.seq + 1,
                "previous": last.hash,
                "who": "saint",
                **changes,
            },  # type: ignore[arg-type]
        )
        made = replace(made, hash=made.computed_hash())
        return {name: getattr(made, name) for name in audit.AuditEntry.__slots__}

    refused(
        shop,
        audit.AUDIT.insert().values(entry(seq=last.seq + 2)),
        audit.AUDIT.insert().values(entry(previous="0" * 64)),
        audit.AUDIT.insert().values(entry(at_ms=last.at_ms - 1)),
    )
    with write_transaction(engine) as connection:
        late = audit.append_entry(connection, last.at_ms - 5, "max", "tested", "clock", {})
    assert late.at_ms == last.at_ms
    assert json.loads(late.details)["clock_ms"] == last.at_ms - 5


def test_evidence_and_documents_of_a_release_are_written_once(shop: Settings) -> None:
    refused(
        shop,
        EVIDENCE.update().values(document="{}"),
        DOCUMENTS.update().values(document="{}"),
        DECISIONS.update().values(verdict="approve", who="mia"),
    )


def damage(settings: Settings, *statements: str) -> None:
    """As the database's password allows."""
    with control_database(settings).begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def test_constraints_that_were_removed_or_changed_are_back_at_the_next_start_and_said(
    shop: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    engine = control_database(shop)
    assert has_constraints(engine)
    if is_sqlite(shop):
        damage(
            shop,
            "DROP TRIGGER audit_no_update",
            "DROP TRIGGER decisions_who",
            "CREATE TRIGGER decisions_who BEFORE INSERT ON decisions WHEN 1 = 0 "
            "BEGIN SELECT RAISE(ABORT, 'no'); END",
            "DROP INDEX one_pending",
        )
    else:
        damage(
            shop,
            "DROP TRIGGER audit_no_update ON audit",
            "CREATE OR REPLACE FUNCTION decisions_who() RETURNS trigger LANGUAGE plpgsql "
            "AS 'BEGIN RETURN NEW; END'",
            "ALTER TABLE evidence DISABLE TRIGGER evidence_no_update",
            "DROP INDEX one_pending",
        )
    assert not has_constraints(engine)
    with caplog.at_level(logging.ERROR):
        control_of.cache_clear()
        reopened = control_database(shop)
    assert has_constraints(reopened)
    with reopened.connect() as connection:
        (entry,) = [
            one for one in audit.list_entries(connection) if one.action == "constraints.restored"
        ]
    names = set(json.loads(entry.details)["constraints"])
    assert {"audit_no_update", "decisions_who", "one_pending"} <= names
    assert len(names) == (3 if is_sqlite(shop) else 4)
    assert "lacked constraints, now restored: " in caplog.text
    reopened.dispose()
    refused(shop, audit.AUDIT.update().values(who="eve"))


def test_the_watcher_restores_constraints_while_it_runs_and_alerts(shop: Settings) -> None:
    on = "" if is_sqlite(shop) else " ON audit"
    damage(shop, f"DROP TRIGGER audit_no_update{on}")
    with control_database(shop).connect() as connection:
        now_ms = audit.list_entries(connection, newest=1)[0].at_ms
    watch_once(shop, now_ms=now_ms)
    assert has_constraints(control_database(shop))
    (alert,) = [one for one in Alerts(shop).all() if one.name == "database_constraints"]
    assert "audit_no_update" in alert.sentence


def test_a_database_whose_rows_contradict_a_constraint_is_not_opened(tmp_path: Path) -> None:
    """Two versions that are live for all sessions, after an index was dropped: no guess is made."""
    with installation(tmp_path / "shop") as settings:
        _filled(settings)
        names = [
            one.name
            for one in constraints(METADATA)
            if one.table == "change_requests" and one.moment.startswith("UPDATE")
        ]
        damage(
            settings,
            *(f"DROP TRIGGER {name}" for name in names),
            "DROP INDEX one_live",
            "UPDATE change_requests SET state = 'live', live_share = 1",
        )
        control_of.cache_clear()
        with pytest.raises(UnavailableError, match="lacks constraints, and they cannot be created"):
            control_database(settings)
