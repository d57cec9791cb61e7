"""Columns: paths of values in a foreign row, compiled to DuckDB SQL that yields them as text."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from phantom_core.core.errors import MappingError

_STEP: Final = re.compile(r'"([^"]+)"|([^.\[\]"][^.\[\]]*)|\[([^\]]+)\]')
_BLANKS: Final = "' ' || chr(9) || chr(10) || chr(13) || chr(160)"
_PAIR_VALUES: Final = ("string_value", "int_value", "double_value", "float_value")


def quote_name(name: str) -> str:
    """A SQL identifier.

    >>> print(quote_name('5" pipe'))
    "5"" pipe"
    """
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A SQL string literal.

    >>> quote_text("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


# Column of the texts that `Columns.all_texts` takes out of a document.
TEXTS: Final = "_texts"
# Texts that stand for no value, in lower case.
PLACEHOLDERS: Final = (
    "",
    "\\n",
    "null",
    "nan",
    "undefined",
    "(not set)",
    "-",
    "n/a",
)
# What no header holds: a time, a long number, a random id.
_DATUM: Final = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?|\d{9,}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{17,}",
    re.IGNORECASE,
)


def look_like_data(names: Sequence[str]) -> bool:
    """Whether what should be names of columns are values: the file has no header.

    >>> look_like_data(["1", "2024-01-19T00:00:00.000Z", "83"]), look_like_data(["sid", "2024"])
    (True, False)
    """
    return any(_DATUM.fullmatch(name.strip()) for name in names)


class Columns:
    """Columns of a source: named ones, or one JSON document a row.

    A column is named as it is; `a.b`, `a[0]` and `a[key]` lead into structures, into JSON that is
    written as text, and to keys with dots; `a[~text]` is the first element of a list that contains
    a text, `a."[b]"` a key with brackets; `a|b` is the first that has a value; `a?` may be missing.

    Args:
        names: column names; for JSON, the keys of a sample (used in messages and suggestions only).
        is_json: rows are documents in a column `doc`.
        nested: names of the columns that hold structures, lists or maps.
        missing: further texts that stand for no value.
        percent_encoded: columns whose texts are written like %20 in addresses.
        keys: keys of a document that were asked for, in the order of `all_texts`.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        is_json: bool,
        nested: Iterable[str] = (),
        missing: Sequence[str] = (),
        percent_encoded: Iterable[str] = (),
        keys: dict[str, int] | None = None,
    ) -> None:
        self.names = tuple(names)
        self.is_json = is_json
        self.nested = frozenset(nested)
        self.missing = tuple(missing)
        self.percent_encoded = frozenset(percent_encoded)
        self._keys = {} if keys is None else keys

    def written(
        self, *, missing: Sequence[str] = (), percent_encoded: Sequence[str] = ()
    ) -> "Columns":
        """The same columns, as a mapping says that their texts are written."""
        return Columns(
            self.names,
            is_json=self.is_json,
            nested=self.nested,
            missing=missing,
            percent_encoded=percent_encoded,
            keys=self._keys,
        )

    def with_nested(self, name: str) -> "Columns":
        """The same columns, where one more holds structures."""
        nested = {*self.nested, name}
        return Columns(
            self.names,
            is_json=self.is_json,
            nested=nested,
            missing=self.missing,
            percent_encoded=self.percent_encoded,
        )

    def has(self, column: str) -> bool:
        """Whether the source may have this column; any key may occur in JSON."""
        if column not in self.names and column.endswith("?"):
            column = column[:-1]
        if "|" in column and column not in self.names:
            return any(self.has(option) for option in column.split("|"))
        head = _STEP.match(column)
        return (
            self.is_json or column in self.names or (head is not None and _key(head) in self.names)
        )

    def text(self, column: str) -> str:
        """SQL for a column's value as text; empty text and placeholders become NULL.

        Raises:
            MappingError: a named column that the source does not have.
        """
        if column not in self.names and column.endswith("?"):
            return self.text(column[:-1]) if self.has(column) else "CAST(NULL AS VARCHAR)"
        if "|" in column and column not in self.names:
            options = [option for option in column.split("|") if self.has(option)]
            return (
                f"COALESCE({', '.join(map(self.text, options))}, NULL)"
                if options
                else self.text(column.split("|", maxsplit=1)[0])
            )
        found = _present(self._value(column), self.missing)
        # Twice, as CloudFront once wrote them.
        return f"url_decode(url_decode({found}))" if column in self.percent_encoded else found

    def joined(self, columns: str | Sequence[str]) -> str:
        """SQL for one column, or for several joined with "."; NULL when any is missing but a `a?`.

        >>> print(Columns(["a"], is_json=False).joined(["b?"]))
        COALESCE(CAST(NULL AS VARCHAR), '-')
        """
        if isinstance(columns, str):
            return self.text(columns)
        return " || '.' || ".join(
            f"COALESCE({self.text(part)}, '-')" if part.endswith("?") else self.text(part)
            for part in columns
        )

    def json(self, column: str) -> str:
        """SQL for what stands at a path, as JSON; NULL where it is none."""
        head = _STEP.match(column)
        if self.is_json or head is None:
            return _reach("doc", column)
        return _reach(self._document(_key(head)), column[head.end() :])

    def _value(self, column: str) -> str:
        if self.is_json:
            steps = _STEP.findall(column)
            if len(steps) == 1 and (key := steps[0][0] or steps[0][1]):
                return self._key_text(key)
            found = _walk("doc", column)
            if "." not in column:
                return found
            literal = f"json_extract_string(doc, {quote_text(_json_path(column))})"
            return f"COALESCE({found}, {literal})"
        if column in self.names:
            return self._plain(column)
        head = _STEP.match(column)
        if head and _key(head) in self.names:
            return _walk(self._document(_key(head)), column[head.end() :])
        raise MappingError(
            f"There is no column '{column}'; the columns are {', '.join(self.names)}.",
            hint=(
                "The first line looks like data: name the columns in the mapping, "
                'header = ["…", "…"].'
                if look_like_data(self.names)
                else "Is the delimiter right? Put ? behind the name where it may be missing."
            ),
        )

    def _key_text(self, key: str) -> str:
        place = self._keys.setdefault(key, len(self._keys) + 1)
        return f"{TEXTS}[{place}]"

    def all_texts(self) -> str:
        """SQL for the texts of all keys of a document that were asked for so far.

        A document is parsed once for the list, and would be for each of its elements.
        """
        paths = ", ".join(quote_text(_json_path(key)) for key in self._keys)
        return f"json_extract_string(doc, [{paths}])" if paths else "CAST([] AS VARCHAR[])"

    def _document(self, name: str) -> str:
        column = quote_name(name)
        return f"to_json({column})" if name in self.nested else f"TRY_CAST({column} AS JSON)"

    def _plain(self, column: str) -> str:
        name = quote_name(column)
        return (
            f"CAST(to_json({name}) AS VARCHAR)"
            if column in self.nested
            else f"CAST({name} AS VARCHAR)"
        )


def _present(sql: str, missing: Sequence[str]) -> str:
    """A trimmed text, or NULL where it stands for no value."""
    trimmed = f"TRIM({sql}, {_BLANKS})"
    texts = dict.fromkeys((*PLACEHOLDERS, *(text.strip().lower() for text in missing)))
    listed = ", ".join(map(quote_text, texts))
    return f"CASE WHEN LOWER({trimmed}) NOT IN ({listed}) THEN {trimmed} END"


def _json_path(key: str) -> str:
    return '$."' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _walk(sql: str, path: str) -> str:
    """SQL for the text at a path."""
    return f"json_extract_string({_reach(sql, path)}, '$')"


def _reach(sql: str, path: str) -> str:
    """SQL that follows a path: `.key`, `[0]` of a list, `[key]` of a list of key-value pairs."""
    for place, (quoted, plain, bracket) in enumerate(_STEP.findall(path)):
        if key := quoted or plain:
            opened = _opened(sql) if place == 1 else sql
            sql = f"json_extract({opened}, {quote_text(_json_path(key))})"
        elif bracket.isdigit():
            sql = f"json_extract({sql}, '$[{bracket}]')"
        elif bracket.startswith("~"):
            sql = (
                f"list_filter(TRY_CAST({sql} AS JSON[]), lambda one: contains("
                f"CAST(one AS VARCHAR), {quote_text(bracket[1:])}))[1]"
            )
        else:
            sql = f"to_json({_pair_value(sql, bracket)})"
    return sql


def _key(head: re.Match[str]) -> str:
    """The key that the first step of a path names."""
    return head.group(1) or head.group(2) or ""


def _opened(sql: str) -> str:
    """A JSON value; a text that is JSON itself, as exports of exports have, is opened."""
    inner = f"TRY_CAST(json_extract_string({sql}, '$') AS JSON)"
    return f"CASE WHEN json_type({sql}) = 'VARCHAR' THEN {inner} ELSE {sql} END"


def _pair_value(sql: str, key: str) -> str:
    found = (
        f"list_filter(TRY_CAST({sql} AS JSON[]), lambda pair: json_extract_string(pair, "
        f"'$.key') = {quote_text(key)})[1]"
    )
    return (
        "COALESCE("
        + ", ".join(f"json_extract_string({found}, '$.value.{kind}')" for kind in _PAIR_VALUES)
        + ")"
    )
