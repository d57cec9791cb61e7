"""Guard rails: mark-ups beyond what the shop allows any rule."""

from collections.abc import Iterator

from phantom_core.rules.checks.finding import Finding
from phantom_core.rules.checks.prepared import Prepared
from phantom_core.rules.checks.rule_check import rule_check


@rule_check(
    "out of guard rails",
    order=40,
    severity="error",
    description=(
        "below `PHANTOM_LOWEST_MARKUP` (0.7) or above `PHANTOM_HIGHEST_MARKUP` (1.5), ELSE included"
    ),
)
def check_guard_rails(prepared: Prepared) -> Iterator[Finding]:
    """Find mark-ups below the lowest or above the highest allowed one."""
    allowed = prepared.limits.guard_rails
    ratios = [*(rule.markup_ratio for rule in prepared.rules.rules), prepared.rules.otherwise]
    for position, ratio in enumerate(ratios):
        if not allowed.contains(ratio):
            title, side = (
                prepared.title(position),
                "below" if ratio < allowed.lowest_markup else "above",
            )
            says = f"{title} has a mark-up of ×{ratio:g}, {side} the guard rails {allowed}."
            fix = f"Write {allowed.clamp(ratio):.2f}, or move the guard rails."
            yield Finding("out of guard rails", "error", (title,), says, fix)
