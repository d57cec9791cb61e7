"""Report: the outcome of a soak, as JSON and as tables."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from phantom_core.services.soak.ledger import Decisions, Ledger, Messages
from phantom_core.services.soak.probe import Blind
from phantom_core.services.soak.soak import Course
from phantom_core.services.soak.usage import Sample, highest

_DIGITS: Final = 1


@dataclass(frozen=True, slots=True)
class SoakReport:
    """The outcome of a soak.

    Attributes:
        about: length, rate, seed, date, machine.
        ledger: promises and the lake.
        course: faults, shoppers, memory and disk.
        blind: seconds in which something did not work, by fault.
        killed: parts that did not stop when asked to.
    """

    about: Mapping[str, object]
    ledger: Ledger
    course: Course
    blind: Mapping[str, Blind]
    killed: Sequence[str]

    @property
    def is_balanced(self) -> bool:
        """Whether the ledger balances."""
        return self.ledger.is_balanced

    def to_json(self) -> dict[str, object]:
        """As JSON values."""
        total = self._total()
        return {
            "balanced": self.is_balanced,
            "about": dict(self.about),
            "events": _of_messages(self.ledger.events),
            "quotes": _of_messages(self.ledger.quotes),
            "decisions": asdict(self.ledger.decisions)
            | {"balanced": self.ledger.decisions.is_balanced},
            "faults": [asdict(one) for one in self.course.struck],
            "blind_s": {name: _rounded(one) for name, one in {**self.blind, "all": total}.items()},
            "caught_up_s": self.course.caught_up_s,
            "shoppers": self.course.tally.to_json(),
            "usage": [asdict(one) for one in self.course.usage.samples],
            "had_to_kill": list(self.killed),
        }

    def to_text(self) -> str:
        """As Markdown tables."""
        return "\n\n".join(
            (
                "; ".join(f"{name} {value}" for name, value in self.about.items()) + ".",
                _messages_table(self.ledger.events, self.ledger.quotes),
                _decisions_table(self.ledger.decisions),
                self._faults_table(),
                _usage_table(self.course.usage.samples),
                self._verdict(),
            )
        )

    def _total(self) -> Blind:
        total = Blind()
        for one in self.blind.values():
            total.add(one)
        return total

    def _faults_table(self) -> str:
        rows = []
        for one in self.course.struck:
            blind = self.blind.get(one.name, Blind())
            well = "–" if one.recovered_s is None else f"{one.recovered_s:g}"
            figures = [f"{value:.0f}" for value in _failures(blind)]
            lasted = f"left out: {one.skipped}" if one.skipped else f"{one.lasted_s:g}"
            rows.append([one.name, f"{one.at_s:.0f}", lasted, well, *figures])
        total = self._total()
        rows.append(["all", "", "", "", *(f"{value:.0f}" for value in _failures(total))])
        head = ["fault", "at s", "lasted s", "well after s"]
        names = ["no events s", "no prices s", "features late s", "base prices s"]
        return _table([*head, *names], rows)

    def _verdict(self) -> str:
        looked = self._total()
        blind_min = looked.no_features / 60
        caught_up = self.course.caught_up_s
        waited = "was not in the lake in time" if caught_up is None else f"{caught_up:g} s later"
        return (
            f"The ledger {'balances' if self.is_balanced else 'does not balance'}. "
            f"{blind_min:.1f} of {looked.looked_s / 60:.1f} minutes blind; all of it in the lake: "
            f"{waited}."
        )


def _failures(blind: Blind) -> tuple[float, float, float, float]:
    return blind.no_events, blind.no_prices, blind.no_features, blind.base_prices


def _of_messages(found: Messages) -> dict[str, object]:
    return asdict(found) | {"balanced": found.is_balanced}


def _rounded(blind: Blind) -> dict[str, float]:
    return {name: round(value, _DIGITS) for name, value in asdict(blind).items()}


def _messages_table(events: Messages, quotes: Messages) -> str:
    names = asdict(events)
    rows = [
        [name.replace("_", " "), f"{value:,}", f"{asdict(quotes)[name]:,}"]
        for name, value in names.items()
    ]
    return _table(["messages", "events", "quotes"], rows)


def _decisions_table(found: Decisions) -> str:
    rows = [[name.replace("_", " "), f"{value:,}"] for name, value in asdict(found).items()]
    return _table(["decisions", "count"], rows)


def _usage_table(samples: Sequence[Sample]) -> str:
    """Memory and disk at the beginning, the middle and the end, and the highest."""
    if not samples:
        return ""
    moments = [samples[0], samples[len(samples) // 2], samples[-1]]
    head = ["MB", *(f"at {one.at_s:.0f} s" for one in moments), "highest"]
    rows: list[list[str]] = []
    for what, kind in (("memory of", "memory_mb"), ("disk of", "disk_mb")):
        tops = highest([getattr(one, kind) for one in samples])
        for name, top in tops.items():
            values = [getattr(one, kind).get(name, 0.0) for one in moments]
            rows.append([f"{what} {name}", *(f"{value:.1f}" for value in (*values, top))])
    return _table(head, rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
