"""Glossary: every term of the field that PHANTOM uses, in one sentence.

Run: python -m phantom_core.core.glossary   writes docs/glossary.md; a test fails while it is not
current.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

PAGE: Final = Path(__file__).parents[2] / "docs" / "glossary.md"

GLOSSARY: Final[Mapping[str, str]] = MappingProxyType(
    {
        # Traffic and data
        "actor": "One shopper with all their sessions: a subject where subjects are named, else "
        "an experiment, else the session itself.",
        "agent": "Automated software that visits the shop on someone's behalf, such as a scraper, "
        "a price comparison or an LLM with a browser.",
        "session": "The events that one client sends under one session id.",
        "event": "One recorded action of a session, such as an item view, with its time in "
        "milliseconds.",
        "canonical event": "An event with the field names, the vocabulary and the units that "
        "PHANTOM uses, whatever the export looked like.",
        "mapping": "A TOML file that says which column of a foreign export is which field of the "
        "canonical event.",
        "quarantine": "Where rows that cannot be used are stored, each with its reason, its line "
        "and its text.",
        "lake": "The Delta Lake tables of a workspace, which hold every event, quote, label and "
        "decision.",
        "workspace": "The folder that holds the lake, models, jobs and reports of one shop.",
        "label": "A statement that a session is an agent's or a human's; without one its class is "
        "undefined, never human.",
        "family": "The kind of shopper that a label names, such as scraper or deal hunter; of "
        "features, a group that is about the same thing.",
        "feature": "A number or category that is worked out from a session's events up to one "
        "moment.",
        "point in time": "The moment as of which features are computed, so that nothing which "
        "happened later is read.",
        "undefined": "A value that does not exist, such as the mean gap of a session with one "
        "event; it is NULL, never 0.",
        "quote": "A price shown to a session for a product, with its time.",
        "add-to-cart quote": "The last quote of a product before the session put it in the cart: "
        "the price at which the shopper decided to buy or not.",
        "propensity": "The probability with which a session was given its price; NULL where "
        "nothing was drawn at random.",
        # Models
        "out of fold": "Predicted by a model that was trained on other actors than the one it "
        "scores.",
        "held out": "Left out of training, so that a model can be evaluated on it.",
        "ROC-AUC": "The probability that a random agent gets a higher score than a random human; "
        "0.5 is chance, 1 is perfect.",
        "precision": "The share of flagged sessions that are agents'.",
        "recall": "The share of agents' sessions that are flagged.",
        "threshold": "The probability from which a session counts as an agent's.",
        "calibration": "Adjusting predicted probabilities until they match observed shares; of a "
        "market, fitting its parameters to data.",
        "calibration error": "The mean distance between predicted probabilities and observed "
        "shares, over bins of the prediction (expected calibration error).",
        "Brier score": "The mean squared difference between a predicted probability and what "
        "happened, 0 or 1.",
        "log loss": "The mean negative logarithm of the probability given to what happened.",
        "single-task network": "The same network trained for one of the two answers alone, as a "
        "comparison model.",
        "elasticity": "Percent more purchases per percent more price; negative where demand falls "
        "with the price.",
        "demand curve": "The probability of a purchase as a function of the price.",
        "SHAP": "Shares of a prediction that each feature adds to the base value, from Shapley "
        "values of game theory.",
        "log-odds": "The logarithm of p / (1 − p); 0.7 more doubles the odds.",
        "teacher": "The model whose mark-ups a distilled tree learns to imitate.",
        "distillation": "Training a small tree to give the mark-ups that a larger model would "
        "give.",
        "fidelity": "How closely a distilled tree follows its teacher on held-out actors: R², "
        "rank correlation, agreement of bands, and leakage lost.",
        # Prices and money
        "base price": "The catalogue's price of a product, before any mark-up.",
        "mark-up": "Price over base price: 1.10 is ten percent above the base price.",
        "rule set": "An ordered list of rules, of which the first match sets the mark-up.",
        "target mark-up": "The mark-up that the teacher would set for a session, which a tree is "
        "trained on.",
        "guard rail": "A limit that no price may leave, such as the lowest and the highest "
        "mark-up.",
        "gate": "A condition that a change must meet before it can be approved or published, such "
        "as the largest price step.",
        "human premium": "How much more than the base price humans pay on average.",
        "reference price": "The price that an agent should have paid at least; leakage is "
        "measured against it.",
        "leakage": "What agents paid less than the reference price, over their purchases.",
        "reward": "Revenue minus the weight of leakage times leakage.",
        "policy": "A function that sets the price from what the shop knows.",
        "off-policy value": "The revenue that other rules would have earned, estimated from "
        "prices that were drawn at random.",
        "inverse propensity": "Weighting each outcome by one over the probability of its price, "
        "so that sessions stand for those who got another price.",
        "doubly robust": "An off-policy estimate that corrects a demand model by weighted "
        "outcomes, and is right when either of the two is.",
        "replay": "Applying a rule set to the quotes of past sessions, with what was known just "
        "before each quote.",
        # Production
        "change request": "A proposed rule set with its reason, its rollout and its evidence, on "
        "the way from draft to live.",
        "four-eyes principle": "A change needs the approval of a person other than its author.",
        "evidence": "The checks, replay and simulation of a change request, stored as one "
        "document under its hash.",
        "release": "One immutable version of approved rules, published under its hash.",
        "rollout": "Giving a release to a growing share of the sessions.",
        "canary": "The share of sessions that gets a new release first, while the others stay "
        "with the stable one.",
        "kill switch": "One action that gives every session the base price at once.",
        "roll back": "To make the release before the live one live again.",
        "heal": "To restore on the server exactly what the control database says is live.",
        "audit chain": "The list of all steps, each with the hash of the one before, so that a "
        "later change shows.",
        "control database": "The relational database of accounts, change requests, releases, jobs "
        "and the audit chain: SQLite or PostgreSQL.",
        "embedded Valkey": "The Valkey server that a workspace starts for itself where no server "
        "is named.",
        "decision log": "A row for every price given: what was requested, the price, what set it, "
        "and its propensity.",
        "experiment": "A comparison of prices on real sessions, each assigned to one arm at "
        "random.",
        "arm": "One of the alternatives of an experiment; the first one is the control.",
        "exposure": "The moment a session was first given a price by its arm.",
        "confidence interval": "A range that holds the true value in 95 % of the cases, by the "
        "method that made it.",
        "confidence sequence": "Confidence intervals that hold at all moments at once, so that an "
        "experiment may be watched and stopped at any time.",
        "minimum detectable effect": "The smallest difference that an experiment of a given size "
        "finds with the power asked for.",
        "drift": "A change of a feature's distribution against the sessions a model was trained "
        "on.",
        "PSI": "Population stability index: how far a distribution moved, 0 for not at all; from "
        "0.25 on it is considered a shift.",
        "weak rule": "A sign by which a session without a label is probably an agent's or a "
        "human's; it votes or abstains.",
        "label model": "What learns how often each weak rule is right from their agreement, and "
        "gives each session a probability.",
        "Cohen's κ": "Agreement of two people beyond chance: 1 for full agreement, 0 for as much "
        "as by chance.",
        "champion": "The model in use.",
        "challenger": "A newly trained model that is compared with the champion on later, "
        "held-out sessions, and promoted if it is better.",
        "lease": "The time-limited right of one worker to a job; it is renewed while the worker "
        "lives.",
    }
)


def glossary_page() -> str:
    """The page as Markdown: a row for each term, by the alphabet."""
    rows = [f"| {term} | {GLOSSARY[term]} |" for term in sorted(GLOSSARY, key=str.casefold)]
    return "\n".join(["# Glossary", "", "| term | meaning |", "|---|---|", *rows, ""])


if __name__ == "__main__":
    PAGE.write_text(glossary_page(), encoding="utf-8")
