"""Which names a piece of code takes from PHANTOM."""

import ast
from collections.abc import Collection

import phantom
import phantom.results

PUBLIC = {"phantom": phantom.__all__, "phantom.results": phantom.results.__all__}


def is_public_api(code: str, libraries: Collection[str] = ()) -> bool:
    """Whether code imports only these libraries and public names, and no private attribute.

    Args:
        code: Python.
        libraries: top-level packages that may be imported besides.
    """
    return all(_is_public(node, libraries) for node in ast.walk(ast.parse(code)))


def _is_public(node: ast.AST, libraries: Collection[str]) -> bool:
    if isinstance(node, ast.Import):
        names = [one.name for one in node.names]
        return all(name in PUBLIC or name.partition(".")[0] in libraries for name in names)
    if isinstance(node, ast.ImportFrom):
        module = node.module or ""
        names = [one.name for one in node.names]
        return module.partition(".")[0] in libraries or set(names) <= set(PUBLIC.get(module, ()))
    if isinstance(node, ast.Attribute):
        is_private = node.attr.startswith("_")
        of_phantom = isinstance(node.value, ast.Name) and node.value.id == "phantom"
        return not is_private and (not of_phantom or node.attr in phantom.__all__)
    return True
