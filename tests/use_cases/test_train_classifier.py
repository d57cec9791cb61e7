"""Training, evaluating, saving and scoring, end to end on small data."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from phantom_core.core.errors import CancelledError, DataError, InputError, NotFoundError
from phantom_core.core.progress import no_progress
from phantom_core.core.settings import Settings
from phantom_core.evaluation.labelled_sessions import LabelledSessions, read_labelled
from phantom_core.evaluation.model_card import model_card
from phantom_core.evaluation.report import ClassifierReport
from phantom_core.evaluation.saved_report import read_report, read_report_and_card
from phantom_core.events.mapping import load_mapping
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.model_store.store import ModelStore
from phantom_core.replay.period import Period
from phantom_core.rules.text import parse_rules
from phantom_core.use_cases.data.demo import load_demo
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.use_cases.markets.simulate_sessions import simulate_sessions
from phantom_core.use_cases.models.model_use import take_first_model, use_model
from phantom_core.use_cases.models.score import score_sessions
from phantom_core.use_cases.models.study_classifier import sample_actors, study_classifier
from phantom_core.use_cases.models.train_classifier import train_classifier
from phantom_core.use_cases.rules.replay_data import connect_replay_data, read_replay_data

pytestmark = pytest.mark.slow

NOW_MS = 1_790_000_000_000
SHARED = Path(__file__).parents[3] / "shared" / "data" / "ticket_funnel"


def lake_of(settings: Settings) -> Lake:
    return open_lake(settings)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A workspace with 400 generated sessions and a trained classifier."""
    settings = Settings(workspace=tmp_path_factory.mktemp("shop"), demo_sessions=400)
    load_demo(settings, now_ms=NOW_MS)
    train_classifier(settings, lake_of(settings), now_ms=NOW_MS, n_folds=3)
    study_classifier(settings, lake_of(settings))
    return settings


@pytest.fixture(scope="module")
def report(shop: Settings) -> ClassifierReport:
    return read_report(ModelStore(shop.workspace, "classifier").open())


def test_the_report_has_every_figure_beside_its_baselines(report: ClassifierReport) -> None:
    figures = report.to_json()
    assert json.loads(json.dumps(figures)) == figures
    assert {
        "roc_auc",
        "roc_auc_ci",
        "pr_auc",
        "pr_auc_ci",
        "precision_at_recall_80",
        "ece",
        "brier",
        "threshold",
    } <= set(figures)
    assert {
        "confusion",
        "delay_attack_auc",
        "without_timing_auc",
        "without_user_agent_auc",
        "model_version",
    } <= set(figures)
    baselines = figures["baselines"]
    assert {"precision", "recall", "auc", "roc_auc", "roc_auc_ci"} <= set(
        baselines["velocity_rule"]
    )
    assert all({"roc_auc", "roc_auc_ci"} <= set(baselines[name]) for name in ("logistic", "kernel"))
    assert list(figures["prefix_auc"]) == ["2", "3", "5", "8", "13", "21", "all"]
    assert len(figures["leave_family_out"]) == 5
    low, high = figures["roc_auc_ci"]
    assert 0.5 < low < figures["roc_auc"] < high < 1


def test_labels_add_up_to_the_sessions_and_the_confusion_to_the_labels(
    report: ClassifierReport,
) -> None:
    labels, counted = report.data.labels, report.confusion
    assert labels.human + labels.agent + labels.unknown == report.data.sessions == 400
    assert counted.agents_found + counted.agents_missed == labels.agent
    assert counted.humans_marked + counted.humans_left == labels.human
    assert sum(report.data.families.values()) == labels.agent


def test_no_actor_is_in_two_folds(shop: Settings) -> None:
    model = ModelStore(shop.workspace, "classifier").open()
    folds = pq.read_table(model.folder / "oof.parquet").select(["session_id", "fold"])
    matrix = FeatureStore(lake_of(shop)).matrix().select(["session_id", "experiment_id"])
    joined = (
        folds.join(matrix, "session_id")
        .group_by("experiment_id")
        .aggregate([("fold", "count_distinct")])
    )
    assert joined.num_rows < 400
    assert pc.max(joined["fold_count_distinct"]).as_py() == 1


def test_the_saved_model_names_what_it_came_from_and_holds_no_pickle(
    shop: Settings, report: ClassifierReport
) -> None:
    model = ModelStore(shop.workspace, "classifier").open()
    assert (model.manifest.version, model.manifest.seed, model.manifest.lake_version) == (
        report.model_version,
        shop.seed,
        0,
    )
    assert set(model.manifest.files) == {
        "model.ubj",
        "calibration.json",
        "quote_model.ubj",
        "quote_calibration.json",
        "oof_quotes.parquet",
        "report.json",
        "oof.parquet",
        "card.md",
    }
    assert model.manifest.metrics["roc_auc"] == report.ranking.roc_auc.value
    assert model.manifest.libraries["xgboost"]
    assert model.manifest.labels_sha256 == report.data.labels_sha256


def test_the_card_puts_the_headline_beside_trivial_baselines_and_says_how_to_repeat_it(
    shop: Settings, report: ClassifierReport
) -> None:
    _, card = read_report_and_card(ModelStore(shop.workspace, "classifier").open())
    for heading in (
        "Intended use",
        "Data",
        "How well it ranks",
        "Threshold",
        "Robustness",
        "Limits",
        "How to reproduce",
    ):
        assert f"\n## {heading}\n" in card
    auc = report.ranking.roc_auc
    assert f"| **this classifier** | {auc.value:.3f} ({auc.low:.3f}–{auc.high:.3f}) |" in card
    assert f"| marking every session | 0.500 | {report.baselines.base_rate:.3f} |" in card
    assert (
        f"PHANTOM_LEAKING_TO_AGENT_COST=0.2 PHANTOM_SEED={shop.seed} python -m phantom_core train "
        "classifier --folds 3" in card
    )


def test_training_again_with_the_same_seed_finds_the_same_and_progress_never_goes_back(
    shop: Settings, report: ClassifierReport
) -> None:
    fractions: list[float] = []
    again = train_classifier(
        shop,
        lake_of(shop),
        now_ms=NOW_MS + 1_000,
        n_folds=3,
        progress=lambda fraction, message, values=None: fractions.append(fraction),
    )
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert again.ranking == report.ranking
    assert again.at_quote == report.at_quote
    studied = study_classifier(shop, lake_of(shop), version=again.model_version)
    assert studied.robustness == report.robustness
    assert again.model_version[-8:] == report.model_version[-8:]


def test_the_figures_at_quotes_stand_beside_their_share_and_the_model_of_whole_sessions(
    shop: Settings, report: ClassifierReport
) -> None:
    found = report.to_json()["at_quote"]
    assert isinstance(found, dict)
    overall = found["slices"][0]
    assert (found["moments"], overall["quotes"]) == ("quotes", "all quotes")
    assert overall["n_quotes"] > overall["n_sessions"] > 350
    for figures in (overall, overall["whole_session"]):
        for name in ("roc_auc", "ece", "brier"):
            low, high = figures[f"{name}_ci"]
            assert low <= figures[name] <= high
    # What learned from finished sessions takes nearly every actor for a human at the first quotes.
    assert overall["ece"] < overall["whole_session"]["ece"]
    assert overall["brier"] < overall["brier_base_rate"] < overall["whole_session"]["brier"] + 0.1
    metrics = ModelStore(shop.workspace, "classifier").open().manifest.metrics
    assert metrics["quote_roc_auc"] == overall["roc_auc"]
    assert "## At the quote, where prices are set" in model_card(report)


def test_no_quote_is_scored_by_a_model_that_saw_its_actor(shop: Settings) -> None:
    folder = ModelStore(shop.workspace, "classifier").open().folder
    quotes = pq.read_table(folder / "oof_quotes.parquet").select(["session_id", "fold"])
    sessions = pq.read_table(folder / "oof.parquet").select(["session_id", "fold"])
    both = quotes.join(sessions, "session_id", right_suffix="_session")
    assert both.num_rows == quotes.num_rows
    assert both["fold"].equals(both["fold_session"])


def test_replays_keep_the_out_of_fold_probability_of_a_training_quote(shop: Settings) -> None:
    model = ModelStore(shop.workspace, "classifier").open()
    learned = pq.read_table(model.folder / "oof_quotes.parquet")
    bands = parse_rules("IF p_agent > 0.7 THEN markup 1.3 AS agent\nELSE markup 1.0", "bands")
    with connect_replay_data(shop) as connection:
        data = read_replay_data(shop, connection, [bands], period=Period(), as_of="quote")
    assert sorted(data.p_agent_then) == pytest.approx(
        sorted(learned["agent_probability"].to_pylist())
    )


def test_a_model_of_whole_sessions_opens_for_reports_and_sets_no_price(
    shop: Settings, tmp_path: Path
) -> None:
    old = whole_sessions_only(shop, tmp_path)
    store = ModelStore(old.workspace, "classifier")
    version = store.versions()[0]
    assert not take_first_model(old, "classifier", version, "first", now_ms=NOW_MS)
    assert store.in_use() == version
    assert score_sessions(old, lake_of(old)).num_rows == 400
    with pytest.raises(InputError, match="learned from whole sessions only") as refusal:
        use_model(old, "max", "classifier", version, why="old", now_ms=NOW_MS)
    assert "Train another one" in refusal.value.hint
    bands = parse_rules("IF p_agent > 0.7 THEN markup 1.3 AS agent\nELSE markup 1.0", "bands")
    with (
        connect_replay_data(old) as connection,
        pytest.raises(DataError, match="learned from whole sessions only"),
    ):
        read_replay_data(old, connection, [bands], period=Period(), as_of="quote")
    with pytest.raises(DataError, match="learned from whole sessions only"):
        simulate_sessions(old, ["bands"], n_sessions=10)


def whole_sessions_only(shop: Settings, folder: Path) -> Settings:
    """The same shop, with a classifier as they were saved before they learned from quotes."""
    old = Settings(workspace=folder / "old", demo_sessions=400)
    load_demo(old, now_ms=NOW_MS)
    model = ModelStore(shop.workspace, "classifier").open()
    manifest = replace(
        model.manifest,
        files={},
        metrics={
            name: value
            for name, value in model.manifest.metrics.items()
            if not name.startswith("quote")
        },
    )
    kept = ("model.ubj", "calibration.json", "oof.parquet", "report.json", "card.md")
    ModelStore(old.workspace, "classifier").save(
        manifest, {name: model.read(name) for name in kept}
    )
    return old


def test_families_of_features_can_be_left_out_under_their_common_names(shop: Settings) -> None:
    without = train_classifier(
        shop,
        lake_of(shop),
        now_ms=NOW_MS + 2_000,
        n_folds=3,
        without=("timing", "user_agent"),
        for_pricing=False,
    )
    assert without.without == ("temporal", "user_agent")
    assert len(without.features) == 18
    assert (
        "--without temporal,user_agent"
        in ModelStore(shop.workspace, "classifier")
        .open(without.model_version)
        .read("card.md")
        .decode()
    )


@pytest.mark.parametrize(
    "without", [("clockwork",), ("timing", "behavioural", "product", "user_agent")]
)
def test_unknown_families_and_leaving_out_all_are_rejected(
    shop: Settings, without: tuple[str, ...]
) -> None:
    with pytest.raises(InputError):
        train_classifier(shop, lake_of(shop), now_ms=NOW_MS, without=without)


def test_cancelling_saves_nothing(shop: Settings) -> None:
    store = ModelStore(shop.workspace, "classifier")
    before = (store.versions(), store.latest())

    def cancel(fraction: float, message: str, values: object = None) -> None:
        if fraction > 0.4:
            raise CancelledError("Cancelled.")

    with pytest.raises(CancelledError):
        train_classifier(shop, lake_of(shop), now_ms=NOW_MS + 3_000, n_folds=3, progress=cancel)
    assert (store.versions(), store.latest()) == before


def test_an_interrupted_study_goes_on_with_the_folds_that_are_missing(shop: Settings) -> None:
    store = ModelStore(shop.workspace, "classifier")
    model = store.open()
    studied = read_report(model).robustness
    (model.folder / "studies.json").unlink()
    assert read_report(model).robustness is None

    def cancel(fraction: float, message: str, values: object = None) -> None:
        if fraction > 0.5:
            raise CancelledError("Cancelled.")

    with pytest.raises(CancelledError):
        study_classifier(shop, lake_of(shop), progress=cancel)
    finished = list((model.folder / "studies").rglob("unseen-*.npy"))
    assert len(finished) == 15  # five families, three folds
    untouched = {path: path.stat().st_mtime_ns for path in finished}
    trained: list[str] = []

    def note(fraction: float, message: str, values: object = None) -> None:
        trained.append(message)
        assert {path: path.stat().st_mtime_ns for path in finished if path.exists()} in (
            untouched,
            {},
        )

    assert study_classifier(shop, lake_of(shop), progress=note).robustness == studied
    assert not any("agents without" in message for message in trained)
    assert not (model.folder / "studies").exists()


def test_a_study_of_other_labels_than_were_learned_is_refused(
    settings: Settings, write: Callable[[str, str], Path]
) -> None:
    def labels(agents: str) -> str:
        return "session,label\n" + "".join(
            f"s{i},{'bot' if str(i) in agents else 'human'}\n" for i in range(8)
        )

    for agents in ("1357", "1356"):
        ingest_files(
            settings,
            [write("e.csv", EVENTS)],
            now_ms=NOW_MS,
            labels=str(write("l.csv", labels(agents))),
        )
        if agents == "1357":
            train_classifier(settings, lake_of(settings), now_ms=NOW_MS, n_folds=3)
    with pytest.raises(DataError, match="changed since"):
        study_classifier(settings, lake_of(settings))


def test_many_sessions_are_studied_by_a_sample_of_whole_actors(shop: Settings) -> None:
    labelled = read_labelled(lake_of(shop), ("total_interactions",), 3, no_progress)
    sample = sample_actors(labelled, np.random.default_rng(0), most=100)
    assert 80 < sample.matrix.num_rows <= 100
    kept = set(sample.rows.groups.tolist())
    assert int(np.isin(labelled.rows.groups, list(kept)).sum()) == sample.matrix.num_rows
    assert sample.history.n_events.tolist() == sample.rows.values[:, 0].tolist()


def test_every_session_gets_a_score_and_the_second_time_from_disk(shop: Settings) -> None:
    first = score_sessions(shop, lake_of(shop))
    assert first.num_rows == len(set(first["session_id"].to_pylist())) == 400
    assert (
        0
        < pc.min(first["agent_probability"]).as_py()
        < pc.max(first["agent_probability"]).as_py()
        < 1
    )
    assert set(first["model_version"].to_pylist()) == {
        ModelStore(shop.workspace, "classifier").latest()
    }
    assert score_sessions(shop, lake_of(shop)) == first


def test_training_sessions_keep_their_out_of_fold_probability(shop: Settings) -> None:
    scores = score_sessions(shop, lake_of(shop))
    model = ModelStore(shop.workspace, "classifier").open()
    honest = (
        pq.read_table(model.folder / "oof.parquet")
        .select(["session_id", "agent_probability"])
        .sort_by("session_id")
    )
    assert pc.all(scores["is_out_of_fold"]).as_py()
    assert scores.select(["session_id", "agent_probability"]).sort_by("session_id").equals(honest)


def test_unreadable_scores_on_disk_are_computed_again(shop: Settings) -> None:
    first = score_sessions(shop, lake_of(shop))
    (path,) = ModelStore(shop.workspace, "classifier").open().folder.glob("scores/*")
    path.write_bytes(b"junk")
    assert score_sessions(shop, lake_of(shop)) == first
    assert pq.read_table(path) == first


def test_a_changed_or_new_session_is_scored_by_the_saved_model(
    shop: Settings, write: Callable[[str, str], Path]
) -> None:
    before = score_sessions(shop, lake_of(shop)).sort_by("session_id")
    changed = before["session_id"][0].as_py()
    rows = (
        f"sessionId,ts,eventName\n{changed},2026-03-01,search\nnew-one,2026-03-01,search\n"
        "new-one,2026-03-01T00:00:01Z,click\n"
    )
    ingest_files(shop, [write("more.csv", rows)], now_ms=NOW_MS)
    after = score_sessions(shop, lake_of(shop))
    fresh = set(after.filter(pc.invert(after["is_out_of_fold"]))["session_id"].to_pylist())
    assert fresh == {changed, "new-one"}
    assert after.num_rows == 401
    assert len(list(ModelStore(shop.workspace, "classifier").open().folder.glob("scores/*"))) == 1


def test_scoring_with_a_corrupted_model_is_rejected(shop: Settings, tmp_path: Path) -> None:
    model = ModelStore(shop.workspace, "classifier").open()
    trees = model.folder / "model.ubj"
    whole = trees.read_bytes()
    for scores in model.folder.glob("scores/*"):
        scores.unlink()
    trees.write_bytes(whole[:1_000] + b"!" + whole[1_001:])
    try:
        with pytest.raises(DataError, match=r"model\.ubj .* is not the file that was saved"):
            score_sessions(shop, lake_of(shop))
    finally:
        trees.write_bytes(whole)


def test_a_model_of_differently_defined_features_is_rejected(shop: Settings) -> None:
    path = ModelStore(shop.workspace, "classifier").open().folder / "manifest.json"
    text = path.read_text()
    path.write_text(json.dumps({**json.loads(text), "sql_hash": "another"}))
    try:
        with pytest.raises(DataError, match="features that were defined differently"):
            score_sessions(shop, lake_of(shop))
    finally:
        path.write_text(text)


def test_scoring_without_a_model_says_how_to_train(settings: Settings) -> None:
    with pytest.raises(NotFoundError, match="No classifier has been trained"):
        score_sessions(settings, lake_of(settings))


def test_an_empty_workspace_cannot_be_trained_on(settings: Settings) -> None:
    with pytest.raises(DataError, match="of 0 sessions 0 are labelled human and 0 agent"):
        train_classifier(settings, lake_of(settings), now_ms=NOW_MS)


EVENTS = "sessionId,ts,eventName\n" + "".join(
    f"s{i},2026-03-01T00:00:{j:02}Z,click\n" for i in range(8) for j in range(3)
)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("session,label\ns0,human\ns1,human\n", "2 are labelled human and 0 agent"),
        ("session,label\ns0,bot\n", "0 are labelled human and 1 agent"),
        (
            "session,label\ns0,bot\ns1,bot\ns2,human\ns3,human\ns4,human\ns5,human\ns6,human\n",
            "name 5 human and 2 agent actors",
        ),
    ],
)
def test_too_few_labels_are_rejected_with_their_counts(
    settings: Settings, write: Callable[[str, str], Path], labels: str, message: str
) -> None:
    ingest_files(
        settings, [write("e.csv", EVENTS)], now_ms=NOW_MS, labels=str(write("l.csv", labels))
    )
    with pytest.raises(DataError, match=message):
        train_classifier(settings, lake_of(settings), now_ms=NOW_MS)
    assert ModelStore(settings.workspace, "classifier").versions() == ()


def test_identical_sessions_give_a_random_classifier_without_an_error(
    settings: Settings, write: Callable[[str, str], Path]
) -> None:
    labels = "session,label\n" + "".join(f"s{i},{'bot' if i % 2 else 'human'}\n" for i in range(8))
    ingest_files(
        settings, [write("e.csv", EVENTS)], now_ms=NOW_MS, labels=str(write("l.csv", labels))
    )
    report = train_classifier(settings, lake_of(settings), now_ms=NOW_MS, n_folds=3)
    assert report.ranking.roc_auc.value == 0.5
    assert report.robustness is None
    studied = study_classifier(settings, lake_of(settings)).robustness
    assert studied is not None
    assert studied.leave_family_out == ()
    assert studied.without_user_agent is None  # no session sent one
    assert report.threshold.agent_buying_rate == 0


@pytest.mark.parametrize(("subjects", "actors", "split"), [("abcaefgh", 7, 0), ("abcaxxxx", 8, 2)])
def test_a_subject_of_several_experiments_is_one_actor_where_there_are_enough_of_them(
    settings: Settings, write: Callable[[str, str], Path], subjects: str, actors: int, split: int
) -> None:
    events = "sessionId,experimentId,ts,eventName\n" + "".join(
        f"s{i},x{i},2026-03-01T00:00:00Z,click\n" for i in range(8)
    )
    experiments = "id,subject_name,xp_human_only\n" + "".join(
        f"x{i},{name},{i < 4}\n" for i, name in enumerate(subjects)
    )
    ingest_files(
        settings,
        [write("e.csv", events)],
        now_ms=NOW_MS,
        experiments=str(write("x.csv", experiments)),
    )
    data = read_labelled(lake_of(settings), ("total_interactions",), 3, no_progress).data
    assert (data.actors, data.subjects_split) == (actors, split)
    assert (data.sources.person, data.sources.experiment) == (0, 8)


def test_the_hash_of_the_labels_follows_the_labels(
    settings: Settings, write: Callable[[str, str], Path]
) -> None:
    def labelled(agents: str) -> LabelledSessions:
        rows = "session,label\n" + "".join(
            f"s{i},{'bot' if str(i) in agents else 'human'}\n" for i in range(8)
        )
        ingest_files(
            settings, [write("e.csv", EVENTS)], now_ms=NOW_MS, labels=str(write("l.csv", rows))
        )
        return read_labelled(lake_of(settings), ("total_interactions",), 3, no_progress)

    first, again, other = labelled("1234"), labelled("1234"), labelled("1235")
    assert (first.data.sources.person, first.data.lone_sessions) == (8, 8)
    assert first.data.labels_sha256 == again.data.labels_sha256 != other.data.labels_sha256


@pytest.mark.real_data
@pytest.mark.skipif(not SHARED.exists(), reason="the ticket funnel is not part of the repository")
def test_the_ticket_funnel_is_detected_by_timing_and_hardly_without(settings: Settings) -> None:
    mapping = load_mapping("ticket_funnel")
    ingest_files(
        settings,
        [SHARED / "requests.parquet"],
        now_ms=NOW_MS,
        mapping=mapping,
        labels=str(SHARED / "labels.csv"),
    )
    train_classifier(settings, lake_of(settings), now_ms=NOW_MS)
    report = study_classifier(settings, lake_of(settings))
    assert (report.data.labels.human, report.data.labels.agent) == (84, 107)
    assert report.ranking.roc_auc.value > 0.99
    assert report.robustness is not None and report.robustness.without_timing is not None
    assert report.robustness.without_timing.value < 0.7
