"""Relations: the SQL of all features, generated from the catalogue, for DuckDB and Spark.

`python -m phantom_core.features.relations` prints it. It is not stored in files: a feature would be
declared in two places again, and a file could be older than its declaration. What does not follow
from features (scopes, sessions, labels) is in the folder `sql`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from phantom_core.features.catalogue import BY_NAME, FEATURES, OUTCOMES
from phantom_core.features.terms import (
    EVENTS,
    Combined,
    Count,
    Distinct,
    EventKind,
    If,
    Measure,
    MostOfOne,
    MostWithin,
    Number,
    PaidIn,
    Says,
    SaysWhich,
    Statistic,
    Term,
    measures_of,
)

_TERMS: Final = (*(feature.how for feature in FEATURES), *OUTCOMES.values())
_MEASURES: Final = measures_of(_TERMS)
WINDOWS_MS: Final = tuple(
    measure.window_ms for measure in _MEASURES if isinstance(measure, MostWithin)
)
AGENT_MEASURES: Final = tuple(
    measure for measure in _MEASURES if isinstance(measure, Says | SaysWhich)
)
_TOKENS_A_LINE: Final = 5


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the value of a measure stands.

    Attributes:
        relation, column: names.
        select: the aggregate.
        source: rows it is taken of.
        condition: which of them count; all where empty.
    """

    relation: str
    column: str
    select: str
    source: str = "scoped_events"
    condition: str = ""


@cache
def relations() -> dict[str, str]:
    """SELECT statements by relation, in the order they read each other; the last is `features`."""
    places = [_place(measure) for measure in _MEASURES]
    found = {"steps": _steps()}
    for name in dict.fromkeys(("tallies", *(place.relation for place in places))):
        if name == "user_agent":
            found[name] = _user_agent()
        else:
            found[name] = _aggregate(
                name, dict.fromkeys(place for place in places if place.relation == name)
            )
    return found | {"features": _features([name for name in found if name != "steps"])}


@cache
def definition(name: str) -> str:
    """Definition of one feature, as text that changes with its meaning alone.

    Raises:
        KeyError: there is no such feature.
    """
    how = BY_NAME[name].how
    places = (_place(measure) for measure in measures_of([how]))
    measured = [
        f"{one.relation}.{one.column} = {one.select} FROM {one.source} WHERE {one.condition}"
        for one in places
    ]
    signs = [
        "".join(_signs(measure))
        for measure in measures_of([how])
        if isinstance(measure, Says | SaysWhich)
    ]
    return "; ".join([f"{name} = {_text(how)}", *measured, *signs])


def window_column(window_ms: int) -> str:
    """The column of `steps` that counts the events of a window."""
    return f"events_in_{window_ms}_ms"


def _place(measure: Measure) -> _Place:
    match measure:
        case Count(of):
            place = _Place("tallies", of.word, f"COUNT(*){_filter(of)}")
        case PaidIn(of):
            place = _Place("tallies", f"paid_in_{of.word}", f"SUM(amount_paid){_filter(of)}")
        case Distinct(key, of):
            place = _Place(f"{key}_of_{of.word}", "n_values", "COUNT(*)", *_per_value(key, of))
        case MostOfOne(key, of):
            place = _Place(
                f"{key}_of_{of.word}", "most_events", "MAX(n_events)", *_per_value(key, of)
            )
        case MostWithin(window_ms):
            place = _Place(
                "pace",
                f"most_{window_column(window_ms)}",
                f"MAX({window_column(window_ms)})",
                "steps",
            )
        case Statistic(which, column, of) if of == EVENTS and column != "price_seen":
            place = _Place("pace", f"{which.lower()}_{column}", f"{which}({column})", "steps")
        case Statistic(which, column, of):
            condition = " AND ".join(filter(None, [f"{column} IS NOT NULL", _condition(of)]))
            place = _Place(
                f"{column}_of_{of.word}",
                f"{which.lower()}_{column}",
                f"{which}({column})",
                condition=condition,
            )
        case Says(word, _) | SaysWhich(word, _, _):
            place = _Place("user_agent", word, "", "")
        case _:
            raise TypeError(f"SQL does not know how to work out {measure}.")
    return place


def _per_value(key: str, of: EventKind) -> tuple[str]:
    """Events by value; two plain groupings cost less than COUNT(DISTINCT)."""
    condition = " AND ".join(filter(None, [f"{key} IS NOT NULL", _condition(of)]))
    select = (
        f"SELECT scope_key, {key}, COUNT(*) AS n_events\n    FROM scoped_events\n    WHERE "
        f"{condition}\n    GROUP BY scope_key, {key}"
    )
    return (f"(\n    {select}\n) AS per_value",)


def _condition(of: EventKind) -> str:
    """Which events are of a kind; empty for all of them."""
    parts = [f"event_name LIKE '{prefix}%'" for prefix in of.prefixes]
    if of.names:
        names = ", ".join(f"'{name}'" for name in of.names)
        parts.insert(
            0, f"event_name = {names}" if len(of.names) == 1 else f"event_name IN ({names})"
        )
    text = " OR ".join(parts)
    return f"({text})" if len(parts) > 1 else text


def _filter(of: EventKind) -> str:
    return f" FILTER (WHERE {_condition(of)})" if of != EVENTS else ""


def _aggregate(name: str, places: Iterable[_Place]) -> str:
    """The measures of one relation, one row per scope."""
    columns = ",\n".join(f"    {place.select} AS {place.column}" for place in places)
    [(source, condition)] = {(place.source, place.condition) for place in places}
    where = f"WHERE {condition}\n" if condition else ""
    reads = "steps" if source == "steps" else "scoped_events"
    return (
        f"{_header(name, 'scope_key', reads)}SELECT\n    scope_key,\n{columns}\nFROM "
        f"{source}\n{where}GROUP BY scope_key\n"
    )


def _steps() -> str:
    """Gaps and windows; the order of events of one millisecond changes neither."""
    over = "OVER (PARTITION BY scope_key ORDER BY event_ms"
    columns = [f"event_ms - LAG(event_ms) {over}) AS gap_ms"]
    columns += [
        f"COUNT(*) {over} RANGE BETWEEN {ms} PRECEDING AND CURRENT ROW) AS {window_column(ms)}"
        for ms in WINDOWS_MS
    ]
    return (
        f"{_header('steps', 'event', 'scoped_events')}SELECT\n    scope_key,\n    event_ms,\n    "
        + ",\n    ".join(columns)
        + "\nFROM scoped_events\n"
    )


def _features(sources: list[str]) -> str:
    """Everything that is worked out, one row per scope."""
    terms = {feature.name: feature.how for feature in FEATURES} | OUTCOMES
    columns = ",\n".join(f"    {_text(term)} AS {name}" for name, term in terms.items())
    joins = "".join(
        f"LEFT JOIN {name} ON {name}.scope_key = tallies.scope_key\n"
        for name in sources
        if name != "tallies"
    )
    return (
        f"{_header('features', 'scope_key', ', '.join(sources))}SELECT\n    "
        f"tallies.scope_key,\n{columns}\nFROM tallies\n{joins}"
    )


def _text(term: Term) -> str:
    """A term as SQL over the columns of `relations`."""
    match term:
        case Number(value):
            text = f"{value!r}e0" if isinstance(value, float) else str(value)
        case If(condition, then, otherwise):
            text = f"CASE WHEN {_text(condition)} THEN {_text(then)} ELSE {_text(otherwise)} END"
        case Combined("//", left, right):
            text = f"CAST(FLOOR({_part(left)} / {_part(right)}) AS INT)"
        case Combined("/", left, right) if not isinstance(right, Number):
            text = f"{_part(left)} / NULLIF({_text(right)}, 0)"
        case Combined(operator, left, right):
            text = f"{_part(left)} {operator} {_part(right)}"
        case Distinct():
            text = f"COALESCE({_column(term)}, 0)"
        case Measure():
            text = _column(term)
        case _:
            raise TypeError(f"SQL does not know how to work out {term}.")
    return text


def _part(term: Term) -> str:
    return f"({_text(term)})" if isinstance(term, Combined) else _text(term)


def _column(measure: Measure) -> str:
    place = _place(measure)
    return f"{place.relation}.{place.column}"


def _user_agent() -> str:
    """What the first user agent of a scope says."""
    signs = ",\n".join(line for measure in AGENT_MEASURES for line in _signs(measure))
    kinds = ",\n".join(f"        {_says(measure)} AS {measure.word}" for measure in AGENT_MEASURES)
    columns = ", ".join(f"k.{measure.word}" for measure in AGENT_MEASURES)
    header = _header("user_agent", "scope_key", "scoped_events")
    return f"""{header}-- Scopes without a user agent have no row.
WITH agents AS (
    SELECT scope_key, user_agent
    FROM scoped_events
    WHERE user_agent <> ''
    GROUP BY scope_key, user_agent
),
-- Only the few scopes with several user agents have to look for the first one.
several AS (
    SELECT scope_key FROM agents GROUP BY scope_key HAVING COUNT(*) > 1
),
first_of_several AS (
    SELECT e.scope_key, MIN_BY(e.user_agent, (e.event_ms, e.event_seq, e.event_id)) AS user_agent
    FROM scoped_events AS e
    INNER JOIN several AS s ON s.scope_key = e.scope_key
    WHERE e.user_agent <> ''
    GROUP BY e.scope_key
),
-- What a user agent says about itself is read once per user agent, not once per scope.
named AS (
    SELECT
        user_agent,
        CONTAINS(user_agent, '/') AS is_whole,
        -- Twice: as it is, and as words between blanks. CUBOT makes telephones.
        REPLACE(CONCAT(
            ' ', LOWER(user_agent), ' ', TRANSLATE(LOWER(user_agent), ';,()/:+"', '        '), ' '
        ), 'cubot', '') AS name
    FROM agents
    GROUP BY user_agent
),
-- Of several values, the one with the highest rank counts.
signs AS (
    SELECT * FROM (
        VALUES
{signs}
    ) AS sign (token, word, says, says_rank)
),
kinds AS (
    SELECT
        n.user_agent,
{kinds}
    FROM named AS n
    LEFT JOIN signs AS s ON CONTAINS(n.name, s.token)
    GROUP BY n.user_agent, n.is_whole
)
SELECT a.scope_key, {columns}
FROM agents AS a
INNER JOIN kinds AS k ON k.user_agent = a.user_agent
LEFT JOIN first_of_several AS f ON f.scope_key = a.scope_key
WHERE f.user_agent IS NULL OR f.user_agent = a.user_agent
"""


def _signs(measure: Says | SaysWhich) -> Iterator[str]:
    """Rows of the relation `signs`, several in a line."""
    said = [("", measure.tokens)] if isinstance(measure, Says) else measure.signs
    for rank, (says, tokens) in enumerate(said):
        rows = [f"('{token}', '{measure.word}', '{says}', {rank})" for token in tokens]
        for at in range(0, len(rows), _TOKENS_A_LINE):
            yield "        " + ", ".join(rows[at : at + _TOKENS_A_LINE])


def _says(measure: Says | SaysWhich) -> str:
    of = f"FILTER (WHERE s.word = '{measure.word}')"
    if isinstance(measure, Says):
        # The name of a browser alone says nothing of what drives it.
        return f"CASE WHEN COUNT(*) {of} > 0 THEN TRUE WHEN n.is_whole THEN FALSE END"
    return f"COALESCE(MAX_BY(s.says, s.says_rank) {of}, '{measure.values[-1]}')"


def _header(relation: str, grain: str, reads: str) -> str:
    return f"-- {relation}.  Grain: {grain}.  Reads: {reads}.\n"


if __name__ == "__main__":
    print("\n".join(relations().values()), end="")
