"""Simulate sessions: replay rule sets on generated shoppers, scored by the classifier in use."""

from collections.abc import Sequence
from pathlib import Path

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import InputError, NotFoundError
from phantom_core.core.progress import Progress, no_progress
from phantom_core.core.settings import Settings
from phantom_core.model_store.store import ModelStore
from phantom_core.models.saved_classifier import read_quote_classifier
from phantom_core.rules.forms import read_form
from phantom_core.rules.rule_set import RuleSet
from phantom_core.session_market.market import (
    BANDS,
    NO_MARKUP,
    ClassifierScorer,
    SessionTrial,
    session_trial,
)
from phantom_core.session_market.terms import MarketTerms
from phantom_core.use_cases.data.allowed_sources import require_named_files
from phantom_core.use_cases.models.train_classifier import KIND

BUILT_IN = {rules.name: rules for rules in (NO_MARKUP, BANDS)}


@requires(Permission.WORK)
def simulate_sessions(
    settings: Settings,
    rules: Sequence[str],
    *,
    n_sessions: int,
    seed: int | None = None,
    progress: Progress = no_progress,
) -> SessionTrial:
    """Replay rule sets on the same generated sessions.

    Args:
        settings: workspace and default seed.
        rules: none, bands, or files of rules.
        n_sessions: 1 or more.
        seed: of everything random; None means the settings' one plus 1, since the demo set, which
            the classifier may have learned from, has the settings' one.
        progress: called after every rule set.
    Raises:
        NotFoundError: no trained classifier, or no such file.
        InputError: a file that is no rule set, or rules that read features that no session has.
        DataError: the classifier learned from whole sessions only.
    """
    chosen = [read_rules(name) for name in rules]
    classifier = read_quote_classifier(ModelStore(settings.workspace, KIND).open())
    used = settings.seed + 1 if seed is None else seed
    return session_trial(
        chosen,
        ClassifierScorer(classifier),
        n_sessions=n_sessions,
        seed=used,
        terms=MarketTerms(settings.leakage_terms),
        progress=progress,
    )


@requires(Permission.READ)
def read_rules(name_or_path: str) -> RuleSet:
    """A built-in rule set by name, or one from a file of text, JSON or JDM, named as the file is.

    Raises:
        NotFoundError: neither a name nor a file.
        InputError: the file is no rule set.
    """
    if name_or_path in BUILT_IN:
        return BUILT_IN[name_or_path]
    require_named_files([name_or_path])
    path = Path(name_or_path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a text file in UTF-8.") from None
    except OSError:
        raise NotFoundError(
            f"There are no rules '{name_or_path}'.",
            hint=f"Built in: {', '.join(BUILT_IN)}; or name a file of rules.",
        ) from None
    return read_form(text, path.stem)
