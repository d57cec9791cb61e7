"""Features: rules that read unknown or banned features, or values that never occur."""

from collections.abc import Iterator

from phantom_core.rules.checks.finding import Finding
from phantom_core.rules.checks.prepared import Prepared
from phantom_core.rules.checks.rule_check import rule_check
from phantom_core.rules.condition import Condition
from phantom_core.rules.domain import Domain
from phantom_core.rules.text import format_conditions


@rule_check(
    "unknown feature",
    order=10,
    severity="error",
    description="no feature has this name",
)
def check_unknown(prepared: Prepared) -> Iterator[Finding]:
    """Find unknown features; one that is only declared is reported at ELSE."""
    declared = {
        feature: (prepared.title(-1),)
        for feature in (*prepared.rules.rises_with, *prepared.rules.falls_with)
    }
    for feature, rules in (declared | _readers(prepared)).items():
        if feature not in prepared.limits.domains:
            near = _nearest(feature, prepared)
            says = f"'{feature}' is no feature of a session."
            yield Finding(
                "unknown feature",
                "error",
                rules,
                says,
                f"Did you mean {near}?" if near else "See the page Features for those there are.",
            )


@rule_check(
    "banned feature",
    order=20,
    severity="error",
    description=(
        "banned by an administrator (at first those of the user agent, and the hour of day), read "
        "by the rule or learned from by the model whose output it reads"
    ),
)
def check_banned(prepared: Prepared) -> Iterator[Finding]:
    """Find features that the shop may not price on."""
    for feature, rules in _readers(prepared).items():
        if feature in prepared.limits.banned:
            says = (
                f"{', '.join(rules)} read{'s' if len(rules) == 1 else ''} {feature}, which "
                "prices may not depend on in this shop."
            )
            yield Finding(
                "banned feature",
                "error",
                rules,
                says,
                "Remove the condition, or ask an administrator to lift the ban.",
            )
        if through := prepared.limits.learned.get(feature):
            model = prepared.limits.models.get(feature, "a model")
            says = (
                f"{', '.join(rules)} read{'s' if len(rules) == 1 else ''} {feature}, which {model} "
                f"learns from {', '.join(through)}: prices may not depend on "
                f"{'it' if len(through) == 1 else 'them'} in this shop."
            )
            yield Finding(
                "banned feature",
                "error",
                rules,
                says,
                "Use a model for pricing, trained without them.",
            )


@rule_check(
    "wrong kind",
    order=30,
    severity="error",
    description="a number is compared with a category, or the other way round",
)
def check_kind(prepared: Prepared) -> Iterator[Finding]:
    """Find numbers compared with categories, and the other way round."""
    for title, condition, domain in _conditions(prepared):
        if not domain.fits(condition):
            kind = "a category" if domain.kind == "category" else "a number"
            says = (
                f"{title} has {format_conditions((condition,))}, but {condition.feature} is {kind}."
            )
            fix = (
                f"Compare it with one of {', '.join(domain.categories)}."
                if domain.categories
                else "Compare it with a number."
            )
            yield Finding("wrong kind", "error", (title,), says, fix)


@rule_check(
    "outside the data",
    order=110,
    severity="warning",
    description=(
        "every loaded session lies on one side of the threshold, or none has the category"
    ),
)
def check_data_range(prepared: Prepared) -> Iterator[Finding]:
    """Find thresholds with every loaded session on one side."""
    for title, condition, domain in _conditions(prepared):
        threshold, seen = condition.threshold, domain.seen
        if isinstance(threshold, str):
            if domain.seen_categories is not None and threshold not in domain.seen_categories:
                had = ", ".join(domain.seen_categories) or "none at all"
                says = (
                    f"{title} compares {condition.feature} with '{threshold}', which no loaded "
                    f"session has; they have {had}."
                )
                yield Finding(
                    "outside the data",
                    "warning",
                    (title,),
                    says,
                    "Check the spelling, or load sessions that have it.",
                )
        elif threshold is not None and seen and not seen[0] <= threshold <= seen[1]:
            side = "below" if threshold < seen[0] else "above"
            says = (
                f"{title} has {format_conditions((condition,))}; {threshold:g} is {side} all "
                f"loaded values, {seen[0]:g} to {seen[1]:g}"
                f"{f' {domain.unit}' if domain.unit else ''}."
            )
            yield Finding(
                "outside the data",
                "warning",
                (title,),
                says,
                "Check the unit, or move the threshold between them.",
            )


def _readers(prepared: Prepared) -> dict[str, tuple[str, ...]]:
    """Feature → rules that read it."""
    found: dict[str, list[str]] = {}
    for position, rule in enumerate(prepared.rules.rules):
        for feature in dict.fromkeys(condition.feature for condition in rule.conditions):
            found.setdefault(feature, []).append(prepared.title(position))
    return {feature: tuple(titles) for feature, titles in found.items()}


def _conditions(prepared: Prepared) -> Iterator[tuple[str, Condition, Domain]]:
    """Conditions on known features, with their rule and the domain of the feature."""
    for position, rule in enumerate(prepared.rules.rules):
        for condition in rule.conditions:
            if condition.feature in prepared.limits.domains:
                yield (
                    prepared.title(position),
                    condition,
                    prepared.limits.domains[condition.feature],
                )


def _nearest(feature: str, prepared: Prepared) -> str:
    words = set(feature.split("_"))
    near = [name for name in prepared.limits.domains if words & set(name.split("_"))]
    return ", ".join(sorted(near, key=lambda name: -len(words & set(name.split("_"))))[:3])
