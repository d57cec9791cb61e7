"""Every kind of job is declared in one file, and its request survives the jobs table."""

import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from phantom_core.core.errors import DataError, InputError, NotFoundError
from phantom_core.core.settings import RetrainingSettings, Settings
from phantom_core.jobs.job_request import JobRequest
from phantom_core.jobs.jobs import Jobs
from phantom_core.market.trial import USUAL_EPISODES
from phantom_core.session_market.market import BANDS, NO_MARKUP
from phantom_core.use_cases.explanations.job_distil import DistilRequest
from phantom_core.use_cases.markets.job_simulate import SimulateRequest
from phantom_core.use_cases.models.job_retrain import RetrainRequest
from phantom_core.use_cases.models.job_train_classifier import TrainClassifierRequest
from phantom_core.use_cases.operations.run_job import run_job
from phantom_core.use_cases.request_registry import job_kinds, parse_request, request_type
from phantom_core.use_cases.rules.job_measure_leakage import MeasureLeakageRequest
from phantom_core.use_cases.rules.job_replay_rules import ReplayRulesRequest
from tests.use_cases.old_job_rows import OLD_ROWS, ROWS

HEAVY = (
    "torch",
    "sklearn",
    "xgboost",
    "pandas",
    "pyarrow",
    "duckdb",
    "numpy",
    "sqlalchemy",
    "stable_baselines3",
)


def test_the_kinds_are_those_that_rows_and_links_know() -> None:
    assert set(job_kinds()) == {kind for kind, *_ in ROWS}


@pytest.mark.parametrize("kind", job_kinds())
def test_a_kind_is_one_file_with_a_title_and_a_description(kind: str) -> None:
    request = request_type(kind)
    assert Path(inspect.getfile(request)).stem == f"job_{kind}"
    assert request.kind == kind
    assert request.title
    first, _, _ = str(inspect.getdoc(request)).partition("\n\n")
    assert first.endswith(".")
    assert request.model_config["frozen"]


@pytest.mark.parametrize(("kind", "arguments", "request_"), OLD_ROWS)
def test_a_row_of_the_release_before_means_the_same(
    kind: str, arguments: str, request_: JobRequest
) -> None:
    assert parse_request(kind, arguments) == request_
    assert parse_request(kind, request_.to_json()) == request_


@pytest.mark.parametrize(("kind", "arguments", "request_"), OLD_ROWS)
def test_a_request_is_stored_under_the_names_of_the_release_before(
    kind: str, arguments: str, request_: JobRequest
) -> None:
    given = {name: value for name, value in json.loads(arguments).items() if value != ""}
    stored = json.loads(request_.to_json())
    assert {name: stored[name] for name in given} == given


@pytest.mark.parametrize(
    ("kind", "arguments", "sentence"),
    [
        (
            "train_classifier",
            '{"folds": "many"}',
            "The job 'train_classifier' cannot use folds \"many\": input should be a valid integer",
        ),
        (
            "train_classifier",
            '{"fold": 3}',
            "The job 'train_classifier' cannot use fold 3: extra inputs are not permitted.",
        ),
        (
            "train_policy",
            '{"run": 7}',
            "The job 'train_policy' cannot use run 7: input should be a valid string.",
        ),
        (
            "explain",
            '{"kind": "oracle"}',
            "There is no kind of model 'oracle'.",
        ),
        ("submit_request", "{}", "The job 'submit_request' cannot use request: field required."),
        (
            "simulate",
            '{"policies": [["surge"]]}',
            "The job 'simulate' cannot use policies.0 [\"surge\"]: input should be a valid string.",
        ),
    ],
)
def test_invalid_arguments_are_one_sentence_that_names_the_field(
    kind: str, arguments: str, sentence: str
) -> None:
    with pytest.raises(InputError) as rejected:
        parse_request(kind, arguments)
    assert rejected.value.message.startswith(sentence)
    assert "\n" not in rejected.value.message


def test_a_request_is_checked_where_it_is_made_and_cannot_be_changed() -> None:
    with pytest.raises(InputError, match="cannot use seed"):
        TrainClassifierRequest(seed="luck")
    with pytest.raises(ValidationError, match="frozen"):
        TrainClassifierRequest().folds = 3


def test_an_unknown_kind_is_reported_with_the_known_ones() -> None:
    with pytest.raises(
        NotFoundError, match=r"There is no job called 'juggle'\. Known jobs: calibrate, demo,"
    ):
        parse_request("juggle", "{}")


@pytest.mark.parametrize("text", ["", "[1]", "null", '{"folds": '])
def test_arguments_that_are_no_object_are_refused(text: str) -> None:
    with pytest.raises(DataError, match="'train_classifier' is not a JSON object"):
        parse_request("train_classifier", text)


@pytest.mark.usefixtures("open_sources")
def test_options_of_the_release_before_are_still_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Jobs, "_spawn", lambda self, *_: None)
    path = tmp_path / "a.csv"
    path.write_text("sessionId,ts,eventName\ns1,2026-03-01,search\n")
    settings = Settings(workspace=tmp_path / "workspace")
    fields = {"paths": [str(path)], "mapping": "", "labels": "", "experiments": "", "catalogue": ""}
    job = Jobs(settings)._queue("ingest", json.dumps(fields))
    done = run_job(settings, job.job_id, 1_772_400_000_000)
    assert (done.state, json.loads(done.result)["accepted"]) == ("done", 1)


def test_a_row_that_cannot_be_read_fails_with_the_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Jobs, "_spawn", lambda self, *_: None)
    settings = Settings(workspace=tmp_path)
    job = Jobs(settings)._queue("train_classifier", '{"folds": "many"}')
    done = run_job(settings, job.job_id, 1)
    assert (done.state, done.message.split(":")[0]) == (
        "failed",
        "The job 'train_classifier' cannot use folds \"many\"",
    )


def test_a_page_that_starts_a_job_imports_nothing_the_work_needs() -> None:
    code = (
        "import sys; from phantom_core.use_cases.request_registry import *; "
        f"[request_type(kind) for kind in job_kinds()]; print([name for name in {HEAVY} if name "
        "in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_worker_imports_the_file_of_its_kind_alone() -> None:
    code = (
        "import sys; from phantom_core.use_cases.request_registry import *; "
        "request_type('monitor'); "
        "print([name for name in sys.modules if '.job_' in name and 'use_cases' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().count("job_") == 1


def test_defaults_are_those_of_the_engine() -> None:
    assert SimulateRequest().policies == ()
    assert SimulateRequest().episodes == USUAL_EPISODES
    assert MeasureLeakageRequest().rules == BANDS.name
    assert ReplayRulesRequest(rules="bands").against == NO_MARKUP.name
    assert DistilRequest().without is None


def test_a_retraining_changes_only_what_it_names() -> None:
    settings = Settings(retraining=RetrainingSettings(days=20, margin=0.03))
    changed = RetrainRequest(days=14, rule="not_worse").changed(settings)
    assert (changed.retraining.days, changed.retraining.rule) == (14, "not_worse")
    assert (changed.retraining.margin, changed.retraining.held_out_days) == (
        0.03,
        settings.retraining.held_out_days,
    )
