"""Query keys: what pages read from an address, as their code names it."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from phantom_core.model_kinds.model_kind import MODEL_KINDS

ROOT: Final = Path(__file__).parents[2]
_READS: Final = ("get", "pop")


def query_keys() -> set[str]:
    """Keys of widgets bound to the address, of links and of `st.query_params`; `*` stands for what
    is put in.

    Raises:
        AssertionError: a key is written in a way that is not understood here.
    """
    trees = tuple(_parsed(path) for room in ("ui", "pages") for path in (ROOT / room).rglob("*.py"))
    return {key for tree in trees for key in _keys_of(tree, trees)}


def _keys_of(tree: ast.Module, trees: tuple[ast.Module, ...]) -> Iterator[str]:
    names = _constants(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            if "bind" in given:
                yield from _texts(given["key"], names, trees)
            if isinstance(given.get("query_params"), ast.Dict):
                yield from _texts(given["query_params"], names, trees)
            if (
                isinstance(node.func, ast.Attribute)
                and node.func.attr in _READS
                and _is_query(node.func.value)
            ):
                yield from _texts(node.args[0], names, trees)
        elif isinstance(node, ast.Subscript) and _is_query(node.value):
            yield from _texts(node.slice, names, trees)


def _texts(
    node: ast.expr | None, names: Mapping[str, ast.expr], trees: tuple[ast.Module, ...]
) -> Iterator[str]:
    """Every text that an expression can be."""
    match node:
        case ast.Constant(str(text)):
            yield text
        case ast.JoinedStr(parts):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "*" for part in parts
            )
        case ast.IfExp(body=one, orelse=other):
            yield from _texts(one, names, trees)
            yield from _texts(other, names, trees)
        case ast.Subscript(ast.Name(name)) if isinstance(names.get(name), ast.Dict):
            for value in _dict(names[name]).values:
                yield from _texts(value, names, trees)
        case ast.Dict(keys):
            for key in keys:
                yield from _texts(key, names, trees)
        case ast.Attribute(ast.Attribute(attr="address"), field):
            yield from (str(getattr(kind.address, field)) for kind in MODEL_KINDS.all())
        case ast.Name(name) if name in names:
            yield from _texts(names[name], names, trees)
        case ast.Name(name):
            found = [text for call in _calls(name, trees) for text in _texts(call, {}, ())]
            assert found, f"what is '{name}'?"
            yield from found
        case _:
            raise AssertionError(
                f"a key that is not understood: {ast.unparse(node) if node else None}"
            )


@cache
def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    """Constants of a module by name, those that it imports included."""
    return dict(_assigned(tree))


def _assigned(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value
        elif isinstance(node, ast.ImportFrom):
            for name in node.names:
                yield from _imported(node.module or "", name.name, name.asname or name.name)


def _imported(module: str, name: str, known_as: str) -> Iterator[tuple[str, ast.expr]]:
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    if module.startswith("ui.") and path.exists():
        found = _constants(_parsed(path)).get(name)
        if found is not None:
            yield known_as, found


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _calls(parameter: str, trees: tuple[ast.Module, ...]) -> tuple[ast.expr, ...]:
    """What functions that bind a parameter of this name are called with."""
    return tuple(_arguments(parameter, trees))


def _arguments(parameter: str, trees: tuple[ast.Module, ...]) -> Iterator[ast.expr]:
    functions = {
        node.name: names.index(parameter)
        for node in _nodes(trees)
        if isinstance(node, ast.FunctionDef)
        and parameter in (names := [one.arg for one in (*node.args.args, *node.args.kwonlyargs)])
        and _binds(node, parameter)
    }
    for node in _nodes(trees):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in functions
        ):
            named = [keyword.value for keyword in node.keywords if keyword.arg == parameter]
            yield from named or node.args[functions[node.func.id] :][:1]


@cache
def _nodes(trees: tuple[ast.Module, ...]) -> tuple[ast.AST, ...]:
    return tuple(node for tree in trees for node in ast.walk(tree))


def _binds(function: ast.FunctionDef, parameter: str) -> bool:
    keywords = [node.keywords for node in ast.walk(function) if isinstance(node, ast.Call)]
    bound = [{one.arg: ast.unparse(one.value) for one in given} for given in keywords]
    return any("bind" in given and given.get("key") == parameter for given in bound)


def _is_query(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "query_params"


def _dict(node: ast.expr) -> ast.Dict:
    assert isinstance(node, ast.Dict)
    return node
