"""Drawn text: which expressions of a page reach Streamlit's Markdown without being escaped.

The pages are read as syntax trees. An expression is fit to be drawn if it is written in the
source, a number with a format, the result of a function that escapes, or made of such parts.
Whatever else is drawn came from outside: from a file, a request, a person, an error.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

# Streamlit's elements that render their text as Markdown, and our own that hand it on.
DRAWING: Final = frozenset(
    [
        "markdown",
        "caption",
        "write",
        "info",
        "warning",
        "error",
        "success",
        "title",
        "header",
        "subheader",
        "toast",
        "metric",
        "badge",
        "expander",
        "popover",
        "button",
        "checkbox",
        "radio",
        "toggle",
        "tabs",
        "segmented_control",
        "pills",
        "spinner",
        "progress",
        "status",
        "selectbox",
        "multiselect",
        "text_input",
        "text_area",
        "number_input",
        "slider",
        "select_slider",
        "date_input",
        "file_uploader",
        "page_link",
        "link_button",
        "download_button",
        "form_submit_button",
        "show_chart",
        "show_missing",
        "show_metric",
        "csv_button",
        "chat_message",
    ]
)
# Arguments of those that are not drawn as Markdown.
_NOT_DRAWN: Final = frozenset(
    [
        "key",
        "download",
        "on_change",
        "icon",
        "file_name",
        "mime",
        "query_params",
        "page",
        "default",
        "value",
        "min_value",
        "max_value",
        "step",
        "format",
        "options",
        "format_func",
        "on_click",
        "args",
        "kwargs",
        "height",
        "width",
        "type",
        "disabled",
        "delta_color",
        "delta_arrow",
        "index",
        "placeholder",
        "bind",
        "language",
        "color",
        "colour",
        "data",
        "accept_multiple_files",
        "label_visibility",
    ]
)
# Elements whose options are Markdown too.
_MARKDOWN_OPTIONS: Final = frozenset(("segmented_control", "pills", "radio", "tabs"))
_ESCAPING: Final = frozenset(("escape", "escape_document", "code_span"))
_TEXT_METHODS: Final = frozenset(
    [
        "join",
        "replace",
        "strip",
        "rstrip",
        "lstrip",
        "capitalize",
        "title",
        "lower",
        "upper",
        "removeprefix",
        "removesuffix",
        "partition",
        "format",
        "get",
    ]
)
_NUMERIC: Final = frozenset(("len", "round", "int", "float", "sum", "abs", "max", "min", "slider"))


@dataclass(frozen=True, slots=True)
class Unescaped:
    """An expression that is drawn as it came.

    Attributes:
        place: file and line.
        source: the expression.
    """

    place: str
    source: str


@dataclass(slots=True)
class _Scope:
    """What is known in one function: its parameters and what its names were set to."""

    parameters: frozenset[str] = frozenset()
    values: dict[str, list[ast.expr]] = field(default_factory=dict)


class Pages:
    """The modules that draw, with the functions they call each other by.

    Args:
        files: their sources.
        own: attributes and names whose texts the product writes itself.
    """

    def __init__(self, files: Iterable[Path], own: frozenset[str]) -> None:
        self._trees = {file: ast.parse(file.read_text()) for file in files}
        self._own = own
        self._functions: dict[str, list[tuple[ast.FunctionDef, _Scope]]] = {}
        self._returns: dict[str, list[ast.expr]] = {}
        self._files: dict[ast.AST, Path] = {}
        self._constants: dict[str, list[ast.expr]] = {}
        for file, tree in self._trees.items():
            self._constants.update(_assigned(tree.body))
            for node in ast.walk(tree):
                self._files[node] = file
                if isinstance(node, ast.FunctionDef):
                    self._functions.setdefault(node.name, []).append((node, _scope(node)))

    def unescaped(self) -> Iterator[Unescaped]:
        """Each expression that reaches Markdown as it came."""
        found = {
            bad: None for tree in self._trees.values() for bad in self._within(_Scope(), tree.body)
        }
        for bad in found:
            source = ast.unparse(bad)
            if not {source, f"{self._files[bad]}: {source}"} & self._own:
                yield Unescaped(f"{self._files[bad]}:{bad.lineno}", source)

    def _within(self, scope: _Scope, body: list[ast.stmt]) -> Iterator[ast.expr]:
        for node in _walk_scope(body):
            if isinstance(node, ast.FunctionDef | ast.Lambda):
                if isinstance(node, ast.FunctionDef):
                    yield from self._within(_scope(node), node.body)
            elif isinstance(node, ast.Call) and _draws(node):
                for part in _drawn(node):
                    yield from self._bad(part, scope, 0)

    def _bad(self, node: ast.expr, scope: _Scope, depth: int) -> Iterator[ast.expr]:
        if depth > 12 or self._is_plain(node):
            return
        parts = _parts(node)
        if parts is not None:
            for part in parts:
                yield from self._bad(part, scope, depth + 1)
        elif isinstance(node, ast.Name):
            yield from self._bad_name(node, scope, depth)
        elif isinstance(node, ast.Call):
            yield from self._bad_call(node, scope, depth)
        else:
            yield node

    def _is_plain(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Constant | ast.Compare | ast.Lambda | ast.UnaryOp):
            return True
        if isinstance(node, ast.Attribute):
            return ast.unparse(node) in self._own
        if isinstance(node, ast.FormattedValue):
            return node.format_spec is not None
        return isinstance(node, ast.BinOp) and not isinstance(node.op, ast.Add | ast.Mod)

    def _bad_name(self, node: ast.Name, scope: _Scope, depth: int) -> Iterator[ast.expr]:
        if node.id in self._own:
            return
        values = scope.values.get(node.id) or (
            None if node.id in scope.parameters else self._constants.get(node.id)
        )
        if not values:
            yield node
        for value in values or ():
            yield from self._bad(value, _without(scope, node.id), depth + 1)

    def _bad_call(self, node: ast.Call, scope: _Scope, depth: int) -> Iterator[ast.expr]:
        name = _called(node)
        if name in _ESCAPING or name in _NUMERIC or name.startswith("format_") or name in self._own:
            return
        if isinstance(node.func, ast.Attribute) and name in _TEXT_METHODS:
            yield from self._bad(node.func.value, scope, depth + 1)
            for part in node.args:
                yield from self._bad(part, scope, depth + 1)
        elif name in self._functions:
            yield from self._returned(name)
        elif name in ("str", "capitalise", "sorted", "map", "list", "tuple", "zip", "reversed"):
            for part in node.args:
                yield from self._bad(part, scope, depth + 1)
        else:
            yield node

    def _returned(self, name: str) -> list[ast.expr]:
        """What a function returns as it came."""
        if name not in self._returns:
            self._returns[name] = []  # recursion
            self._returns[name] = [
                bad
                for function, scope in self._functions[name]
                for node in _walk_scope(function.body)
                if isinstance(node, ast.Return) and node.value is not None
                for bad in self._bad(node.value, scope, 0)
            ]
        return self._returns[name]


def _parts(node: ast.expr) -> list[ast.expr] | None:
    """The expressions that a text or a collection of texts is made of; None for other ones."""
    for kinds, field_name in _PARTS:
        if isinstance(node, kinds):
            part = getattr(node, field_name)
            return list(part) if isinstance(part, list) else [part]
    match node:
        case ast.IfExp(body=one, orelse=other) | ast.BinOp(left=one, right=other):
            return [one, other]
    return None


_PARTS: Final = (
    ((ast.JoinedStr, ast.BoolOp, ast.Dict), "values"),
    ((ast.FormattedValue, ast.Starred, ast.Subscript, ast.NamedExpr, ast.DictComp), "value"),
    ((ast.List, ast.Tuple, ast.Set), "elts"),
    ((ast.ListComp, ast.GeneratorExp, ast.SetComp), "elt"),
)


def _draws(node: ast.Call) -> bool:
    is_log = isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "_LOGGER"
    return _called(node) in DRAWING and not is_log


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _drawn(node: ast.Call) -> Iterator[ast.expr]:
    name = _called(node)
    n_texts = {"show_chart": 3, "show_missing": 4, "metric": 3, "csv_button": 1}
    skip = 1 if name in ("show_chart", "page_link") else 0
    options = {"options"} if name in _MARKDOWN_OPTIONS else set[str]()
    most = n_texts.get(name, 2 if options else 1)
    yield from node.args[skip:most]
    yield from (
        one.value for one in node.keywords if one.arg in options or one.arg not in _NOT_DRAWN
    )


def _walk_scope(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """All nodes but those inside of inner functions, which are yielded themselves."""
    for node in body:
        yield node
        if not isinstance(node, ast.FunctionDef):
            yield from _walk_scope(ast.iter_child_nodes(node))


def _scope(function: ast.FunctionDef) -> _Scope:
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    is_drawing = function.name in DRAWING
    texts = [
        one.arg
        for one in arguments
        if not is_drawing and not (one.annotation and ast.unparse(one.annotation) in _NUMBERS)
    ]
    values = _assigned(function.body)
    for one in arguments:
        if one.arg not in texts:
            values.setdefault(one.arg, []).append(ast.Constant(0))
    return _Scope(frozenset(texts), values)


_NUMBERS: Final = ("int", "float", "bool", "int | None", "float | None")


def _assigned(body: Iterable[ast.AST]) -> dict[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = {}

    def bind(target: ast.AST, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            found.setdefault(target.id, []).append(value)
        elif isinstance(target, ast.Tuple):
            paired = (
                value.elts
                if isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts)
                else [value] * len(target.elts)
            )
            for one, its in zip(target.elts, paired, strict=True):
                bind(one, its)

    for node in _walk_scope(body):
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    bind(target, value)
            case (
                ast.AnnAssign(target=target, value=ast.expr() as value)
                | ast.AugAssign(target=target, value=value)
                | ast.NamedExpr(target=target, value=value)
            ):
                bind(target, value)
            case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                bind(target, value)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[value]):
                found.setdefault(name, []).append(value)
    return found


def _without(scope: _Scope, name: str) -> _Scope:
    """The scope while a name's own values are looked at: `x = x.strip()` adds nothing."""
    values = {**scope.values, name: [ast.Constant("")]}
    return _Scope(scope.parameters, values)
