"""The label model finds what was planted, without seeing a label."""

import numpy as np
import pytest

from phantom_core.core.errors import DataError
from phantom_core.labelling.label_model import fit_label_model
from phantom_core.labelling.weak_rules import ABSTAIN, AGENT, HUMAN, Votes, WeakRule

N = 4_000
SHARE = 0.4


def plant(
    fires: list[tuple[str, float, float]], *, copies: int = 1
) -> tuple[Votes, np.typing.NDArray[np.bool_]]:
    """Votes of rules (says, rate on agents, rate on humans); the first one is also copied."""
    rng = np.random.default_rng(5)
    is_agent = rng.random(N) < SHARE
    columns, rules = [], []
    for number, (says, on_agents, on_humans) in enumerate(fires):
        fired = rng.random(N) < np.where(is_agent, on_agents, on_humans)
        for copy in range(copies if number == 0 else 1):
            vote = AGENT if says == "agent" else HUMAN
            columns.append(np.where(fired, vote, ABSTAIN))
            name = f"rule_{number}_{copy}"
            rules.append(WeakRule(name, "agent" if says == "agent" else "human", name, "TRUE"))
    return Votes(np.arange(N), tuple(rules), np.stack(columns, 1)), is_agent


PLANTED = [("agent", 0.5, 0.05), ("agent", 0.4, 0.1), ("human", 0.1, 0.5), ("human", 0.2, 0.6)]


def test_precisions_are_learned_without_labels() -> None:
    votes, is_agent = plant(PLANTED)
    found = {one.name: one for one in fit_label_model(votes).rules}
    for k, rule in enumerate(votes.rules):
        fired = votes.cast[:, k] != ABSTAIN
        truth = (is_agent[fired] == (rule.says == "agent")).mean()
        assert found[rule.name].precision == pytest.approx(truth, abs=0.12)


def test_probabilities_are_better_than_the_best_rule_and_than_counting_votes() -> None:
    votes, is_agent = plant(PLANTED)
    model = fit_label_model(votes)
    seen = model.is_covered
    right = ((model.probability >= 0.5) == is_agent)[seen].mean()
    counted = (votes.cast == AGENT).sum(axis=1) - (votes.cast == HUMAN).sum(axis=1)
    assert right >= ((counted > 0) == is_agent)[seen].mean()
    assert abs(model.probability[seen].mean() - is_agent[seen].mean()) < 0.12


def test_a_rule_that_is_copied_counts_about_once() -> None:
    alone, is_agent = plant(PLANTED)
    copied, _ = plant(PLANTED, copies=4)
    weights = [one.weight for one in fit_label_model(copied).rules]
    assert max(weights[:4]) < 0.4
    assert min(weights[4:]) > 0.7
    seen = fit_label_model(alone).is_covered
    one, four = (fit_label_model(votes).probability[seen] for votes in (alone, copied))
    truth = is_agent[seen]
    loss = [-np.log(np.where(truth, p, 1 - p)).mean() for p in (one, four)]
    assert loss[1] < loss[0] + 0.05


def test_sessions_without_a_vote_have_the_prior() -> None:
    votes, _ = plant(PLANTED)
    model = fit_label_model(votes)
    silent = (votes.cast == ABSTAIN).all(axis=1)
    assert silent.any()
    assert set(model.probability[silent]) == {model.prior}


def test_rules_for_one_class_alone_are_refused_with_a_way_out() -> None:
    votes, _ = plant([("agent", 0.5, 0.05)])
    with pytest.raises(DataError, match="No weak rule votes 'human'") as error:
        fit_label_model(votes)
    assert "Label desk" in error.value.hint
