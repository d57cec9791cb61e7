"""Unfolding: a row that holds a list of events becomes a row for each of them."""

from phantom_core.events.columns import Columns, quote_name, quote_text


def unfolded_documents(each: str, documents: str) -> str:
    """SQL for JSON rows where the list at a path is replaced by each of its elements in turn.

    Args:
        each: path of the list; "" leaves the rows as they are.
        documents: SQL for columns _line, _row, _text, _problem, _detail, doc.
    Returns:
        SQL for the same columns, and _part, the element's place from 0.
    """
    if not each:
        return f"SELECT *, 0 AS _part FROM ({documents})"
    keys = each.split(".")
    path = quote_text("$" + "".join(f'."{key}"' for key in keys))
    patch = "_element"
    for key in reversed(keys):
        patch = f"json_object({quote_text(key)}, {patch})"
    return f"""
        SELECT _line, _row, _text, COALESCE(_problem, {_problem()}) AS _problem, _detail,
            CASE WHEN _element IS NOT NULL THEN json_merge_patch(doc, {patch}) END AS doc, _part
        FROM ({_elements(f"TRY_CAST(json_extract(doc, {path}) AS JSON[])", documents)})"""


def unfolded_rows(each: str, columns: Columns) -> str:
    """SQL for the rows of `raw`, with one row for each element of a column's list.

    Args:
        each: the column; "" leaves the rows as they are.
        columns: of the source.
    """
    if not each:
        return "SELECT *, 0 AS _part FROM raw"
    columns.text(each)  # raises where there is no such column
    name = quote_name(each)
    found = f"TRY_CAST(to_json({name}) AS JSON[])"
    opened = f"COALESCE({found}, TRY_CAST(TRY_CAST({name} AS VARCHAR) AS JSON[]))"
    return f"""
        SELECT * EXCLUDE (_element, _elements) REPLACE (
            _element AS {name}, COALESCE(_problem, {_problem()}) AS _problem
        )
        FROM ({_elements(opened, "SELECT * FROM raw")})"""


def _problem() -> str:
    return "CASE WHEN _element IS NULL THEN 'empty_list' END"


def _elements(found: str, rows: str) -> str:
    """One row per element; a row without any stays one, to be accounted for."""
    return f"""
        SELECT *, unnest(_elements) AS _element, unnest(range(len(_elements))) AS _part
        FROM (SELECT *, COALESCE(NULLIF({found}, []), [CAST(NULL AS JSON)]) AS _elements
            FROM ({rows}))"""
