"""What verbs print with --json: every field is listed, run for real on a small workspace."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from phantom_core.core.settings import Settings
from phantom_core.database.connection import control_of
from phantom_core.lake.lake import Lake
from phantom_core.model_store.store import ModelStore
from phantom_core.models.multitask.hyperparameters import Hyperparameters
from phantom_core.services.traffic.traffic import Tally
from phantom_core.use_cases.models.train_multitask import train_multitask
from tests.cli.conftest import opened
from tests.cli.verbs import ANALYST, GENTLE, MANAGER, PASSWORD, Phantom
from tests.conftest import NOW_MS
from tests.contracts.names import fields, json_fields, listed
from tests.policy_learning.samples import frontier_sample, learned_sample
from tests.services.soak.samples import soak_report

# Objects whose names are data: versions of models, scenarios, reasons, …
FREE: Final = {
    "experiments status": ("",),
    "traffic": ("by_rule",),
    "simulate sessions": ("results",),
    "soak": ("blind_s", "shoppers.by_rule", "usage[].disk_mb", "usage[].memory_mb"),
    "study classifier": ("known_family", "leave_family_out", "prefix_auc"),
    "train classifier": ("known_family", "leave_family_out", "prefix_auc"),
    "ingest": ("quarantined", "files[].quarantined", "files[].missing"),
    "models": ("",),
    "privacy erase": ("files", "rows"),
    "quarantine": ("reasons",),
    "rules counterfactual": ("now.features", "then.features"),
    "simulate run": ("",),
    "simulate scenarios": ("",),
}
QUICK: Final = Hyperparameters(width=0.5, most_epochs=1, batch_rows=512)
EVENTS: Final = (
    "sessionId,ts,eventName\n"
    "s1,2026-03-01,search\n"
    "s1,2026-03-01T00:01:00Z,purchase\n"
    "s2,yesterday,search\n"
    "s2,2026-03-01,teleport\n"
)


class PrintedFields:
    """Runs verbs and records the fields that each of them printed."""

    def __init__(self, phantom: Phantom) -> None:
        self.phantom = phantom
        self.fields: dict[str, set[str]] = {}

    def run(self, verb: str, *arguments: str, who: str = "", **env: str) -> None:
        document = self.phantom.json(*verb.split(), *arguments, who=who, **env)
        self.add(verb, document)

    def add(self, verb: str, document: object) -> None:
        self.fields.setdefault(verb, set()).update(fields(document, free=FREE.get(verb, ())))

    def lines(self) -> list[str]:
        """Lines of the list; what was empty once and full another time is full."""
        return sorted(
            f"{verb}: {path}"
            for verb, found in self.fields.items()
            for path in found
            if not _is_stem(path, found)
        )


@pytest.fixture
def printed(trained: Path, tmp_path: Path) -> Iterator[PrintedFields]:
    workspace = shutil.copytree(trained, tmp_path / "shop")
    (workspace / "rules.txt").write_text(GENTLE)
    for phantom in opened(workspace):
        yield PrintedFields(phantom)


def held(printed: PrintedFields) -> tuple[list[str], list[str]]:
    """What verbs printed, and what is listed for them."""
    expected = sorted(f"{verb}: {field}" for verb in printed.fields for field in json_fields(verb))
    return printed.lines(), expected


def test_verbs_about_data_and_models(printed: PrintedFields) -> None:
    session, _ = offer(printed)
    (printed.phantom.workspace / "events.csv").write_text(EVENTS)
    for verb, *arguments in (
        ("features",),
        ("score",),
        ("card",),
        ("models",),
        ("explain",),
        ("explain --session", session),
        ("explain --interactions", "50"),
        ("distil",),
        ("study classifier",),
        ("train classifier", "--folds", "3"),
        ("retrain", "--days", "40", "--held-out-days", "8"),
        ("monitor",),
        ("serve decisions --once",),
        ("stream worker --until-empty",),
        ("ingest", str(printed.phantom.workspace / "events.csv")),
        ("loads",),
        ("quarantine",),
        ("demo", "--remove"),
    ):
        printed.run(verb, *arguments)
    printed.run("unload", last_load(printed))
    printed.run("demo", PHANTOM_DEMO_SESSIONS="100")
    found, expected = held(printed)
    assert found == expected


def last_load(printed: PrintedFields) -> str:
    """Id of the newest load."""
    loads = printed.phantom.json("loads")["loads"]
    return str(loads[0]["load_id"])  # type: ignore[index]


def test_verbs_about_rules_markets_and_leakage(printed: PrintedFields) -> None:
    rules, gap = str(printed.phantom.workspace / "rules.txt"), printed.phantom.workspace / "gap.txt"
    gap.write_text(
        "IF p_agent > 0.7 THEN markup 1.3\nELIF p_agent < 0.7 THEN markup 1.1\nELSE markup 1\n"
    )
    hasty = printed.phantom.workspace / "hasty.txt"
    hasty.write_text("IF hover_events < 2 THEN markup 1.1\nELSE markup 1\n")
    session, _ = offer(printed)
    for verb, *arguments in (
        ("rules check", str(gap)),
        ("rules expect", rules, session),
        ("rules counterfactual", str(hasty), session),
        ("rules replay", rules),
        ("leakage",),
        ("simulate run", "--episodes", "50", "--policies", "fixed"),
        ("simulate scenarios",),
        ("simulate robust",),
        ("simulate calibrate",),
        ("simulate sessions", "--rules", "bands", "--sessions", "200"),
        ("simulate train", "--steps", "1000"),
    ):
        printed.run(verb, *arguments)
    found, expected = held(printed)
    assert found == expected


def test_verbs_about_the_network(printed: PrintedFields) -> None:
    session, product = offer(printed)
    settings = Settings(workspace=printed.phantom.workspace)
    report = train_multitask(
        settings, Lake(settings.workspace / "lake"), now_ms=NOW_MS, n_folds=3, chosen=QUICK
    )
    printed.add("train multitask", report.to_json())
    printed.run("price", "--session", session, "--product", product)
    printed.run("explain --model multitask", "--sessions", "30")
    printed.run("explain --model multitask --session", session, "--product", product)
    printed.run("tune multitask", "--seconds", "1")
    found, expected = held(printed)
    assert found == expected


def test_verbs_about_changes_and_people(printed: PrintedFields) -> None:
    rules = str(printed.phantom.workspace / "rules.txt")
    printed.run("rules requests")
    printed.run("rules status")
    (printed.phantom.workspace / "cheaper.txt").write_text(GENTLE.replace("1.10", "0.98"))
    cheaper = str(printed.phantom.workspace / "cheaper.txt")
    for who, verb, *arguments in (
        (ANALYST, "rules submit", rules, "--why", "x", "--share", "0.1", "--ramp", "1:1"),
        (ANALYST, "rules submit", rules, "--why", "x", "--share", "0.1", "--ramp", "1:1"),
        (MANAGER, "rules reject", "2", "--comment", "No."),
        (ANALYST, "rules rebase", "2"),
        (ANALYST, "rules withdraw", "2"),
        (MANAGER, "rules approve", "1"),
        (MANAGER, "rules schedule", "1", "--at", "2100-01-01T00:00"),
        (MANAGER, "rules publish", "1"),
        (MANAGER, "rules share", "0.05", "--why", "x"),
        (MANAGER, "rules guard"),
        (ANALYST, "rules widen", "0.5", "--why", "x", "--ramp", "1:1"),
        (MANAGER, "rules confirm", "3", "--comment", "x"),
        (MANAGER, "rules kill", "--why", "x"),
        (MANAGER, "rules revive", "--why", "x"),
        (MANAGER, "rules heal"),
        (MANAGER, "rules rollback", "--why", "x"),
        (ANALYST, "rules submit", cheaper, "--why", "x", "--share", "1"),
        (MANAGER, "rules publish", "4", "--emergency", "Prices are wrong today."),
        (ANALYST, "experiments plan", "e1", "--arm", "a=0.5:live", "--arm", "b=0.5:base"),
        (MANAGER, "experiments start", "e1"),
        (MANAGER, "experiments stop", "e1", "--why", "x"),
    ):
        printed.run(verb, *arguments, who=who)
    out = str(printed.phantom.workspace / "pack")
    for verb, *arguments in (
        ("rules requests",),
        ("rules show", "2"),
        ("rules preview", "3"),
        ("rules status",),
        ("experiments status",),
        ("experiments status e1",),
        ("keys show",),
        ("audit list",),
        ("audit verify",),
        ("audit export", "1", "--out", out),
        ("limits",),
        ("user add", "root", "--role", "administrator", "--password", PASSWORD, "--no-must-change"),
        ("user list",),
    ):
        printed.run(verb, *arguments)
    printed.run("user change", "root", "--on", who="root", PHANTOM_PASSWORD=PASSWORD)
    printed.run(
        "user password", "root", "--password", PASSWORD, who="root", PHANTOM_PASSWORD=PASSWORD
    )
    found, expected = held(printed)
    assert found == expected


def test_verbs_about_base_prices_and_models_for_pricing(printed: PrintedFields) -> None:
    workspace = printed.phantom.workspace
    candidate = copied_classifier(workspace)
    why = ("--why", "x")
    printed.run("promote", "classifier", candidate, *why, who=ANALYST)
    printed.run("promotion status")
    number = str(printed.phantom.json("promotion", "status")["waiting"][0]["change"])  # type: ignore[index]
    printed.run("promotion approve", number, who=MANAGER)
    printed.run("promotion revert", "classifier", *why, who=MANAGER)
    printed.run("promotion policy", "classifier", *why, who=ANALYST)
    number = str(printed.phantom.json("promotion", "status")["waiting"][0]["change"])  # type: ignore[index]
    printed.run("promotion reject", number, "--comment", "x", who=MANAGER)
    _, product = offer(printed)
    for price in ("0.05", "0.07"):
        (workspace / "cheap.csv").write_text(f"product_id,base_price\n{product},{price}\n")
        catalogue = str(workspace / "cheap.csv")
        printed.phantom.json("ingest", "--catalogue", catalogue, who=ANALYST)
        printed.run("catalogue status")
        printed.run("catalogue submit")
        number = str(printed.phantom.json("catalogue", "status")["waiting"][0]["change_id"])  # type: ignore[index]
        if price == "0.05":
            printed.run("catalogue reject", number, "--comment", "x", who=MANAGER)
        else:
            printed.run("catalogue approve", number, who=MANAGER)
    found, expected = held(printed)
    assert found == expected


def copied_classifier(workspace: Path) -> str:
    """Another version of the classifier in use, saved as a candidate."""
    store = ModelStore(workspace, "classifier")
    used = store.latest()
    candidate = f"{used}-copy"
    shutil.copytree(store.open(used).folder, store.root / candidate)
    manifest = store.root / candidate / "manifest.json"
    manifest.write_text(manifest.read_text().replace(used, candidate))
    return candidate


def test_learned_rules(printed: PrintedFields) -> None:
    printed.add("rules frontier", frontier_sample().to_json())
    printed.add("rules learn", learned_sample().to_json())  # 300 sessions are too few for the verb
    found, expected = held(printed)
    assert found == expected


def test_traffic(printed: PrintedFields) -> None:
    printed.add("traffic", Tally().to_json())  # the verb itself plays in real time
    printed.add("soak", soak_report().to_json())  # and so does this one
    found, expected = held(printed)
    assert found == expected


def test_verbs_about_labels(printed: PrintedFields, tmp_path: Path) -> None:
    printed.run("labels audit")
    lake = Lake(printed.phantom.workspace / "lake")
    with lake.lock:
        lake.update("experiments", {"xp_human_only": "NULL"}, "true")
        lake.update("session_labels", {"is_agent": "NULL"}, "true")
    printed.run("labels next", "--count", "3")
    session, _ = offer(printed)
    for who in (ANALYST, MANAGER):
        printed.run("labels give", session, "agent", "--reason", "clicks like a clock", who=who)
    printed.run("labels status")
    printed.run("labels apply", who=ANALYST)
    printed.run("labels export", str(tmp_path / "labels.csv"))
    found, expected = held(printed)
    assert found == expected


def test_verbs_about_personal_data_and_backups(printed: PrintedFields, tmp_path: Path) -> None:
    session, _ = offer(printed)
    printed.run("privacy erase", "--session", session, "--yes")
    printed.run("privacy allow", "--session", session)
    printed.run("privacy retain")
    backup = str(tmp_path / "backup.tar.gz")
    printed.run("backup create", backup)
    printed.run("backup verify", backup)
    control_of.cache_clear()
    shutil.rmtree(printed.phantom.workspace)
    printed.run("backup restore", backup)
    found, expected = held(printed)
    assert found == expected


def test_every_verb_with_json_is_listed_with_its_fields() -> None:
    with_json = {line.removesuffix(" --json") for line in listed("cli") if line.endswith(" --json")}
    named = {line.split(": ")[0] for line in listed("json")}
    assert {
        verb for verb in with_json if not any(f"{name} ".startswith(f"{verb} ") for name in named)
    } == {"audit recover", "extensions", "jobs", "privacy export", "privacy resume"}


def offer(printed: PrintedFields) -> tuple[str, str]:
    """Session and product of the first quote."""
    with Lake(printed.phantom.workspace / "lake").connect() as connection:
        first = connection.sql(
            "SELECT session_id, product_id FROM quotes ORDER BY event_ms LIMIT 1"
        ).fetchall()
    session, product = first[0]
    return str(session), str(product)


def _is_stem(path: str, found: set[str]) -> bool:
    return any(other.startswith((f"{path}.", f"{path}[]")) for other in found)
