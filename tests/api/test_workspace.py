"""The Python API: each method gives what the engine gives, typed, without a word printed."""

import ast
import doctest
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

import phantom
import phantom.workspace
from phantom.results import ClassifierReport, Leakage, Replay
from phantom_core.core import errors
from phantom_core.core.settings import Settings
from phantom_core.features.catalogue import feature_names
from phantom_core.use_cases.rules.replay_rules import replay_store
from tests.conftest import NOW_MS

CLICKS = """sessionId,ts,eventName,page,productId
s2,2026-03-01T12:00:10Z,search,/list,
s1,2026-03-01T12:00:00Z,view_item_page,/p1,p1
"""
UTC = pa.timestamp("us", tz="UTC")


@pytest.fixture(scope="module")
def shop(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[phantom.Workspace]:
    """A workspace of its own with a small demo set and a classifier."""
    yield phantom.open(shutil.copytree(trained, tmp_path_factory.mktemp("api") / "workspace"))


@pytest.fixture
def own(tmp_path: Path) -> phantom.Workspace:
    """Two sessions without labels."""
    (tmp_path / "clicks.csv").write_text(CLICKS)
    opened = phantom.open(tmp_path / "workspace")
    opened.load(tmp_path / "clicks.csv", now_ms=NOW_MS)
    return opened


def test_importing_it_loads_nothing_that_takes_time() -> None:
    heavy = ("pandas", "pyarrow", "duckdb", "numpy", "pydantic", "xgboost", "torch", "sklearn")
    code = f"import sys, phantom; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_error_of_the_engine_can_be_caught_by_its_name() -> None:
    tree = {
        name: one
        for name, one in vars(errors).items()
        if isinstance(one, type) and issubclass(one, errors.PhantomError)
    }
    assert tree.items() <= vars(phantom).items()
    assert set(tree) <= set(phantom.__all__)


def test_every_public_method_says_what_it_takes_gives_and_raises() -> None:
    for name, method in vars(phantom.Workspace).items():
        if not name.startswith("_") and callable(method):
            text = method.__doc__ or ""
            takes = set(method.__annotations__) - {"return", "now_ms", "progress"}
            missing = [one for one in takes if f"{one}:" not in text]
            assert not missing, f"{name} does not say what {missing} is"


def test_a_workspace_that_does_not_exist_yet_is_empty(tmp_path: Path) -> None:
    empty = phantom.open(tmp_path / "new")
    counts = [empty.sessions(), empty.features(), empty.events(), empty.quotes()]
    assert [table.num_rows for table in counts] == [0, 0, 0, 0]
    assert (empty.models("classifier"), empty.models("multitask")) == ((), ())
    assert empty.separation()["auc"].null_count == len(feature_names())
    with pytest.raises(phantom.NotFoundError):
        empty.score()
    with pytest.raises(phantom.DataError):
        empty.calibrate()


def test_without_a_folder_the_environment_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHANTOM_WORKSPACE", str(tmp_path / "named"))
    assert phantom.open().path == tmp_path / "named"
    monkeypatch.setenv("PHANTOM_DEMO_SESSIONS", "five")
    with pytest.raises(phantom.InputError, match="PHANTOM_DEMO_SESSIONS cannot be used"):
        phantom.open()


def test_what_was_loaded_is_there_at_once(own: phantom.Workspace, tmp_path: Path) -> None:
    assert own.sessions().to_pydict()["session_id"] == ["s1", "s2"]
    assert own.sessions().to_pydict()["label"] == ["unknown", "unknown"]
    assert own.features()["session_id"].to_pylist() == ["s1", "s2"]
    assert own.features()["item_views"].to_pylist() == [1, 0]
    more = tmp_path / "more.csv"
    more.write_text(CLICKS.replace("s2", "s3"))
    report = own.load([more], now_ms=NOW_MS)
    assert (report.loads[0].accepted, report.loads[0].duplicates) == (1, 1)
    assert own.sessions()["session_id"].to_pylist() == ["s1", "s2", "s3"]


def test_times_are_utc_on_every_machine(own: phantom.Workspace) -> None:
    assert own.sessions().schema.field("start").type == UTC
    assert own.events().schema.field("time").type == UTC
    assert own.quotes().schema.field("time").type == UTC
    assert str(own.events()["time"][0].as_py()) == "2026-03-01 12:00:00+00:00"


def test_events_and_quotes_can_be_of_one_session_or_a_few(shop: phantom.Workspace) -> None:
    session = shop.quotes(limit=1)["session_id"][0].as_py()
    for table, of_one in (
        (shop.events(), shop.events(session)),
        (shop.quotes(), shop.quotes(session)),
    ):
        mine = [row for row in table.to_pylist() if row["session_id"] == session]
        assert of_one.to_pylist() == mine
        times = table["time"].to_pylist()
        assert times == sorted(times)
    assert shop.events(limit=3).to_pylist() == shop.events().slice(0, 3).to_pylist()


def test_a_query_takes_values_and_says_why_it_cannot_be_run(shop: phantom.Workspace) -> None:
    sql = "SELECT label, COUNT(*) AS n FROM sessions WHERE label = ? GROUP BY label"
    labels = shop.sessions()["label"].to_pylist()
    assert shop.query(sql, ["human"]).to_pylist() == [
        {"label": "human", "n": labels.count("human")}
    ]
    with pytest.raises(phantom.InputError, match="nowhere does not exist"):
        shop.query("SELECT * FROM nowhere")


def test_features_and_sessions_are_in_the_same_order(shop: phantom.Workspace) -> None:
    sessions, features = shop.sessions(), shop.features()
    assert sessions["session_id"].equals(features["session_id"])
    assert features.column_names == ["session_id", "label", *feature_names()]
    assert sessions["events"].equals(features["total_interactions"])


def test_scores_are_those_of_the_sessions(shop: phantom.Workspace) -> None:
    scores = shop.score().to_pydict()
    sessions = shop.sessions().to_pydict()
    by_session = dict(zip(scores["session_id"], scores["agent_probability"], strict=True))
    assert [by_session[name] for name in sessions["session_id"]] == sessions["agent_probability"]


def test_a_second_training_is_a_candidate_beside_the_model_in_use(shop: phantom.Workspace) -> None:
    report = shop.train_classifier(folds=3, without=["user_agent"], now_ms=NOW_MS + 1_000)
    earlier, newest = shop.models("classifier")
    assert isinstance(report, ClassifierReport)
    assert (newest.version, newest.in_use, earlier.in_use) == (report.model_version, False, True)
    assert newest.report.without == ("user_agent",)
    assert newest.metrics["roc_auc"] == report.ranking.roc_auc.value
    assert f"{report.ranking.roc_auc.value:.3f}" in newest.card
    assert set(shop.score()["model_version"].to_pylist()) == {earlier.version}
    assert set(shop.score(version=newest.version)["model_version"].to_pylist()) == {newest.version}
    with pytest.raises(phantom.InputError, match="no kind of model 'forest'"):
        shop.models("forest")  # type: ignore[call-overload]


def test_rules_come_by_name_from_a_file_and_written_out(
    shop: phantom.Workspace, tmp_path: Path
) -> None:
    text = "IF p_agent > 0.9 THEN markup 1.10\nELSE markup 1.00\n"
    (tmp_path / "strict.rules").write_text(text)
    written, filed = shop.rules(text, name="strict"), shop.rules(str(tmp_path / "strict.rules"))
    assert written == filed
    assert shop.rules("bands").name == "bands"
    with pytest.raises(phantom.NotFoundError):
        shop.rules("no such set")
    with pytest.raises(phantom.InputError, match="line 1"):
        shop.rules("IF nonsense THEN markup 1.10\nELSE markup 1.00\n")


def test_rules_are_checked_against_this_shop(shop: phantom.Workspace) -> None:
    found = shop.check("IF p_agent > 0.9 THEN markup 4.00\nELSE markup 1.00\n")
    assert ("out of guard rails", "error") in {(one.kind, one.severity) for one in found}


def test_a_replay_is_saved_only_when_wanted(shop: phantom.Workspace) -> None:
    tried = shop.replay("bands", now_ms=NOW_MS, save=False)
    saved = shop.replay("bands", against="none", now_ms=NOW_MS, seed=tried.seed)
    store = replay_store(Settings(workspace=shop.path))
    assert isinstance(tried, Replay)
    assert len(store.runs.names()) == 1
    assert store.open().to_text() == saved.to_text() == tried.to_text()
    figures = phantom.figures(saved).to_pandas()
    row = figures[(figures.rules == "bands") & (figures.figure == "agent_premium")].iloc[0]
    assert saved.rules.agent is not None
    assert row["value"] == saved.rules.agent.premium.value
    assert saved.rules.agent.premium.low <= row["value"] <= row["high"]
    with pytest.raises(phantom.InputError, match="is no date"):
        shop.replay("bands", days=("soon", ""), now_ms=NOW_MS)


def test_leakage_breaks_down_to_its_total(shop: phantom.Workspace) -> None:
    found = shop.leakage(now_ms=NOW_MS)
    assert isinstance(found, Leakage)
    parts = phantom.figures(found).to_pandas()
    constant = parts[(parts.reference == "constant") & (parts.by == "product")]
    assert constant.leakage.sum() == pytest.approx(found.accounts[0].leakage.value)


def test_markets_can_be_chosen_changed_and_tried(shop: phantom.Workspace) -> None:
    tight = shop.scenarios()["tight"]
    assert "calibrated" not in shop.scenarios()
    named = shop.simulate("tight", ["surge"], episodes=10, now_ms=NOW_MS)
    trial = shop.simulate(tight.with_(agent_share=0.0), ["surge"], episodes=10, now_ms=NOW_MS)
    assert (named.scenario, trial.scenario.agent_share) == (tight, 0.0)
    figures, hours = phantom.figures(trial).to_pandas(), phantom.paths(trial).to_pandas()
    assert set(figures.policy) == set(hours.policy) == {"base price", "best fixed", "surge"}
    assert hours.hour.max() == tight.horizon_h
    with pytest.raises(phantom.NotFoundError, match="no scenario 'nowhere'"):
        shop.simulate("nowhere")


def test_a_calibration_measures_this_shop_or_says_why_not(shop: phantom.Workspace) -> None:
    found = shop.calibrate(now_ms=NOW_MS)
    assert found.visits.per_day == pytest.approx(
        sum(hour.value for hour in found.visits.by_hour if hour)
    )
    assert found.identified != bool(found.refusal)
    assert ("calibrated" in shop.scenarios()) == found.identified


def test_figures_of_anything_else_are_refused() -> None:
    with pytest.raises(phantom.InputError, match="A int has no figures"):
        phantom.figures(3)  # type: ignore[arg-type]


def test_work_stops_where_progress_says_so(shop: phantom.Workspace) -> None:
    def stop(fraction: float, message: str, values: object = None) -> None:
        raise phantom.CancelledError("enough")

    with pytest.raises(phantom.CancelledError):
        shop.replay("bands", now_ms=NOW_MS, progress=stop)


def test_nothing_is_printed(shop: phantom.Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    shop.sessions()
    shop.check("bands")
    shop.replay("bands", now_ms=NOW_MS, save=False)
    shop.simulate("tight", ["fixed"], episodes=2, now_ms=NOW_MS)
    assert capfd.readouterr() == ("", "")
    calls = [
        node.func.id
        for file in Path(phantom.__file__).parent.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    assert "print" not in calls


def test_examples_in_docstrings_hold(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("clicks.csv").write_text(CLICKS)
    shop = phantom.open(shutil.copytree(trained, tmp_path / "workspace"))
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for example in doctest.DocTestFinder().find(phantom.workspace):
        example.globs["shop"] = shop
        runner.run(example)
    assert runner.tries >= 7
    assert runner.failures == 0
