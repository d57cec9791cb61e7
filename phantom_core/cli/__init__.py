"""The command line: thin verbs over the use cases.

With --json a verb prints one JSON object on standard output; everything else goes to standard
error.
"""

from collections.abc import Callable
from typing import cast

import typer

from phantom_core.cli import (
    audit,
    backups,
    catalogue,
    change_requests,
    classifier,
    dashboard,
    data,
    experiments,
    explain,
    extensions,
    jobs,
    keys,
    labels,
    leakage,
    learned_rules,
    live,
    market_calibration,
    market_robustness,
    market_training,
    market_trials,
    monitoring,
    multitask,
    online,
    people,
    prices,
    privacy,
    retraining,
    rules,
    serve,
    session_market,
    soak,
    sql,
    stack,
    traffic,
)
from phantom_core.model_kinds.model_kind import MODEL_KINDS

Verb = Callable[..., None]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Detect automated shoppers in clickstream data, and price with them in mind.",
)
for verb in (
    data.demo,
    data.ingest,
    data.loads,
    data.unload,
    data.quarantine,
    data.features,
    classifier.score,
    classifier.card,
    explain.explain,
    explain.distil,
    multitask.price,
    leakage.leakage,
    retraining.retrain,
    monitoring.monitor,
    monitoring.schedule,
    traffic.traffic,
    stack.stack,
    soak.soak,
    retraining.models,
    retraining.promote,
    jobs.jobs,
    extensions.extensions,
    sql.sql,
):
    app.command()(verb)
app.command("app")(dashboard.open_app)
app.command(hidden=True)(jobs.job)

train = typer.Typer(no_args_is_help=True, help="Train a model.")
tune = typer.Typer(no_args_is_help=True, help="Search for better hyperparameters.")
for kind in MODEL_KINDS.all():
    train.command(kind.name)(cast(Verb, kind.train_verb.load()))
    if kind.tune_verb:
        tune.command(kind.name)(cast(Verb, kind.tune_verb.load()))
study = typer.Typer(no_args_is_help=True, help="Study a trained model under harder conditions.")
study.command("classifier")(classifier.study_classifier)
app.add_typer(train, name="train")
app.add_typer(study, name="study")
app.add_typer(tune, name="tune")

simulate = typer.Typer(no_args_is_help=True, help="Simulate price policies in a market.")
simulate.command("run")(market_trials.run)
simulate.command("train")(market_training.train)
simulate.command("scenarios")(market_trials.scenarios)
simulate.command("scenario")(market_trials.show)
simulate.command("robust")(market_robustness.robust)
simulate.command("calibrate")(market_calibration.calibrate)
simulate.command("sessions")(session_market.sessions)
app.add_typer(simulate, name="simulate")

rule_verbs = typer.Typer(
    no_args_is_help=True,
    help="Learn, check, replay and convert rules; propose, approve and publish them.",
)
rule_verbs.command("learn")(learned_rules.learn)
rule_verbs.command("frontier")(learned_rules.frontier)
rule_verbs.command("check")(rules.check)
rule_verbs.command("expect")(rules.expect)
rule_verbs.command("counterfactual")(rules.counterfactual)
rule_verbs.command("replay")(rules.replay)
rule_verbs.command("convert")(rules.convert)
rule_verbs.command()(change_requests.submit)
rule_verbs.command()(change_requests.requests)
rule_verbs.command()(change_requests.show)
rule_verbs.command()(change_requests.approve)
rule_verbs.command()(change_requests.reject)
rule_verbs.command()(change_requests.preview)
rule_verbs.command()(change_requests.confirm)
rule_verbs.command()(change_requests.review)
rule_verbs.command()(change_requests.widen)
rule_verbs.command()(change_requests.withdraw)
rule_verbs.command()(change_requests.rebase)
rule_verbs.command()(change_requests.schedule)
rule_verbs.command()(live.publish)
rule_verbs.command()(live.share)
rule_verbs.command()(live.guard)
rule_verbs.command()(live.rollback)
rule_verbs.command()(live.kill)
rule_verbs.command()(live.revive)
rule_verbs.command()(live.status)
rule_verbs.command()(live.heal)
rule_verbs.command()(live.watch)
app.add_typer(rule_verbs, name="rules")

label_verbs = typer.Typer(no_args_is_help=True, help="Label sessions, and audit the labels.")
label_verbs.command("next")(labels.next_sessions)
label_verbs.command()(labels.give)
label_verbs.command()(labels.status)
label_verbs.command()(labels.apply)
label_verbs.command()(labels.export)
label_verbs.command()(labels.audit)
app.add_typer(label_verbs, name="labels")

serve_verbs = typer.Typer(no_args_is_help=True, help="Run a service until it is stopped.")
serve_verbs.command("ingest")(online.ingest)
serve_verbs.command("pricing")(serve.pricing)
serve_verbs.command("decisions")(serve.decisions)
app.add_typer(serve_verbs, name="serve")

stream_verbs = typer.Typer(no_args_is_help=True, help="Write what the services accept to the lake.")
stream_verbs.command("worker")(online.worker)
app.add_typer(stream_verbs, name="stream")

experiment_verbs = typer.Typer(
    no_args_is_help=True, help="Price experiments: plan, start, status, stop."
)
experiment_verbs.command()(experiments.plan)
experiment_verbs.command()(experiments.start)
experiment_verbs.command()(experiments.status)
experiment_verbs.command()(experiments.stop)
app.add_typer(experiment_verbs, name="experiments")

user_verbs = typer.Typer(no_args_is_help=True, help="People and their roles.")
user_verbs.command("add")(people.add)
user_verbs.command("list")(people.people)
user_verbs.command("change")(people.change)
user_verbs.command("password")(people.password)
user_verbs.command("confirm")(people.confirm)
app.add_typer(user_verbs, name="user")
app.command()(people.limits)

promotion_verbs = typer.Typer(
    no_args_is_help=True, help="The model that prices depend on: status, approve, revert, policy."
)
promotion_verbs.command()(retraining.status)
promotion_verbs.command()(retraining.approve)
promotion_verbs.command()(retraining.reject)
promotion_verbs.command()(retraining.revert)
promotion_verbs.command()(retraining.policy)
app.add_typer(promotion_verbs, name="promotion")

catalogue_verbs = typer.Typer(
    no_args_is_help=True, help="Base prices in force, and those that wait for a second person."
)
catalogue_verbs.command()(catalogue.status)
catalogue_verbs.command()(catalogue.submit)
catalogue_verbs.command()(catalogue.approve)
catalogue_verbs.command()(catalogue.reject)
app.add_typer(catalogue_verbs, name="catalogue")

price_verbs = typer.Typer(
    no_args_is_help=True, help="Prices beside rules, each opened by a second person."
)
price_verbs.command()(prices.status)
price_verbs.command()(prices.propose)
price_verbs.command()(prices.sessions)
price_verbs.command()(prices.approve)
price_verbs.command()(prices.reject)
price_verbs.command()(prices.end)
app.add_typer(price_verbs, name="prices")

key_verbs = typer.Typer(
    no_args_is_help=True, help="Keys with which the control side signs what services follow."
)
key_verbs.command()(keys.show)
key_verbs.command()(keys.prepare)
key_verbs.command()(keys.rotate)
app.add_typer(key_verbs, name="keys")

audit_verbs = typer.Typer(
    no_args_is_help=True,
    help="Who did what and why, in a tamper-evident chain.",
)
audit_verbs.command("list")(audit.entries)
audit_verbs.command()(audit.verify)
audit_verbs.command()(audit.recover)
audit_verbs.command()(audit.export)
app.add_typer(audit_verbs, name="audit")

privacy_verbs = typer.Typer(
    no_args_is_help=True, help="Export and erase what is stored about a session or person."
)
privacy_verbs.command()(privacy.export)
privacy_verbs.command()(privacy.erase)
privacy_verbs.command()(privacy.resume)
privacy_verbs.command()(privacy.allow)
privacy_verbs.command()(privacy.retain)
app.add_typer(privacy_verbs, name="privacy")

backup_verbs = typer.Typer(no_args_is_help=True, help="Backups: create, verify, restore.")
backup_verbs.command()(backups.create)
backup_verbs.command()(backups.verify)
backup_verbs.command()(backups.restore)
app.add_typer(backup_verbs, name="backup")


def main() -> None:
    """Run the command line."""
    app()
