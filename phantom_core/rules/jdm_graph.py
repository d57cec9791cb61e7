"""JDM graph: whether a graph answers what its decision table says, and nothing else changes it."""

from collections.abc import Mapping, Sequence
from typing import Final

TABLE: Final = "decisionTableNode"
_ENDS: Final = ("inputNode", "outputNode")
# What a table may say of itself that changes its input or its answer.
_CHANGES: Final = ("inputField", "outputPath")

Node = Mapping[str, object]


def graph_problem(nodes: Sequence[Node], edges: Sequence[Node]) -> str:
    """Why a graph is more or less than input → table → output, in words; empty where it is that.

    Args:
        nodes: of the graph; one of them is a decision table.
        edges: of the graph.
    """
    others = [node for node in nodes if node.get("type") not in (TABLE, *_ENDS)]
    if others:
        named = ", ".join(f"{node.get('name')} ({node.get('type')})" for node in others)
        return f"besides the table the graph has {named}"
    kinds = [str(node.get("type")) for node in nodes]
    if sorted(kinds) != sorted((*_ENDS, TABLE)):
        found = ", ".join(kinds)
        return f"found the nodes {found}, expected one input, one table and one output"
    ids = {str(node.get("type")): node.get("id") for node in nodes}
    wanted = {(ids["inputNode"], ids[TABLE]), (ids[TABLE], ids["outputNode"])}
    if {(edge.get("sourceId"), edge.get("targetId")) for edge in edges} != wanted:
        return "its edges do not lead from the input to the table and from there to the output"
    return ""


def table_problem(table: Node) -> str:
    """What a table's own settings change of its input or answer, in words; empty for nothing."""
    found = [f"{name} = {table[name]!r}" for name in _CHANGES if table.get(name)]
    mode = table.get("executionMode") or "single"
    if mode != "single":
        found.append(f"executionMode = {mode!r}")
    return f"the table has {', '.join(found)}, expected none of it" if found else ""
