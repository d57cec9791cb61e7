"""Coverage: rules that never decide, rules that always do, and conditions that change nothing."""

from collections.abc import Iterator

from phantom_core.rules.checks.finding import Finding
from phantom_core.rules.checks.prepared import Prepared
from phantom_core.rules.checks.rule_check import rule_check
from phantom_core.rules.grid import Budget, subtract_cells
from phantom_core.rules.space import is_empty
from phantom_core.rules.text import format_conditions


@rule_check(
    "unreachable",
    order=50,
    severity="error",
    description="no possible session matches the conditions",
)
def check_unreachable(prepared: Prepared) -> Iterator[Finding]:
    """Find conditions that no session can match."""
    for position, box in enumerate(prepared.boxes):
        if is_empty(box):
            title, rule = prepared.title(position), prepared.rules.rules[position]
            culprit = next(
                feature
                for feature, region in zip(prepared.space.domains, box, strict=True)
                if region.is_empty
            )
            written = format_conditions(
                condition for condition in rule.conditions if condition.feature == culprit
            )
            says = f"No session can match {title}: {written} holds for no possible value."
            yield Finding(
                "unreachable",
                "error",
                (title,),
                says,
                f"Fix the conditions on {culprit}, or delete the rule.",
            )


@rule_check(
    "shadowed",
    order=60,
    severity="error",
    description="the rules above match all its sessions, alone or together",
)
def check_shadowed(prepared: Prepared) -> Iterator[Finding]:
    """Find rules whose sessions are all decided by rules above them."""
    for position, box in enumerate(prepared.grid.boxes):
        if not all(box) or next(prepared.grid.uncovered(box, position), None):
            continue
        meeting = prepared.grid.meeting(box)
        shadowing = [k for k in range(position) if meeting >> k & 1]
        titles = tuple(prepared.title(k) for k in (position, *shadowing))
        says = (
            f"{prepared.shown(position)} never decides: "
            f"{', '.join(prepared.shown(k) for k in shadowing)} above it match all its sessions."
        )
        fix = f"Move {titles[0]} above {titles[1]}, or delete it."
        yield Finding("shadowed", "error", titles, says, fix)


@rule_check(
    "always true",
    order=70,
    severity="warning",
    description="nothing below it ever decides",
)
def check_always_true(prepared: Prepared) -> Iterator[Finding]:
    """Find rules that leave no session to those below them, ELSE included."""
    everything = prepared.space.everything()
    for position, box in enumerate(prepared.boxes):
        if box == everything:
            title = prepared.title(position)
            says = f"{title} matches every session, so nothing below it ever decides."
            yield Finding(
                "always true",
                "warning",
                (title,),
                says,
                "Make it the ELSE, or narrow its conditions.",
            )
            return


@rule_check(
    "redundant condition",
    order=120,
    severity="note",
    description="without it every session gets the same answer",
)
def check_redundant(prepared: Prepared) -> Iterator[Finding]:
    """Find conditions that can be removed without a change of any answer."""
    grid, budget = prepared.grid, Budget()
    for position, rule in enumerate(prepared.rules.rules):
        box, title = grid.boxes[position], prepared.title(position)
        if len(rule.conditions) < 2 or next(grid.uncovered(box, position, budget), None) is None:
            continue
        for condition in rule.conditions:
            others = tuple(one for one in rule.conditions if one is not condition)
            more = subtract_cells(prepared.cells_where(others), box)
            if any(next(grid.uncovered(piece, position, budget), None) for piece in more):
                continue
            written = format_conditions((condition,))
            why = (
                "the rules above have decided it"
                if more
                else "the other conditions, or the range of the feature, imply it"
            )
            yield Finding(
                "redundant condition",
                "note",
                (title,),
                f"{title} does not need {written}: {why}.",
                f"Delete {written} from {title}.",
            )
