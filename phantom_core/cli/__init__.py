"""The command line: thin verbs over the workflows.

With --json a verb prints one JSON object on standard output; everything else goes to standard error.
"""

import typer

from phantom_core.cli import (
    classifier,
    data,
    explain,
    jobs,
    leakage,
    market_calibration,
    market_training,
    market_trials,
    monitoring,
    multitask,
    retraining,
    rules,
    session_market,
)

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="See automated shoppers in clickstream data, and price with them in mind."
)
for verb in (
    data.demo,
    data.ingest,
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
    retraining.models,
    retraining.promote,
    jobs.jobs,
):
    app.command()(verb)
app.command(hidden=True)(jobs.job)

train = typer.Typer(no_args_is_help=True, help="Train a model.")
train.command("classifier")(classifier.train_classifier)
train.command("multitask")(multitask.train_multitask)
app.add_typer(train, name="train")

tune = typer.Typer(no_args_is_help=True, help="Search for better hyperparameters.")
tune.command("multitask")(multitask.tune_multitask)
app.add_typer(tune, name="tune")

simulate = typer.Typer(no_args_is_help=True, help="Try prices in a simulated market.")
simulate.command("run")(market_trials.run)
simulate.command("train")(market_training.train)
simulate.command("scenarios")(market_trials.scenarios)
simulate.command("scenario")(market_trials.show)
simulate.command("calibrate")(market_calibration.calibrate)
simulate.command("sessions")(session_market.sessions)
app.add_typer(simulate, name="simulate")

rule_verbs = typer.Typer(no_args_is_help=True, help="Check, replay and convert rules.")
rule_verbs.command("check")(rules.check)
rule_verbs.command("replay")(rules.replay)
rule_verbs.command("convert")(rules.convert)
app.add_typer(rule_verbs, name="rules")


def main() -> None:
    """Run the command line."""
    app()
