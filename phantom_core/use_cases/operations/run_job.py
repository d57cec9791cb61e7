"""Run a job: what a worker process does with the row that asked for it."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from phantom_core.core.errors import InputError, NotFoundError, PhantomError
from phantom_core.core.progress import Progress, part_progress
from phantom_core.core.settings import Settings
from phantom_core.jobs.jobs import Job, Jobs

if TYPE_CHECKING:
    from phantom_core.replay.period import Period
    from phantom_core.rules.rule_set import RuleSet

Arguments = Mapping[str, object]
Work = Callable[[Settings, Arguments, int, Progress], Mapping[str, object]]


def run_job(settings: Settings, job_id: str, now_ms: int) -> Job:
    """Do a queued job and write down how it ended; an error that is no PhantomError is written down
    and raised.

    Raises:
        NotFoundError: no such job.
        ConflictError: it was started, finished or given up before; or its lease ran out while it
        worked.
    """
    jobs = Jobs(settings)
    job = jobs.take(job_id)
    try:
        if job.kind not in WORK:
            raise NotFoundError(f"There is no work called '{job.kind}'.")
        with jobs.heartbeat(job_id):
            result = WORK[job.kind](settings, job.arguments, now_ms, jobs.progress(job_id))
    except PhantomError as error:
        jobs.fail(job_id, error)
    except BaseException as error:
        jobs.fail(
            job_id,
            PhantomError(
                f"This should not happen: {error!r}.",
                hint=f"The log is logs/{job_id}.log in the workspace.",
            ),
        )
        raise
    else:
        jobs.finish(job_id, result)
    return jobs.get(job_id)


def _ingest(
    settings: Settings, arguments: Arguments, now_ms: int, progress: Progress
) -> Mapping[str, object]:
    from phantom_core.events.mapping import load_mapping
    from phantom_core.features.store import FeatureStore
    from phantom_core.lake.lake import open_lake
    from phantom_core.use_cases.data.ingest import ingest_files

    mapping = arguments.get("mapping")
    report = ingest_files(
        settings,
        _texts(arguments, "paths"),
        now_ms=now_ms,
        mapping=load_mapping(str(mapping)) if mapping else None,
        experiments=_text(arguments, "experiments"),
        labels=_text(arguments, "labels"),
        catalogue=_text(arguments, "catalogue"),
        progress=progress,
    )
    FeatureStore(open_lake(settings)).refresh(lambda _, message: progress(0.95, message))
    return report.to_json()


def _demo(
    settings: Settings, arguments: Arguments, now_ms: int, progress: Progress
) -> Mapping[str, object]:
    from phantom_core.use_cases.data.demo import load_demo

    return load_demo(settings, now_ms=now_ms, progress=progress).to_json()


def _train(
    settings: Settings, arguments: Arguments, now_ms: int, progress: Progress
) -> Mapping[str, object]:
    from phantom_core.lake.lake import open_lake
    from phantom_core.use_cases.models.train_classifier import train_classifier

    lake = open_lake(settings)
    folds, seed = arguments.get("folds", 5), arguments.get("seed", settings.seed)
    if not isinstance(folds, int) or not isinstance(seed, int):
        raise InputError("Folds and seed must be whole numbers.")
    without = _texts(arguments, "without")
    return train_classifier(
        settings, lake, now_ms=now_ms, n_folds=folds, without=without, seed=seed, progress=progress
    ).to_json()


def _simulate(
    settings: Settings, arguments: Arguments, now_ms: int, progress: Progress
) -> Mapping[str, object]:
    from phantom_core.market.scenario import parse_scenario
    from phantom_core.use_cases.markets.simulate import simulate_policies

    episodes, seed = arguments.get("episodes", 400), arguments.get("seed", settings.seed)
    if not isinstance(episodes, int) or not isinstance(seed, int):
        raise InputError("Episodes and seed must be whole numbers.")
    # A second scenario, if any, is tried with the same policies and shown beside the first.
    texts = [str(arguments.get("scenario", "")), *_texts(arguments, "beside")]
    scenarios, policies = (
        [parse_scenario(text.encode(), "custom") for text in texts],
        _texts(arguments, "policies"),
    )
    trials = []
    for n, scenario in enumerate(scenarios):
        part = part_progress(progress, n / len(scenarios), (n + 1) / len(scenarios))
        saved = simulate_policies(
            settings,
            scenario,
            policies,
            n_episodes=episodes,
            seed=seed,
            now_ms=now_ms,
            progress=part,
        )
        trials.append(saved.trial_id)
    return {"trial": trials[0], "beside": trials[1] if len(trials) > 1 else ""}


def _simulate_sessions(
    settings: Settings, arguments: Arguments, now_ms: int, progress: Progress
) -> Mapping[str, object]:
    from phantom_core.use_cases.markets.simulate_sessions import simulate_sessions

    n_sessions, seed = arguments.get("sessions", 2_000), arguments.get("seed", settings.seed + 1)
    if not isinstance(n_sessions, int) or not isinstance(seed, int):
        raise InputError("Sessions and seed must be whole numbers.")
    return simulate_sessions(
        settings, _texts(arguments, "rules"), n_sessions=n_sessions, seed=seed, progress=progress
    ).to_json()


def _train_policy(
    settings: Settings, arguments: Arguments, now_ms: int, progress: Progress
) -> Mapping[str, object]:
    from phantom_core.market.scenario import load_scenario, parse_scenario, shipped_names
    from phantom_core.use_cases.markets.train_policy import env_named, run_folder, train_policy

    steps, seed, scenario = (
        arguments.get("steps", 100_000),
        arguments.get("seed", settings.seed),
        str(arguments.get("scenario", "")),
    )
    if not isinstance(steps, int) or not isinstance(seed, int):
        raise InputError("Steps and seed must be whole numbers.")
    return train_policy(
        settings,
        load_scenario(scenario)
        if scenario in shipped_names()
        else parse_scenario(scenario.encode(), "custom"),
        steps=steps,
        seed=seed,
        env_version=env_named(str(arguments.get("env", "v0"))),
        run_dir=run_folder(settings, str(arguments.get("run", ""))),
        resume=arguments.get("resume") is True,
        now_ms=now_ms,
        progress=progress,
    ).to_json()


def _train_multitask(
    settings: Settings, arguments: Arguments, now_ms: int, progress: Progress
) -> Mapping[str, object]:
    from dataclasses import replace

    from phantom_core.features.offers.offers import moments_named
    from phantom_core.lake.lake import open_lake
    from phantom_core.models.multitask.hyperparameters import Hyperparameters
    from phantom_core.use_cases.models.train_multitask import train_multitask
    from phantom_core.use_cases.models.tune_multitask import tuned_hyperparameters

    n_folds, seed = arguments.get("folds", 5), arguments.get("seed", settings.seed)
    if not isinstance(n_folds, int) or not isinstance(seed, int):
        raise InputError("Folds and seed must be whole numbers.")
    chosen = (
        tuned_hyperparameters(settings) if arguments.get("tuned") is True else Hyperparameters()
    )
    return train_multitask(
        settings,
        open_lake(settings),
        now_ms=now_ms,
        n_folds=n_folds,
        chosen=replace(
            chosen, learns_weights=arguments.get("learns_weights") is True or chosen.learns_weights
        ),
        moments=moments_named(_text(arguments, "moments")),
        seed=seed,
        progress=progress,
    ).to_json()


def _tune_multitask(
    settings: Settings, arguments: Arguments, now_ms: int, progress: Progress
) -> Mapping[str, object]:
    from phantom_core.lake.lake import open_lake
    from phantom_core.use_cases.models.tune_multitask import tune_multitask

    seconds = arguments.get("seconds", 300)
    if not isinstance(seconds, int | float):
        raise InputError("The time budget must be a number of seconds.")
    return tune_multitask(
        settings, open_lake(settings), seconds=float(seconds), progress=progress
    ).to_json()


def _calibrate(
    settings: Settings, arguments: Arguments, now_ms: int, progress: Progress
) -> Mapping[str, object]:
    from phantom_core.use_cases.markets.calibrate import calibrate_market

    seed = arguments.get("seed", settings.seed)
    if not isinstance(seed, int):
        raise InputError("Seed must be a whole number.")
    return calibrate_market(settings, now_ms=now_ms, seed=seed, progress=progress).to_json()


def _explain(
    settings: Settings, arguments: Arguments, now_ms: int, progress: Progress
) -> Mapping[str, object]:
    from phantom_core.lake.lake import open_lake
    from phantom_core.model_kinds.model_kind import default_kind
    from phantom_core.use_cases.explanations.explain import ExplainRequest, explain

    paired = arguments.get("paired", 0)
    if not isinstance(paired, int):
        raise InputError("The number of sessions for interactions must be whole.")
    request = ExplainRequest(version=_text(arguments, "model"), n_paired=paired)
    kind = _text(arguments, "kind") or default_kind()
    return explain(settings, open_lake(settings), kind, request, progress)


def _distil(
    settings: Settings, arguments: Arguments, now_ms: int, progress: Progress
) -> Mapping[str, object]:
    from phantom_core.distil.grow import Recipe, method_named
    from phantom_core.lake.lake import open_lake
    from phantom_core.use_cases.explanations.distil import distil_rules

    depth, leaf, method = (
        arguments.get("depth", 5),
        arguments.get("leaf_sessions", 50),
        str(arguments.get("method", "tree")),
    )
    if not isinstance(depth, int) or not isinstance(leaf, int):
        raise InputError("Depth and leaf size must be whole numbers.")
    without = _texts(arguments, "without") if "without" in arguments else None
    return distil_rules(
        settings,
        open_lake(settings),
        now_ms=now_ms,
        teacher=str(arguments.get("teacher", "classifier")),
        recipe=Recipe(method_named(method), depth, leaf),
        without=without,
        progress=progress,
    ).to_json()


def _draw_tree(
    settings: Settings, arguments: Arguments, now_ms: int, progress: Progress
) -> Mapping[str, object]:
    from phantom_core.lake.lake import open_lake
    from phantom_core.use_cases.explanations.draw_tree import draw_tree

    lake = open_lake(settings)
    tree, session_id = _text(arguments, "tree"), _text(arguments, "session")
    return {
        "file": str(
            draw_tree(settings, lake, version=tree, session_id=session_id, progress=progress)
        )
    }


def _replay_rules(
    settings: Settings, arguments: Arguments, now_ms: int, progress: Progress
) -> Mapping[str, object]:
    from phantom_core.replay.features_at_quote import AsOf
    from phantom_core.use_cases.rules.replay_rules import replay_rules

    rules, against = (_rules(settings, arguments, name) for name in ("rules", "against"))
    as_of: AsOf = "session end" if arguments.get("as_of") == "session end" else "quote"
    found = replay_rules(
        settings,
        rules,
        against,
        now_ms=now_ms,
        period=_period(arguments),
        as_of=as_of,
        progress=progress,
    )
    return {"rules": found.rules.name, "against": found.against.name, "changed": found.changed}


def _retrain(
    settings: Settings, arguments: Arguments, now_ms: int, progress: Progress
) -> Mapping[str, object]:
    from functools import partial

    from phantom_core.lake.lake import open_lake
    from phantom_core.use_cases.models.publish_model import publish_in_use
    from phantom_core.use_cases.models.retrain import retrain_changes, retrain_models

    chosen = Settings.model_validate(settings.model_dump() | retrain_changes(arguments))
    kinds = _texts(arguments, "kinds") or None
    publish = (
        None
        if arguments.get("publish") is False
        else partial(publish_in_use, settings, now_ms=now_ms)
    )
    lake = open_lake(settings)
    return retrain_models(
        chosen, lake, now_ms=now_ms, kinds=kinds, publish=publish, progress=progress
    ).to_json()


def _monitor(
    settings: Settings, arguments: Arguments, now_ms: int, progress: Progress
) -> Mapping[str, object]:
    from phantom_core.lake.lake import open_lake
    from phantom_core.use_cases.operations.monitor import run_monitoring

    report, untold = run_monitoring(settings, open_lake(settings), now_ms=now_ms, progress=progress)
    return {
        "alerts": [check.name for check in report.checks if check.status == "alert"],
        "untold": list(untold),
    }


def _measure_leakage(
    settings: Settings, arguments: Arguments, now_ms: int, progress: Progress
) -> Mapping[str, object]:
    from phantom_core.use_cases.rules.measure_leakage import measure_leakage

    rules = _rules(settings, arguments, "rules")
    found = measure_leakage(
        settings, rules, now_ms=now_ms, period=_period(arguments), progress=progress
    )
    return {"purchases": found.purchases, "rules": found.rules}


def _submit_request(
    settings: Settings, arguments: Arguments, now_ms: int, progress: Progress
) -> Mapping[str, object]:
    from phantom_core.use_cases.approvals.change_requests import submit_request

    number, who = arguments.get("request"), str(arguments.get("who", ""))
    if not isinstance(number, int):
        raise InputError("The number of the change request must be whole.")
    found = submit_request(settings, who, number, now_ms=now_ms, progress=progress)
    return {"request": found.request_id, "state": found.state, "evidence": found.evidence}


def _rules(settings: Settings, arguments: Arguments, name: str) -> "RuleSet":
    """A rule set given in full, so that one still being written can be tried, or by its name."""
    from phantom_core.rules.text import parse_rules
    from phantom_core.use_cases.rules.rule_sets import open_rule_set

    text, called = _text(arguments, f"{name}_text"), str(arguments.get(name, ""))
    return parse_rules(text, called) if text else open_rule_set(settings, called)


def _period(arguments: Arguments) -> "Period":
    from phantom_core.replay.period import period_of

    return period_of(_text(arguments, "from"), _text(arguments, "to"))


def _text(arguments: Arguments, name: str) -> str | None:
    value = arguments.get(name)
    return str(value) if value else None


def _texts(arguments: Arguments, name: str) -> tuple[str, ...]:
    values = arguments.get(name) or ()
    return (
        tuple(str(value) for value in values)
        if isinstance(values, list | tuple)
        else (str(values),)
    )


WORK: Final[Mapping[str, Work]] = {
    "ingest": _ingest,
    "demo": _demo,
    "train_classifier": _train,
    "calibrate": _calibrate,
    "simulate": _simulate,
    "train_policy": _train_policy,
    "train_multitask": _train_multitask,
    "tune_multitask": _tune_multitask,
    "simulate_sessions": _simulate_sessions,
    "explain": _explain,
    "distil": _distil,
    "draw_tree": _draw_tree,
    "replay_rules": _replay_rules,
    "measure_leakage": _measure_leakage,
    "submit_request": _submit_request,
    "retrain": _retrain,
    "monitor": _monitor,
}
