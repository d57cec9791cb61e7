"""People label sessions: stored with their names, compared, applied, audited and erased."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from phantom_core.accounts.account_actors import Account
from phantom_core.accounts.actors import acting_as
from phantom_core.accounts.people import MACHINE, add_person
from phantom_core.accounts.roles import Role
from phantom_core.approvals.limits import seeded_database
from phantom_core.core.errors import InputError, NotAllowedError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.database.audit import list_entries
from phantom_core.features.store import FeatureStore
from phantom_core.labels.verdicts import SESSION_VERDICTS, Verdict, list_verdicts
from phantom_core.lake.lake import open_lake
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.use_cases.labels.apply_labels import apply_labels
from phantom_core.use_cases.labels.export_labels import export_labels
from phantom_core.use_cases.labels.give_label import give_label
from phantom_core.views.labels.desk_queue import desk_queue
from phantom_core.views.labels.label_state import label_state
from phantom_core.views.workspace.snapshot import open_snapshot, read_stamp

NOW_MS = 1_790_000_000_000
PEOPLE = {"root": Role.ADMINISTRATOR, "ana": Role.ANALYST, "max": Role.MANAGER, "vera": Role.VIEWER}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Six sessions without labels, and people."""
    folder = tmp_path_factory.mktemp("labels")
    settings = Settings(workspace=folder / "ws", redis_url="", database_url="")
    rows = "".join(
        f"s{i},2026-03-01T00:00:{7 * j + i:02}Z,page_view\n" for i in range(6) for j in range(3 + i)
    )
    (folder / "e.csv").write_text("sessionId,ts,eventName\n" + rows)
    ingest_files(settings, [folder / "e.csv"], now_ms=NOW_MS)
    engine = seeded_database(settings)
    for login, role in PEOPLE.items():
        add_person(
            engine, MACHINE, login, name="", role=role, password="correct horse battery",
            now_ms=1, must_change=False,
        )  # fmt: skip
    yield settings


def give(settings: Settings, who: str, session: str, verdict: Verdict, reason: str = "") -> None:
    with acting_as(Account(who), settings):
        give_label(settings, who, session, verdict, reason=reason, now_ms=NOW_MS)


def stored_labels(settings: Settings) -> dict[str, bool | None]:
    lake = open_lake(settings)
    store = FeatureStore(lake)
    store.refresh()
    matrix = store.matrix()
    found = zip(matrix["session_id"].to_pylist(), matrix["is_agent"].to_pylist(), strict=True)
    return {name: label for name, label in found if label is not None}


def test_a_label_goes_from_the_desk_to_the_data_and_back_when_people_disagree(
    shop: Settings,
) -> None:
    give(shop, "ana", "s0", "agent", "five pages in a row")
    give(shop, "ana", "s1", "human")
    give(shop, "ana", "s2", "skip")
    assert stored_labels(shop) == {}
    with acting_as(Account("ana"), shop):
        assert apply_labels(shop, "ana", now_ms=NOW_MS).changed == 2
        assert apply_labels(shop, "ana", now_ms=NOW_MS).changed == 0
    assert stored_labels(shop) == {"s0": True, "s1": False}
    give(shop, "max", "s0", "agent")
    give(shop, "max", "s1", "agent")
    state = label_state(shop)
    assert (state.n_agent, state.disputed, state.n_skipped) == (1, ("s1",), 1)
    [agreement] = state.agreement
    assert (agreement.n_sessions, agreement.n_agreed) == (2, 1)
    with acting_as(Account("max"), shop):
        assert apply_labels(shop, "max", now_ms=NOW_MS).withdrawn == 1
    assert stored_labels(shop) == {"s0": True}
    give(shop, "ana", "s1", "agent", "looked again")
    with acting_as(Account("ana"), shop):
        apply_labels(shop, "ana", now_ms=NOW_MS)
    assert stored_labels(shop) == {"s0": True, "s1": True}


def test_every_label_says_who_when_how_and_why_and_is_in_the_audit_chain(shop: Settings) -> None:
    give(shop, "ana", "s3", "human", "reads slowly")
    row = export_labels(shop).to_pylist()[-1]
    assert (row["session"], row["label"], row["who"], row["at_ms"], row["how"], row["reason"]) == (
        "s3", "human", "ana", NOW_MS, "desk", "reads slowly",
    )  # fmt: skip
    with seeded_database(shop).connect() as connection:
        [entry] = list_entries(connection, f"label {row['verdict_id']}")
    assert (entry.who, entry.action) == ("ana", "label.given")
    assert "s3" not in entry.details
    assert "reads slowly" not in entry.details


def test_the_queue_holds_sessions_without_a_label_alone(shop: Settings) -> None:
    labelled = set(label_state(shop).said)
    queue = desk_queue(open_snapshot(shop, read_stamp(shop)), labelled)
    names = {one.session_id for one in queue.sessions}
    assert names
    assert not names & labelled
    assert queue.n_open == len(names)


def test_who_may_not_work_may_not_label(shop: Settings) -> None:
    with pytest.raises(NotAllowedError):
        give(shop, "vera", "s4", "agent")
    with acting_as(Account("ana"), shop), pytest.raises(NotAllowedError, match="in the name of"):
        give_label(shop, "max", "s4", "agent", now_ms=NOW_MS)


def test_unknown_sessions_and_labels_are_refused_with_a_way_out(shop: Settings) -> None:
    with pytest.raises(NotFoundError, match="There is no session 'nobody'"):
        give(shop, "ana", "nobody", "agent")
    with pytest.raises(InputError, match="'robot' is no label"):
        give(shop, "ana", "s4", "robot")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="401 characters"):
        give(shop, "ana", "s4", "agent", "x" * 401)


def test_the_database_refuses_to_change_remove_or_forge_a_label(shop: Settings) -> None:
    table = SESSION_VERDICTS
    forged = {
        "verdict_id": 999, "session_id": "s5", "who": "vera", "verdict": "agent", "reason": "",
        "how": "desk", "model_version": "", "at_ms": 1,
    }  # fmt: skip
    for statement in (
        table.update().values(verdict="human"),
        table.update().values(session_id="s5"),
        table.delete(),
        table.insert().values(forged),
    ):
        with pytest.raises(sa.exc.DBAPIError), seeded_database(shop).begin() as connection:
            connection.execute(statement)


def test_an_erased_session_leaves_a_label_without_its_name(shop: Settings) -> None:
    give(shop, "ana", "s5", "agent")
    with seeded_database(shop).begin() as connection:
        connection.execute(
            SESSION_VERDICTS.update()
            .where(SESSION_VERDICTS.c.session_id == "s5")
            .values(session_id="erased")
        )
        assert list_verdicts(connection)[-1].session_id == "erased"
    assert "s5" not in label_state(shop).said
