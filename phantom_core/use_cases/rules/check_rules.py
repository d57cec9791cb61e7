"""Check rules: a rule set against what this shop allows and what its sessions look like."""

import pyarrow as pa
import pyarrow.compute as pc

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals.limits import read_price_limits
from phantom_core.core.errors import DataError, NotFoundError
from phantom_core.core.limits import GuardRails
from phantom_core.core.settings import Settings
from phantom_core.features.domains import P_AGENT, session_domains
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import open_lake
from phantom_core.model_kinds.classifier import CLASSIFIER
from phantom_core.model_store.store import ModelStore
from phantom_core.replay.quotes import real_column
from phantom_core.rules.checks.check import check_rules
from phantom_core.rules.checks.finding import Finding
from phantom_core.rules.checks.limits import RuleLimits
from phantom_core.rules.domain import Domain
from phantom_core.rules.rule_set import RuleSet
from phantom_core.use_cases.models.banned_features import banned_features, banned_in
from phantom_core.use_cases.models.model_use import pricing_version


@requires(Permission.READ)
def check_rule_set(
    settings: Settings, rules: RuleSet, guard_rails: GuardRails | None = None
) -> tuple[Finding, ...]:
    """Check a rule set, with the value ranges of the workspace's sessions where computed.

    Args:
        settings: workspace and control database.
        rules: what to check.
        guard_rails: as already read; None reads those in force.
    """
    allowed = guard_rails or read_price_limits(settings).guard_rails
    return check_rules(rules, limits_of(settings, allowed, last_matrix(settings)))


@requires(Permission.READ)
def limits_of(settings: Settings, guard_rails: GuardRails, matrix: pa.Table | None) -> RuleLimits:
    """Limits that the rules of this shop are checked against.

    Args:
        settings: name the control database, which holds the banned features.
        guard_rails: in force.
        matrix: features of the loaded sessions; None leaves value ranges open.
    """
    domains = session_domains()
    if matrix is not None and matrix.num_rows:
        domains |= {
            name: _with_data(domain, matrix[name])
            for name, domain in domains.items()
            if name in matrix.column_names
        }
    learned, models = _learned_from(settings)
    return RuleLimits(domains, guard_rails, banned_features(settings), learned, models)


def _learned_from(settings: Settings) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Banned features behind P(agent) of the classifier that prices depend on, and its name."""
    try:
        version = pricing_version(settings, CLASSIFIER.name)
        if version is None:
            return {}, {}
        manifest = ModelStore(settings.workspace, CLASSIFIER.name).open(version).manifest
    except (NotFoundError, DataError):
        return {}, {}
    found = banned_in(settings, manifest.features)
    return ({P_AGENT: found} if found else {}), {P_AGENT: f"the classifier {version}"}


@requires(Permission.READ)
def last_matrix(settings: Settings) -> pa.Table | None:
    """Features as last computed; None before the first time."""
    try:
        return FeatureStore(open_lake(settings)).matrix()
    except DataError:
        return None


def _with_data(domain: Domain, column: pa.ChunkedArray) -> Domain:
    if domain.kind == "category":
        found = tuple(sorted(pc.unique(column.drop_null()).to_pylist()))
        return Domain(
            domain.kind, None, None, True, domain.categories, domain.unit, seen_categories=found
        )
    values = pc.min_max(pa.array(real_column(column), from_pandas=True))
    low, high = values["min"].as_py(), values["max"].as_py()
    seen = None if low is None else (float(low), float(high))
    return Domain(domain.kind, domain.low, domain.high, True, (), domain.unit, seen)
