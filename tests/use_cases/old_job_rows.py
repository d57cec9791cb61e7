"""Arguments of jobs as stored by the release before typed requests, of every kind of job."""

from typing import Final

import pytest

from phantom_core.jobs.job_request import JobRequest
from phantom_core.use_cases.approvals.job_submit_request import SubmitChangeRequest
from phantom_core.use_cases.data.job_demo import DemoRequest
from phantom_core.use_cases.data.job_ingest import IngestRequest
from phantom_core.use_cases.data.job_unload import UnloadRequest
from phantom_core.use_cases.explanations.job_distil import DistilRequest
from phantom_core.use_cases.explanations.job_draw_tree import DrawTreeRequest
from phantom_core.use_cases.explanations.job_explain import ExplainRequest
from phantom_core.use_cases.labels.job_audit_labels import AuditLabelsRequest
from phantom_core.use_cases.markets.job_calibrate import CalibrateRequest
from phantom_core.use_cases.markets.job_simulate import SimulateRequest
from phantom_core.use_cases.markets.job_simulate_sessions import SimulateSessionsRequest
from phantom_core.use_cases.markets.job_train_policy import TrainPolicyRequest
from phantom_core.use_cases.models.job_retrain import RetrainRequest
from phantom_core.use_cases.models.job_study_classifier import StudyClassifierRequest
from phantom_core.use_cases.models.job_train_classifier import TrainClassifierRequest
from phantom_core.use_cases.models.job_train_multitask import TrainMultitaskRequest
from phantom_core.use_cases.models.job_tune_multitask import TuneMultitaskRequest
from phantom_core.use_cases.operations.job_monitor import MonitorRequest
from phantom_core.use_cases.overview.job_prepare_demo import PrepareDemoRequest
from phantom_core.use_cases.overview.job_summarise_business import SummariseBusinessRequest
from phantom_core.use_cases.privacy.job_retention import RetentionRequest
from phantom_core.use_cases.rules.job_learn_policy import LearnPolicyRequest
from phantom_core.use_cases.rules.job_measure_leakage import MeasureLeakageRequest
from phantom_core.use_cases.rules.job_replay_rules import ReplayRulesRequest
from phantom_core.use_cases.rules.job_trace_frontier import TraceFrontierRequest

# Kind, its arguments, and what they mean today.
ROWS: Final[tuple[tuple[str, str, JobRequest], ...]] = (
    (
        "ingest",
        '{"paths": ["/tmp/a.csv"], "mapping": "", "labels": "", "experiments": "", "catalogue": '
        '""}',
        IngestRequest(paths=("/tmp/a.csv",)),
    ),
    (
        "ingest",
        '{"paths": [], "mapping": "retailrocket", "labels": "/l.csv", "experiments": '
        '"postgresql://h/shop", "catalogue": "/c.csv"}',
        IngestRequest(
            mapping="retailrocket",
            labels="/l.csv",
            experiments="postgresql://h/shop",
            catalogue="/c.csv",
        ),
    ),
    ("demo", "{}", DemoRequest()),
    (
        "train_classifier",
        '{"folds": 4, "without": ["user_agent"], "seed": 7}',
        TrainClassifierRequest(folds=4, without=("user_agent",), seed=7),
    ),
    ("study_classifier", '{"version": "v1"}', StudyClassifierRequest(version="v1")),
    (
        "train_classifier",
        '{"folds": 5, "without": [], "seed": 20261}',
        TrainClassifierRequest(seed=20_261),
    ),
    ("audit_labels", '{"seed": 7}', AuditLabelsRequest(seed=7)),
    ("calibrate", '{"seed": 20261}', CalibrateRequest(seed=20_261)),
    (
        "simulate",
        '{"scenario": "name = \\"a\\"", "policies": ["surge", "optimum"], "episodes": 50, "seed": '
        "1}",
        SimulateRequest(scenario='name = "a"', policies=("surge", "optimum"), episodes=50, seed=1),
    ),
    (
        "simulate",
        '{"scenario": "a", "policies": ["surge"], "episodes": 400, "seed": 1, "beside": "name = '
        '\\"b\\""}',
        SimulateRequest(scenario="a", beside='name = "b"', policies=("surge",), seed=1),
    ),
    (
        "train_policy",
        '{"scenario": "name = \\"a\\"", "steps": 250, "seed": 2, "env": "v1", "run": "mine", '
        '"resume": true}',
        TrainPolicyRequest(
            scenario='name = "a"', steps=250, seed=2, env="v1", run_name="mine", resume=True
        ),
    ),
    (
        "train_multitask",
        '{"folds": 5, "moments": "", "seed": 20261, "learns_weights": false, "tuned": false}',
        TrainMultitaskRequest(seed=20_261),
    ),
    (
        "train_multitask",
        '{"folds": 3, "moments": "before_cart", "seed": 1, "learns_weights": true, "tuned": true}',
        TrainMultitaskRequest(
            folds=3, moments="before_cart", seed=1, learns_weights=True, tuned=True
        ),
    ),
    ("tune_multitask", '{"seconds": 300}', TuneMultitaskRequest()),
    (
        "simulate_sessions",
        '{"rules": ["bands", "/w/rule_sets/mine.txt"], "sessions": 2000, "seed": 20262}',
        SimulateSessionsRequest(rules=("bands", "/w/rule_sets/mine.txt"), seed=20_262),
    ),
    (
        "explain",
        '{"kind": "classifier", "model": "20260302-1", "paired": 30}',
        ExplainRequest(version="20260302-1", paired=30),
    ),
    (
        "explain",
        '{"kind": "multitask", "model": "v", "paired": 0}',
        ExplainRequest(model_kind="multitask", version="v"),
    ),
    (
        "distil",
        '{"teacher": "network", "method": "figs", "depth": 3, "leaf_sessions": 20, "without": '
        '["browser_family"]}',
        DistilRequest(
            teacher="network", method="figs", depth=3, leaf_sessions=20, without=("browser_family",)
        ),
    ),
    (
        "distil",
        '{"teacher": "classifier", "method": "tree", "depth": 5, "leaf_sessions": 50, "without": '
        "[]}",
        DistilRequest(without=()),
    ),
    ("draw_tree", '{"tree": "20260302-1", "session": ""}', DrawTreeRequest(tree="20260302-1")),
    (
        "draw_tree",
        '{"tree": "20260302-1", "session": "s1"}',
        DrawTreeRequest(tree="20260302-1", session="s1"),
    ),
    (
        "replay_rules",
        '{"rules": "draft", "rules_text": "ELSE markup 1.00", "against": "none", "as_of": '
        '"session end"}',
        ReplayRulesRequest(
            rules="draft", rules_text="ELSE markup 1.00", against="none", as_of="session end"
        ),
    ),
    (
        "replay_rules",
        '{"rules": "d", "rules_text": "x", "against": "live", "as_of": "quote", "from": '
        '"2026-01-05", "to": "2026-01-06"}',
        ReplayRulesRequest(
            rules="d", rules_text="x", against="live", first_day="2026-01-05", last_day="2026-01-06"
        ),
    ),
    ("measure_leakage", '{"rules": "bands"}', MeasureLeakageRequest()),
    (
        "measure_leakage",
        '{"rules": "mine", "from": "2026-01-05", "to": "2026-01-06"}',
        MeasureLeakageRequest(rules="mine", first_day="2026-01-05", last_day="2026-01-06"),
    ),
    (
        "submit_request",
        '{"request": 3, "who": "demo-analyst"}',
        SubmitChangeRequest(request=3, who="demo-analyst"),
    ),
    ("retrain", "{}", RetrainRequest()),
    ("retrain", '{"kinds": ["classifier"]}', RetrainRequest(kinds=("classifier",))),
    ("monitor", "{}", MonitorRequest()),
    ("retention", "{}", RetentionRequest()),
    ("summarise_business", '{"days": 28}', SummariseBusinessRequest(days=28)),
    ("prepare_demo", "{}", PrepareDemoRequest()),
    ("unload", '{"load_id": "load-1"}', UnloadRequest(load_id="load-1")),
    ("learn_policy", '{"depth": 3}', LearnPolicyRequest(depth=3)),
    ("trace_frontier", '{"leakage_cut": 0.2}', TraceFrontierRequest(leakage_cut=0.2)),
)
OLD_ROWS: Final = [pytest.param(*row, id=f"{row[0]}-{number}") for number, row in enumerate(ROWS)]
