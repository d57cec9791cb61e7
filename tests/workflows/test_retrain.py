"""Retraining: the better model goes on, a loser leaves no trace in what is used, and nothing judged was learned from."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from phantom_core.artifacts.store import ModelStore
from phantom_core.cli import app
from phantom_core.errors import CancelledError, InputError
from phantom_core.evaluation.verdict import RetrainReport, Verdict
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import Lake
from phantom_core.settings import Settings
from phantom_core.shoppers.generate import Generated, generate
from phantom_core.workflows.ingest import ingest
from phantom_core.workflows.retrain import retrain, retrainings
from phantom_core.workflows.run_job import WORK

NOW_MS = 1_772_452_800_000  # after the last session
N_SESSIONS = 500


def lake_of(settings: Settings) -> Lake:
    return Lake(settings.workspace / "lake")


def load(settings: Settings, shop: Generated, folder: Path, *, wrong: bool) -> None:
    """Load a shop; with wrong labels every second human is called an agent, and every second agent a human."""
    folder.mkdir(exist_ok=True)
    pq.write_table(shop.events, folder / "events.parquet")
    experiments = shop.experiments
    if wrong:
        human = experiments["xp_human_only"].to_pylist()
        mixed = pa.array([bool(one) ^ (place % 2 == 0) for place, one in enumerate(human)])
        experiments = experiments.set_column(experiments.column_names.index("xp_human_only"), "xp_human_only", mixed)
    pa_csv.write_csv(experiments, folder / "experiments.csv")
    ingest(settings, [folder / "events.parquet"], now_ms=NOW_MS, experiments=str(folder / "experiments.csv"))


@pytest.fixture(scope="module")
def shop() -> Generated:
    return generate(N_SESSIONS, 11)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, shop: Generated) -> Settings:
    """A workspace in which most labels are wrong, so that whoever learns from them learns little."""
    chosen = Settings(
        workspace=tmp_path_factory.mktemp("retrain"), gate_agent_auc=0.0, gate_agent_precision=0.0, gate_calibration_error=1.0
    )
    chosen = chosen.model_copy(update={"retrain_days": 42, "retrain_held_out_days": 10})
    load(chosen, shop, chosen.workspace / "files", wrong=True)
    return chosen


def only(report: RetrainReport) -> Verdict:
    (verdict,) = report.verdicts
    return verdict


@pytest.fixture(scope="module")
def first(settings: Settings) -> Verdict:
    return only(retrain(settings, lake_of(settings), now_ms=NOW_MS))


@pytest.fixture(scope="module")
def second(settings: Settings, shop: Generated, first: Verdict) -> Verdict:
    load(settings, shop, settings.workspace / "files", wrong=False)
    handed: list[str] = []

    def publish(kind: str) -> str:
        handed.append(f"{kind} {ModelStore(settings.workspace, kind).latest()}")
        return "Published."

    verdict = only(retrain(settings, lake_of(settings), now_ms=NOW_MS + 1_000, publish=publish))
    assert handed == [f"classifier {verdict.challenger}"]
    return verdict


def test_the_first_model_only_has_to_meet_its_gates(settings: Settings, first: Verdict) -> None:
    assert (first.outcome, first.champion) == ("promoted", "")
    assert all(figure.champion is None for figure in first.figures)
    moves = ModelStore(settings.workspace, "classifier").promotions()
    assert (moves[0].version, moves[0].before) == (first.challenger, "")


def test_a_surely_better_challenger_is_promoted_and_handed_on(settings: Settings, first: Verdict, second: Verdict) -> None:
    assert (second.outcome, second.champion, second.published) == ("promoted", first.challenger, "Published.")
    ahead = second.figures[0]
    assert ahead.name == "agent_roc_auc" and ahead.difference is not None and ahead.difference.low > 0
    assert ModelStore(settings.workspace, "classifier").latest() == second.challenger


def test_nobody_is_judged_on_actors_it_learned_from(settings: Settings, first: Verdict, second: Verdict) -> None:
    assert second.window is not None
    matrix = FeatureStore(lake_of(settings)).matrix()
    store, learned = ModelStore(settings.workspace, "classifier"), set()
    for version in (first.challenger, second.challenger):
        ids = pq.read_table(store.open(version).folder / "oof.parquet")["session_id"]
        known = matrix.filter(pc.is_in(matrix["session_id"], value_set=ids.combine_chunks()))
        learned |= set(known["experiment_id"].to_pylist())
        assert pc.max(known["start_ms"]).as_py() < second.window.split_ms
    late = matrix.filter(pc.greater_equal(matrix["start_ms"], second.window.split_ms))
    expected = sum(one not in learned for one in late["experiment_id"].to_pylist())
    assert 20 < second.held_out["agent"].rows <= expected < late.num_rows


def test_a_copy_of_the_champion_is_not_surely_better_and_stays_a_candidate(settings: Settings, second: Verdict) -> None:
    store = ModelStore(settings.workspace, "classifier")
    third = only(retrain(settings, lake_of(settings), now_ms=NOW_MS + 2_000))
    assert third.outcome == "kept" and "not surely better" in third.why
    assert store.latest() == second.challenger != third.challenger
    assert third.challenger in store.versions() and store.to_choose()[0] == second.challenger
    lenient = settings.model_copy(update={"retrain_rule": "not_worse"})
    fourth = only(retrain(lenient, lake_of(settings), now_ms=NOW_MS + 3_000))
    assert fourth.outcome == "promoted" and "surely not worse" in fourth.why
    store.promote(second.challenger, now_ms=NOW_MS + 4_000, why="Back to the one before.")
    assert store.latest() == second.challenger


def test_a_gate_keeps_even_the_better_one_out(settings: Settings, second: Verdict) -> None:
    strict = settings.model_copy(update={"gate_agent_auc": 0.9999})
    verdict = only(retrain(strict, lake_of(settings), now_ms=NOW_MS + 5_000))
    assert verdict.outcome == "kept"
    assert "misses a gate: agent roc auc is" in verdict.why
    assert ModelStore(settings.workspace, "classifier").latest() == second.challenger


def test_a_champion_that_knows_every_session_is_kept_for_want_of_others(settings: Settings, second: Verdict) -> None:
    greedy = settings.model_copy(update={"retrain_days": 43, "retrain_held_out_days": 1})
    # Nobody began in the last hour but actors of before, and too few of those.
    verdict = only(retrain(greedy, lake_of(settings), now_ms=NOW_MS + 6_000))
    assert verdict.outcome == "kept"
    assert "at least 10 of each kind are needed" in verdict.why


def test_a_damaged_champion_prices_nobody_and_is_replaced(settings: Settings, second: Verdict) -> None:
    store = ModelStore(settings.workspace, "classifier")
    path = store.open(second.challenger).folder / "calibration.json"
    whole = path.read_bytes()
    path.write_bytes(b"{}")
    try:
        verdict = only(retrain(settings, lake_of(settings), now_ms=NOW_MS + 7_000))
    finally:
        path.write_bytes(whole)
    assert verdict.outcome == "promoted"
    assert "The champion could not be asked: calibration.json" in verdict.why
    store.promote(second.challenger, now_ms=NOW_MS + 8_000, why="Back again.")


def test_cancelling_promotes_nothing(settings: Settings, second: Verdict) -> None:
    def cancel(fraction: float, message: str) -> None:
        if fraction > 0.5:
            raise CancelledError("Cancelled.")

    with pytest.raises(CancelledError):
        retrain(settings, lake_of(settings), now_ms=NOW_MS + 9_000, progress=cancel)
    assert ModelStore(settings.workspace, "classifier").latest() == second.challenger


def test_reports_are_kept_newest_first(settings: Settings, second: Verdict) -> None:
    kept = retrainings(settings)
    assert [report.created_ms for report in kept] == sorted((report.created_ms for report in kept), reverse=True)
    assert only(kept[-1]).outcome == "promoted"


def test_an_empty_workspace_is_skipped_with_the_reason(tmp_path: Path) -> None:
    empty = Settings(workspace=tmp_path)
    verdict = only(retrain(empty, lake_of(empty), now_ms=NOW_MS))
    assert (verdict.outcome, verdict.challenger) == ("skipped", "")
    assert "0 are labelled human" in verdict.why


def test_a_kind_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no model of kind 'oracle'"):
        retrain(Settings(workspace=tmp_path), lake_of(Settings(workspace=tmp_path)), now_ms=NOW_MS, kinds=["oracle"])


def test_the_verb_prints_one_object_and_the_job_leaves_the_same(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["retrain", "--json", "--workspace", str(tmp_path)])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["verdicts"][0]["outcome"] == "skipped"
    result = WORK["retrain"](Settings(workspace=tmp_path), {"rule": "not_worse", "days": 14}, NOW_MS, lambda fraction, message: None)
    assert result["rule"] == "not_worse"
    refused = CliRunner().invoke(app, ["retrain", "--rule", "best", "--json", "--workspace", str(tmp_path)])
    assert refused.exit_code == 1 and "no rule 'best'" in json.loads(refused.stdout)["error"]
