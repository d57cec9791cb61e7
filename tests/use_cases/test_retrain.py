"""Retraining: the better model is used, a loser changes nothing, evaluation rows are held out."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from phantom_core.cli import app
from phantom_core.core.errors import CancelledError, DataError, InputError
from phantom_core.core.progress import Progress, no_progress
from phantom_core.core.settings import PromotionGateSettings, RetrainingSettings, Settings
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.model_store.manifest import FORMAT, Manifest
from phantom_core.model_store.store import ModelStore, StoredModel
from phantom_core.monitoring.challenger_evaluation import HeldOut
from phantom_core.monitoring.promotion_decision import RetrainOutcome, RetrainReport, Window
from phantom_core.shoppers.generate import Generated, generate_sessions
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.use_cases.models.job_retrain import RetrainRequest
from phantom_core.use_cases.models.model_use import pricing_version
from phantom_core.use_cases.models.retrain import list_retrainings, retrain_models, retrain_one
from tests.approved import approve_policy_now

pytestmark = pytest.mark.slow

NOW_MS = 1_772_452_800_000  # after the last session
N_SESSIONS = 500


def lake_of(settings: Settings) -> Lake:
    return open_lake(settings)


def load(settings: Settings, shop: Generated, folder: Path, *, wrong: bool) -> None:
    """Load a shop; with wrong labels every second human is called an agent, and every second agent
    a human.
    """
    folder.mkdir(exist_ok=True)
    pq.write_table(shop.events, folder / "events.parquet")
    experiments = shop.experiments
    if wrong:
        human = experiments["xp_human_only"].to_pylist()
        mixed = pa.array([bool(one) ^ (place % 2 == 0) for place, one in enumerate(human)])
        experiments = experiments.set_column(
            experiments.column_names.index("xp_human_only"), "xp_human_only", mixed
        )
    pa_csv.write_csv(experiments, folder / "experiments.csv")
    ingest_files(
        settings,
        [folder / "events.parquet"],
        now_ms=NOW_MS,
        experiments=str(folder / "experiments.csv"),
    )


@pytest.fixture(scope="module")
def shop() -> Generated:
    return generate_sessions(N_SESSIONS, 11)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, shop: Generated) -> Settings:
    """A workspace where most labels are wrong, so that a model trained on them learns little."""
    chosen = Settings(
        workspace=tmp_path_factory.mktemp("retrain"),
        gates=PromotionGateSettings(
            agent_auc=0.0,
            agent_precision=0.0,
            calibration_error=1.0,
            quote_auc=0.0,
            quote_calibration_error=1.0,
        ),
    )
    chosen = chosen.model_copy(update={"retraining": RetrainingSettings(days=42, held_out_days=10)})
    load(chosen, shop, chosen.workspace / "files", wrong=True)
    return chosen


def only(report: RetrainReport) -> RetrainOutcome:
    (result,) = report.verdicts
    return result


@pytest.fixture(scope="module")
def first(settings: Settings) -> RetrainOutcome:
    return only(retrain_models(settings, lake_of(settings), now_ms=NOW_MS))


@pytest.fixture(scope="module")
def second(settings: Settings, shop: Generated, first: RetrainOutcome) -> RetrainOutcome:
    load(settings, shop, settings.workspace / "files", wrong=False)
    handed: list[str] = []

    def publish(kind: str) -> str:
        handed.append(f"{kind} {ModelStore(settings.workspace, kind).latest()}")
        return "Published."

    result = only(
        retrain_models(settings, lake_of(settings), now_ms=NOW_MS + 1_000, publish=publish)
    )
    assert handed == [f"classifier {first.challenger}"]
    return result


def test_the_first_model_only_has_to_meet_its_gates(
    settings: Settings, first: RetrainOutcome
) -> None:
    assert (first.outcome, first.champion) == ("promoted", "")
    assert all(figure.champion is None for figure in first.figures)
    moves = ModelStore(settings.workspace, "classifier").promotions()
    assert (moves[0].version, moves[0].before) == (first.challenger, "")


def test_without_a_policy_a_better_challenger_waits_and_the_approved_model_is_handed_on(
    settings: Settings, first: RetrainOutcome, second: RetrainOutcome
) -> None:
    assert (second.outcome, second.champion, second.published) == (
        "waiting",
        first.challenger,
        "Published.",
    )
    assert "No promotion policy is approved" in second.why
    ahead = second.figures[0]
    assert (
        ahead.name == "agent_at_quote_roc_auc"
        and ahead.difference is not None
        and ahead.difference.low > 0
    )
    assert ModelStore(settings.workspace, "classifier").latest() == first.challenger
    assert pricing_version(settings, "classifier") == first.challenger


def test_no_model_is_evaluated_on_actors_seen_in_training(
    settings: Settings, first: RetrainOutcome, second: RetrainOutcome
) -> None:
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


@dataclass(frozen=True)
class Planned:
    """A retraining with known scores of both models, on sessions of which each actor has two."""

    workspace: Path
    challenger: str
    mine: NDArray[np.float64]
    theirs: NDArray[np.float64] | None = None
    problem: str = ""
    kind: str = "classifier"

    def window(self, end_ms: int) -> Window:
        return Window(0, 1, 2)

    def train(
        self, window: Window, champion: StoredModel | None, now_ms: int, progress: Progress
    ) -> StoredModel:
        progress(0.5, "training")
        manifest = Manifest(
            FORMAT, self.kind, self.challenger, now_ms, 0, "", "", 0, (), {}, {}, {}
        )
        return ModelStore(self.workspace, self.kind).save(
            manifest,
            dict.fromkeys(("model.ubj", "quote_model.ubj", "quote_calibration.json"), b"trees"),
        )

    def held_out(
        self, window: Window, champion: StoredModel | None, challenger: StoredModel
    ) -> dict[str, HeldOut]:
        if champion is not None and self.problem:
            raise DataError(self.problem)
        actor = np.repeat(np.arange(len(self.mine) // 2), 2)
        return {
            "agent": HeldOut(actor % 2 == 1, actor, self.theirs if champion else None, self.mine)
        }

    def limits(self) -> dict[str, dict[str, float]]:
        return {"agent": {"roc_auc": 0.8}}


SURE = np.tile([0.1, 0.1, 0.9, 0.9], 50)
RANDOM = np.random.default_rng(3).random(200)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """A workspace with a champion that scores at random."""
    chosen = Settings(workspace=tmp_path, gates=PromotionGateSettings(agent_auc=0.0))
    assert retrain_one(chosen, Planned(tmp_path, "v1", SURE), 1, no_progress).outcome == "promoted"
    return ModelStore(tmp_path, "classifier")


def held(
    store: ModelStore, mine: NDArray[np.float64], theirs: NDArray[np.float64], **more: str
) -> RetrainOutcome:
    settings = Settings(workspace=store.root.parents[1])
    return retrain_one(
        settings, Planned(settings.workspace, "v2", mine, theirs, **more), 2, no_progress
    )


def test_a_copy_of_the_champion_is_not_significantly_better_and_stays_a_candidate(
    store: ModelStore,
) -> None:
    result = held(store, SURE, SURE)
    assert result.outcome == "kept" and "not significantly better" in result.why
    assert (store.latest(), store.versions(), store.choices()) == (
        "v1",
        ("v1", "v2"),
        ("v1", "v2"),
    )


def test_not_being_worse_is_enough_where_the_rule_says_so(store: ModelStore) -> None:
    settings = Settings(
        workspace=store.root.parents[1], retraining=RetrainingSettings(rule="not_worse")
    )
    result = retrain_one(settings, Planned(settings.workspace, "v2", SURE, SURE), 2, no_progress)
    assert result.outcome == "waiting" and "not worse by more than" in result.why
    assert store.latest() == "v1"


def test_an_approved_policy_promotes_by_its_own_rule_and_gates(store: ModelStore) -> None:
    settings = Settings(workspace=store.root.parents[1])
    approve_policy_now(settings, "classifier", "not_worse", 0.01, {"agent": {"roc_auc": 0.8}})
    assert settings.retraining.rule == "better"
    result = retrain_one(settings, Planned(settings.workspace, "v2", SURE, SURE), 2, no_progress)
    assert result.outcome == "promoted" and "Promotion policy" in result.why
    assert store.latest() == pricing_version(settings, "classifier") == "v2"
    weak = np.where(np.arange(200) % 3 == 0, 0.5, SURE)
    weak[::2] = 0.5
    lenient = settings.model_copy(update={"gates": PromotionGateSettings(agent_auc=0.0)})
    kept = retrain_one(lenient, Planned(settings.workspace, "v3", weak, RANDOM), 3, no_progress)
    assert kept.outcome == "kept" and "misses a gate" in kept.why


def test_a_gate_blocks_even_the_better_model(store: ModelStore) -> None:
    weak = np.where(np.arange(200) % 3 == 0, 0.5, SURE)  # better than random, below the gate of 0.8
    weak[::2] = 0.5
    result = held(store, weak, RANDOM)
    assert result.outcome == "kept" and "misses a gate: agent roc auc is" in result.why
    assert store.latest() == "v1"


def test_too_few_held_out_sessions_decide_nothing(store: ModelStore) -> None:
    result = held(store, SURE[:18], SURE[:18])
    assert result.outcome == "kept"
    assert (
        "There are 18 later rows by actors on whom neither the champion nor the challenger "
        "was trained" in result.why
    )
    assert result.figures == ()


def test_a_champion_that_cannot_score_is_replaced(store: ModelStore) -> None:
    settings = Settings(workspace=store.root.parents[1])
    approve_policy_now(settings, "classifier", "better", 0.0, {"agent": {"roc_auc": 0.8}})
    result = held(
        store, SURE, SURE, problem="calibration.json of model v1 is not the file that was saved."
    )
    assert result.outcome == "promoted"
    assert "The champion could not be evaluated: calibration.json of model v1" in result.why
    assert store.latest() == "v2"


def test_cancelling_promotes_nothing(store: ModelStore) -> None:
    def cancel(fraction: float, message: str, values: object = None) -> None:
        raise CancelledError("Cancelled.")

    settings = Settings(workspace=store.root.parents[1])
    with pytest.raises(CancelledError):
        retrain_one(settings, Planned(settings.workspace, "v2", SURE, RANDOM), 2, cancel)
    assert (store.latest(), store.versions()) == ("v1", ("v1",))


def test_reports_are_listed_newest_first(settings: Settings, second: RetrainOutcome) -> None:
    saved = list_retrainings(settings)
    assert [report.created_ms for report in saved] == sorted(
        (report.created_ms for report in saved), reverse=True
    )
    assert only(saved[-1]).outcome == "promoted"


def test_an_empty_workspace_is_skipped_with_the_reason(tmp_path: Path) -> None:
    empty = Settings(workspace=tmp_path)
    result = only(retrain_models(empty, lake_of(empty), now_ms=NOW_MS))
    assert (result.outcome, result.challenger) == ("skipped", "")
    assert "0 are labelled human" in result.why


def test_a_kind_that_does_not_exist_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no kind of model 'oracle'"):
        retrain_models(
            Settings(workspace=tmp_path),
            lake_of(Settings(workspace=tmp_path)),
            now_ms=NOW_MS,
            kinds=["oracle"],
        )


def test_the_verb_prints_one_object_and_the_job_leaves_the_same(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["retrain", "--json", "--workspace", str(tmp_path)])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["verdicts"][0]["outcome"] == "skipped"
    result = RetrainRequest(rule="not_worse", days=14).run(
        Settings(workspace=tmp_path), now_ms=NOW_MS
    )
    assert result.rule == "not_worse"
    rejected = CliRunner().invoke(
        app, ["retrain", "--rule", "best", "--json", "--workspace", str(tmp_path)]
    )
    assert (
        rejected.exit_code == 1
        and "no promotion rule 'best'" in json.loads(rejected.stdout)["error"]
    )
